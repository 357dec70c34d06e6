{{ config(materialized='table') }}

{%- set keys = ['basis', 'day_date', 'channel', 'campaign', 'is_linked'] %}
{%- set steps = [
    'booked_leads', 'held_leads', 'opportunity_leads', 'paying_leads', 'held_leads_with_opportunity',
    'opportunity_leads_paying',
] %}
{%- set units = ['leads', 'bookings', 'held', 'opportunities', 'customers'] %}

with events as (
    select * from {{ ref('int_lead_events__unioned') }}
),

lead_steps as (
    select * from {{ ref('int_lead_steps__measured') }}
),

spend as (
    select * from {{ ref('int_spend__converted') }}
),

-- A cohort is asked what became of its leads, whenever and through whatever channel it did.
placed_events as (
    select
        'activity' as basis,
        event_date as day_date,
        coalesce(channel, {{ unlinked_channel() }}) as channel,
        {{ campaign_label('campaign') }} as campaign,
        channel is not null as is_linked,
        event_kind,
        is_held,
        amount,
        is_unconverted,
        cast(null as boolean) as is_lead_booked,
        cast(null as boolean) as is_lead_held,
        cast(null as boolean) as has_lead_opportunity,
        cast(null as boolean) as is_lead_paying
    from events
    union all
    select
        'cohort' as basis,
        lead_steps.first_seen_date as day_date,
        coalesce(lead_steps.channel, {{ unlinked_channel() }}) as channel,
        {{ campaign_label('lead_steps.campaign') }} as campaign,
        lead_steps.person_id is not null as is_linked,
        events.event_kind,
        events.is_held,
        events.amount,
        events.is_unconverted,
        lead_steps.is_booked as is_lead_booked,
        lead_steps.is_held as is_lead_held,
        lead_steps.has_opportunity as has_lead_opportunity,
        lead_steps.is_paying as is_lead_paying
    from events
    left join lead_steps on events.person_id = lead_steps.person_id
),

counted_events as (
    select
        {{ keys | join(',\n        ') }},
        count(*) filter (where event_kind = 'lead') as leads,
        count(*) filter (where event_kind = 'lead' and is_lead_booked) as booked_leads,
        count(*) filter (where event_kind = 'lead' and is_lead_held) as held_leads,
        count(*) filter (where event_kind = 'lead' and has_lead_opportunity) as opportunity_leads,
        count(*) filter (where event_kind = 'lead' and is_lead_paying) as paying_leads,
        count(*) filter (
            where event_kind = 'lead' and is_lead_held and has_lead_opportunity
        ) as held_leads_with_opportunity,
        count(*) filter (
            where event_kind = 'lead' and has_lead_opportunity and is_lead_paying
        ) as opportunity_leads_paying,
        count(*) filter (where event_kind = 'booking') as bookings,
        count(*) filter (where event_kind = 'booking' and is_held) as held,
        count(*) filter (where event_kind = 'opportunity') as opportunities,
        count(*) filter (where event_kind = 'customer') as customers,
        coalesce(sum(amount) filter (where event_kind = 'opportunity'), 0) as pipeline_amount,
        coalesce(sum(amount) filter (where event_kind = 'transaction'), 0) as converted_revenue,
        {{ dbt.bool_or('is_unconverted') }} as has_unconverted_revenue
    from placed_events
    group by {{ keys | join(', ') }}
),

-- Money is spent on a day, whichever way what came of it is counted.
bases as (
    select 'activity' as basis
    union all
    select 'cohort' as basis
),

daily_spend as (
    select
        spend_date as day_date,
        channel,
        {{ campaign_label('campaign') }} as campaign,
        {{ sum_if_converted('spend_in_reporting_currency', 'is_rate_missing') }} as spend,
        {{ dbt.bool_or('is_rate_missing') }} as is_rate_missing
    from spend
    group by spend_date, channel, {{ campaign_label('campaign') }}
),

spend_of_bases as (
    select
        bases.basis,
        daily_spend.day_date,
        daily_spend.channel,
        daily_spend.campaign,
        daily_spend.spend,
        daily_spend.is_rate_missing,
        true as is_linked
    from daily_spend
    cross join bases
),

days_with_spend as (
    select distinct
        day_date,
        channel
    from daily_spend
),

days as (
    select
        spend_of_bases.spend,
        {%- for key in keys %}
            coalesce(counted_events.{{ key }}, spend_of_bases.{{ key }}) as {{ key }},
        {%- endfor %}
        {%- for number in units + steps + ['pipeline_amount', 'converted_revenue'] %}
            coalesce(counted_events.{{ number }}, 0) as {{ number }},
        {%- endfor %}
        coalesce(counted_events.has_unconverted_revenue, false) as has_unconverted_revenue,
        coalesce(spend_of_bases.is_rate_missing, false) as is_rate_missing
    from counted_events
    full outer join spend_of_bases
        on
            counted_events.basis = spend_of_bases.basis
            and counted_events.day_date = spend_of_bases.day_date
            and counted_events.channel = spend_of_bases.channel
            and counted_events.campaign = spend_of_bases.campaign
            and counted_events.is_linked = spend_of_bases.is_linked
),

-- Whether anything has spend to be compared with is asked of its channel: no file says what a campaign did not cost.
daily_funnel as (
    select
        days.basis,
        days.day_date,
        {{ month_start_date('days.day_date') }} as month_start_date,
        days.channel,
        days.campaign,
        days.is_linked,
        case
            when days.basis = 'cohort'
                then {{ is_mature_cohort(month_start_date('days.day_date'), reporting_date(as_of())) }}
        end as is_mature,
        days.spend,
        days.is_rate_missing,
        days.is_linked and days_with_spend.channel is not null as is_spend_known,
        {%- for unit in units %}
            days.{{ unit }},
            case
                when days.is_linked and days_with_spend.channel is not null then days.{{ unit }} else 0
            end as {{ unit }}_with_spend,
        {%- endfor %}
        {%- for step in steps %}
            case when days.basis = 'cohort' then days.{{ step }} end as {{ step }},
        {%- endfor %}
        cast(days.pipeline_amount as decimal(38, 9)) as pipeline_amount,
        cast(days.converted_revenue as decimal(38, 9)) as converted_revenue,
        days.has_unconverted_revenue
    from days
    left join days_with_spend
        on
            days.day_date = days_with_spend.day_date
            and days.channel = days_with_spend.channel
)

select * from daily_funnel
