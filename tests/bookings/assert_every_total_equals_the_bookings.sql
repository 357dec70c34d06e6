-- Whichever way bookings are cut, no booking is lost and none counts twice.
with bookings as (
    select
        count(*) filter (where booked_date is not null) as dated_bookings,
        count(*) filter (where status != 'canceled' and meeting_start_at is not null) as meetings
    from {{ ref('bookings_fact') }}
),

totals as (
    select
        'daily_calls_booked_by_source' as mart,
        coalesce(sum(bookings), 0) as bookings
    from {{ ref('daily_calls_booked_by_source') }}
    union all
    select
        'booking_trends' as mart,
        coalesce(sum(bookings), 0) as bookings
    from {{ ref('booking_trends') }}
    union all
    select
        'booking_trends, cumulative' as mart,
        coalesce(max(bookings_cumulative), 0) as bookings
    from {{ ref('booking_trends') }}
    {% for period_kind in ['day', 'week', 'month'] %}
        union all
        select
            'booking_trends_by_channel, {{ period_kind }}' as mart,
            coalesce(sum(bookings), 0) as bookings
        from {{ ref('booking_trends_by_channel') }}
        where period_kind = '{{ period_kind }}'
        union all
        select
            'booking_trends_by_channel, {{ period_kind }}, by status' as mart,
            coalesce(sum(held + no_show + canceled + scheduled), 0) as bookings
        from {{ ref('booking_trends_by_channel') }}
        where period_kind = '{{ period_kind }}'
        union all
        select
            'booking_trends_by_period, {{ period_kind }}' as mart,
            coalesce(sum(bookings), 0) as bookings
        from {{ ref('booking_trends_by_period') }}
        where period_kind = '{{ period_kind }}'
        union all
        select
            'booking_trends_by_period, {{ period_kind }}, cumulative' as mart,
            coalesce(max(bookings_cumulative), 0) as bookings
        from {{ ref('booking_trends_by_period') }}
        where period_kind = '{{ period_kind }}'
    {% endfor %}
    {% for slot_kind in ['hour_of_week', 'hour_of_day', 'day_of_week'] %}
        {% for basis in ['booked', 'meeting'] %}
            union all
            select
                'booking_time_slots, {{ slot_kind }}, {{ basis }}' as mart,
                coalesce(sum(bookings), 0) as bookings
            from {{ ref('booking_time_slots') }}
            where slot_kind = '{{ slot_kind }}' and basis = '{{ basis }}'
        {% endfor %}
    {% endfor %}
    union all
    select
        'booking_volume_by_time_slot, booked' as mart,
        coalesce(sum(bookings), 0) as bookings
    from {{ ref('booking_volume_by_time_slot') }}
    where basis = 'booked'
    union all
    select
        'booking_volume_by_time_slot, meeting' as mart,
        coalesce(sum(bookings), 0) as bookings
    from {{ ref('booking_volume_by_time_slot') }}
    where basis = 'meeting'
)

select
    totals.mart,
    totals.bookings,
    bookings.dated_bookings,
    bookings.meetings
from totals
cross join bookings
where
    totals.bookings
    != case
        when totals.mart like '%, meeting' then bookings.meetings
        else bookings.dated_bookings
    end
