with daily_costs as (
    select * from {{ ref('channel_costs_daily') }}
),

channels as (
    select
        channel,
        min(case when is_spend_known then day_date end) as first_spend_date,
        max(case when is_spend_known then day_date end) as last_spend_date,
        {{ summed_channel_costs() }}
    from daily_costs
    group by channel
),

channels_with_cost as (
    select
        channel,
        {{ channel_label('channel') }} as channel_label,
        {{ is_mapped('channel') }} as is_mapped,
        spend,
        is_rate_missing,
        first_spend_date,
        last_spend_date,
        bookings,
        bookings_with_spend,
        {{ cost_per('spend', 'bookings_with_spend') }} as cost_per_booking,
        held,
        held_with_spend,
        {{ cost_per('spend', 'held_with_spend') }} as cost_per_held_meeting,
        no_show,
        canceled,
        scheduled,
        {{ share_of_outcomes('held') }} as held_rate,
        {{ share_of_outcomes('no_show') }} as no_show_rate
    from channels
),

ranked_channels as (
    select
        *,
        cast(row_number() over (order by is_mapped desc, bookings desc, channel asc) as integer) as rank_by_bookings,
        cast(row_number() over (order by {{ cheapest_first() }}) as integer) as rank_by_cost_per_booking
    from channels_with_cost
)

select * from ranked_channels
