with daily_costs as (
    select * from {{ ref('channel_costs_daily') }}
),

bookings as (
    select * from {{ ref('bookings_fact') }}
),

campaigns as (
    select
        channel,
        campaign,
        {{ summed_channel_costs() }}
    from daily_costs
    group by channel, campaign
),

lead_times as (
    select
        channel,
        {{ campaign_label('campaign') }} as campaign,
        percentile_cont(0.5) within group (order by lead_time_hours) as median_lead_time_hours
    from bookings
    where lead_time_hours is not null
    group by channel, {{ campaign_label('campaign') }}
),

-- Money that no campaign owns was spent on the bookings of all of them: dividing it by the others' would flatter those.
divisible_campaigns as (
    select
        *,
        {{ dbt.bool_or("campaign = '(no campaign)' and (spend is not null or is_rate_missing)") }}
            over (partition by channel)
        and {{ dbt.bool_or("campaign != '(no campaign)' and bookings > 0") }} over (partition by channel)
            as is_cost_by_channel_only
    from campaigns
),

campaigns_with_cost as (
    select
        channel,
        {{ channel_label('channel') }} as channel_label,
        {{ is_mapped('channel') }} as is_mapped,
        campaign,
        bookings,
        bookings_with_spend,
        held,
        held_with_spend,
        no_show,
        canceled,
        scheduled,
        {{ share_of_outcomes('held') }} as held_rate,
        {{ share_of_outcomes('no_show') }} as no_show_rate,
        spend,
        is_rate_missing,
        is_cost_by_channel_only,
        case
            when not is_cost_by_channel_only then {{ cost_per('spend', 'bookings_with_spend') }}
        end as cost_per_booking,
        case
            when not is_cost_by_channel_only then {{ cost_per('spend', 'held_with_spend') }}
        end as cost_per_held_meeting
    from divisible_campaigns
),

campaigns_with_lead_time as (
    select
        campaigns.*,
        lead_times.median_lead_time_hours
    from campaigns_with_cost as campaigns
    left join lead_times
        on
            campaigns.channel = lead_times.channel
            and campaigns.campaign = lead_times.campaign
),

ranked_campaigns as (
    select
        *,
        cast(row_number() over (
            order by is_mapped desc, bookings desc, channel asc, campaign asc
        ) as integer) as rank_by_bookings,
        cast(row_number() over (order by {{ cheapest_first() }}, campaign asc) as integer) as rank_by_cost_per_booking
    from campaigns_with_lead_time
)

select * from ranked_campaigns
