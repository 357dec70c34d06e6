with daily_costs as (
    select * from {{ ref('channel_costs_daily') }}
),

channels as (
    select * from {{ ref('channel_costs') }}
),

totals as (
    select
        min(case when is_spend_known then day_date end) as first_spend_date,
        max(case when is_spend_known then day_date end) as last_spend_date,
        {{ summed_channel_costs() }}
    from daily_costs
),

-- Of several that cost the same the first by name is meant; where all do, none is the dearest.
compared_channels as (
    select
        channel,
        channel_label,
        cost_per_booking,
        row_number() over (order by cost_per_booking asc, channel asc) as cheapest_first,
        row_number() over (order by cost_per_booking desc, channel asc) as dearest_first
    from channels
    where cost_per_booking is not null
),

best_channel as (
    select * from compared_channels
    where cheapest_first = 1
),

dearest_channel as (
    select * from compared_channels
    where dearest_first = 1 and cheapest_first > 1
),

fruitless_channels as (
    select
        count(*) as channels_without_bookings,
        {{ sum_if_converted('spend', 'is_rate_missing') }} as spend_without_bookings
    from channels
    where first_spend_date is not null and bookings_with_spend = 0
),

totals_with_cost as (
    select
        bookings,
        bookings_with_spend,
        spend,
        is_rate_missing,
        first_spend_date,
        last_spend_date,
        {{ cost_per('spend', 'bookings_with_spend') }} as cost_per_booking,
        held,
        held_with_spend,
        {{ cost_per('spend', 'held_with_spend') }} as cost_per_held_meeting,
        no_show,
        canceled,
        scheduled,
        {{ share_of_outcomes('held') }} as held_rate,
        {{ share_of_outcomes('no_show') }} as no_show_rate
    from totals
),

booking_cost_summary as (
    select
        totals_with_cost.*,
        best_channel.channel as best_channel,
        best_channel.channel_label as best_channel_label,
        best_channel.cost_per_booking as best_cost_per_booking,
        dearest_channel.channel as dearest_channel,
        dearest_channel.channel_label as dearest_channel_label,
        dearest_channel.cost_per_booking as dearest_cost_per_booking,
        fruitless_channels.channels_without_bookings,
        fruitless_channels.spend_without_bookings
    from totals_with_cost
    cross join fruitless_channels
    left join best_channel on true
    left join dearest_channel on true
)

select * from booking_cost_summary
