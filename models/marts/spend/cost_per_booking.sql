with daily_costs as (
    select * from {{ ref('channel_costs_daily') }}
    -- A booking whose date nobody knows belongs to no month.
    where month_start_date is not null
),

months as (
    select
        month_start_date,
        channel,
        {{ summed_channel_costs() }}
    from daily_costs
    group by month_start_date, channel
),

months_with_cost as (
    select
        month_start_date,
        channel,
        {{ channel_label('channel') }} as channel_label,
        spend,
        is_rate_missing,
        bookings,
        bookings_with_spend,
        {{ cost_per('spend', 'bookings_with_spend') }} as cost_per_booking,
        held,
        held_with_spend,
        {{ cost_per('spend', 'held_with_spend') }} as cost_per_held_meeting,
        no_show,
        canceled,
        scheduled
    from months
),

ranked_months as (
    select
        *,
        cast(row_number() over (
            partition by month_start_date
            order by {{ cheapest_first() }}
        ) as integer) as rank_by_cost_per_booking
    from months_with_cost
)

select * from ranked_months
