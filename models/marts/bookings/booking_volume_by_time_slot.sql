with bookings as (
    select * from {{ ref('bookings_fact') }}
),

slots as (
    select
        'booked' as basis,
        channel,
        {{ reporting_time('booked_at') }} as slot_at
    from bookings
    where booked_at is not null
    union all
    select
        'meeting' as basis,
        channel,
        {{ reporting_time('meeting_start_at') }} as slot_at
    from bookings
    where status != 'canceled' and meeting_start_at is not null
),

slots_of_the_week as (
    select
        basis,
        channel,
        cast(extract(hour from slot_at) as integer) as hour_of_day,
        {{ iso_day_of_week('slot_at') }} as iso_day_of_week
    from slots
),

booking_volume_by_time_slot as (
    select
        basis,
        iso_day_of_week,
        {{ day_name('iso_day_of_week') }} as day_name,
        hour_of_day,
        channel,
        {{ channel_label('channel') }} as channel_label,
        count(*) as bookings
    from slots_of_the_week
    group by basis, iso_day_of_week, hour_of_day, channel
)

select * from booking_volume_by_time_slot
