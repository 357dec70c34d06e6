with bookings as (
    select * from {{ ref('bookings_fact') }}
    where booked_date is not null
),

trends as (
    select
        min(booked_date) as first_date,
        max(booked_date) as last_date
    from {{ ref('booking_trends') }}
    having count(*) > 0
),

channels as (
    select distinct channel from bookings
),

periods as (
    select
        'day' as period_kind,
        {{ dates_between('first_date', 'last_date', 'day') }} as period_start_date
    from trends
    union all
    select
        'week' as period_kind,
        {{ dates_between(week_start_date('first_date'), 'last_date', 'week') }} as period_start_date
    from trends
    union all
    select
        'month' as period_kind,
        {{ dates_between(month_start_date('first_date'), 'last_date', 'month') }} as period_start_date
    from trends
),

bookings_by_period as (
    select
        'day' as period_kind,
        booked_date as period_start_date,
        channel,
        status
    from bookings
    union all
    select
        'week' as period_kind,
        {{ week_start_date('booked_date') }} as period_start_date,
        channel,
        status
    from bookings
    union all
    select
        'month' as period_kind,
        booked_month_start_date as period_start_date,
        channel,
        status
    from bookings
),

counted_bookings as (
    select
        period_kind,
        period_start_date,
        channel,
        count(*) as bookings,
        {{ counts_by_status() }}
    from bookings_by_period
    group by period_kind, period_start_date, channel
),

-- A channel without bookings in a period is 0 there, so that a line does not leap over it.
bookings_of_every_period as (
    select
        periods.period_kind,
        periods.period_start_date,
        channels.channel,
        coalesce(counted_bookings.bookings, 0) as bookings,
        coalesce(counted_bookings.held, 0) as held,
        coalesce(counted_bookings.no_show, 0) as no_show,
        coalesce(counted_bookings.canceled, 0) as canceled,
        coalesce(counted_bookings.scheduled, 0) as scheduled
    from periods
    cross join channels
    left join counted_bookings
        on
            periods.period_kind = counted_bookings.period_kind
            and periods.period_start_date = counted_bookings.period_start_date
            and channels.channel = counted_bookings.channel
),

period_ends as (
    select
        *,
        case period_kind
            when 'day' then period_start_date
            when 'week' then cast({{ dbt.dateadd('day', 6, 'period_start_date') }} as date)
            else cast({{ dbt.last_day('period_start_date', 'month') }} as date)
        end as period_end_date
    from bookings_of_every_period
),

booking_trends_by_channel as (
    select
        period_kind,
        period_start_date,
        period_end_date,
        channel,
        {{ channel_label('channel') }} as channel_label,
        bookings,
        held,
        no_show,
        canceled,
        scheduled,
        cast(
            sum(bookings) over (partition by period_kind, channel order by period_start_date) as bigint
        ) as bookings_cumulative,
        period_end_date >= {{ reporting_date(as_of()) }} as is_partial_period
    from period_ends
)

select * from booking_trends_by_channel
