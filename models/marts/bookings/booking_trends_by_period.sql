with channel_trends as (
    select * from {{ ref('booking_trends_by_channel') }}
),

periods as (
    select
        period_kind,
        period_start_date,
        period_end_date,
        is_partial_period,
        cast(sum(bookings) as bigint) as bookings,
        cast(sum(held) as bigint) as held,
        cast(sum(no_show) as bigint) as no_show,
        cast(sum(canceled) as bigint) as canceled,
        cast(sum(scheduled) as bigint) as scheduled,
        cast(sum(bookings_cumulative) as bigint) as bookings_cumulative
    from channel_trends
    group by period_kind, period_start_date, period_end_date, is_partial_period
),

compared_periods as (
    select
        *,
        lag(bookings) over (partition by period_kind order by period_start_date) as previous_bookings,
        max(case when not is_partial_period then period_start_date end)
            over (partition by period_kind) as latest_complete_start_date
    from periods
),

booking_trends_by_period as (
    select
        period_kind,
        period_start_date,
        period_end_date,
        bookings,
        previous_bookings,
        held,
        no_show,
        canceled,
        scheduled,
        bookings_cumulative,
        is_partial_period,
        -- What is not over yet would nearly always look like a fall.
        case
            when not is_partial_period then {{ rate('bookings - previous_bookings', 'previous_bookings') }}
        end as change_rate,
        coalesce(period_start_date = latest_complete_start_date, false) as is_latest_complete_period
    from compared_periods
)

select * from booking_trends_by_period
