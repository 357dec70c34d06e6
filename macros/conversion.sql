{#- What the models from the first sight of a lead to its revenue have in common. -#}

{% macro unlinked_channel() -%}
    {#- The channel of what no lead, or no booking, stands behind. -#}
    '(unlinked)'
{%- endmacro %}

{% macro last_day_for_an_opportunity(booked_at) -%}
    {#- The last instant at which an opportunity can still come of what was booked then. -#}
    {{ dbt.dateadd('day', var('booking_to_opportunity_days') | int, booked_at) }}
{%- endmacro %}

{% macro is_mature_cohort(month_start_date, as_of_date) -%}
    {#- Whether a booking of a month's last day can bring no opportunity any more that is not known yet. -#}
    {{ last_day_for_an_opportunity(dbt.last_day(month_start_date, 'month')) }} < {{ as_of_date }}
{%- endmacro %}

{% macro days_of_step(earlier, later) -%}
    {#- Days from one step of a lead to the next, as both happened first; 0 where the next one came before. -#}
    case when {{ later }} < {{ earlier }} then 0 else {{ days_between(earlier, later) }} end
{%- endmacro %}

{% macro funnel_steps() -%}
    {#- What leads reach, in order. -#}
    {%- do return(['booking', 'held', 'opportunity', 'payment']) -%}
{%- endmacro %}

{% macro funnel_counts() -%}
    {#- The counts of int_lead_funnel__daily that add up over days, channels and campaigns. -#}
    {%- do return([
        'leads', 'booked_leads', 'held_leads', 'opportunity_leads', 'paying_leads',
        'held_leads_with_opportunity', 'opportunity_leads_paying',
        'bookings', 'held', 'opportunities', 'customers',
        'leads_with_spend', 'bookings_with_spend', 'held_with_spend', 'opportunities_with_spend',
        'customers_with_spend',
    ]) -%}
{%- endmacro %}

{% macro summed_funnel() -%}
    {#- In a select list: what adds up in int_lead_funnel__daily, added up. -#}
    {%- for count in funnel_counts() %}
    cast(sum({{ count }}) as bigint) as {{ count }},
    {%- endfor %}
    cast(sum(pipeline_amount) as decimal(38, 9)) as pipeline_amount,
    {{ sum_if_converted('converted_revenue', 'has_unconverted_revenue') }} as revenue,
    cast(sum(converted_revenue) as decimal(38, 9)) as converted_revenue,
    {{ dbt.bool_or('has_unconverted_revenue') }} as has_unconverted_revenue,
    {{ sum_if_converted('spend', 'is_rate_missing') }} as spend,
    {{ dbt.bool_or('is_rate_missing') }} as is_rate_missing
{%- endmacro %}

{% macro median_days() -%}
    {#- In a select list: the median days of each step of int_lead_steps__measured, of the leads that have taken it. -#}
    {%- for step in funnel_steps() %}
    percentile_cont(0.5) within group (order by days_to_{{ step }}) as median_days_to_{{ step }}
    {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro funnel_rates() -%}
    {#- In a select list: of the leads that reached a step, the share that reached the next one, too. -#}
    {{ rate('booked_leads', 'leads') }} as booked_rate,
    {{ rate('held_leads', 'booked_leads') }} as held_rate,
    {{ rate('held_leads_with_opportunity', 'held_leads') }} as opportunity_rate,
    {{ rate('opportunity_leads_paying', 'opportunity_leads') }} as paying_rate
{%- endmacro %}

{% macro unit_costs(condition='true') -%}
    {#- In a select list: spend ÷ what came on the days for which it is known, where the condition holds. -#}
    {%- set units = {
        'cost_per_lead': 'leads_with_spend',
        'cost_per_booking': 'bookings_with_spend',
        'cost_per_held_meeting': 'held_with_spend',
        'cost_per_opportunity': 'opportunities_with_spend',
        'customer_acquisition_cost': 'customers_with_spend',
    } -%}
    {%- for cost, number in units.items() %}
    case when {{ condition }} then {{ cost_per('spend', number) }} end as {{ cost }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro funnel_slices(records, month_start_date) -%}
    {#-
        The records, once for each row of lead_funnel_by_channel that they are in: their month, all time and, of a
        mature cohort, all of these; each by channel and for all channels together.
    -#}
    select
        {{ records }}.*,
        periods.period_kind,
        channels.is_all_channels,
        case when periods.period_kind = 'month' then {{ records }}.{{ month_start_date }} end as slice_month_start_date,
        case when channels.is_all_channels then {{ all_channels() }} else {{ records }}.channel end as slice_channel
    from {{ records }}
    cross join (
        select 'month' as period_kind
        union all
        select 'all_time' as period_kind
        union all
        select 'mature' as period_kind
    ) as periods
    cross join (
        select false as is_all_channels
        union all
        select true as is_all_channels
    ) as channels
    where periods.period_kind != 'mature' or {{ records }}.is_mature
{%- endmacro %}

{% macro all_channels() -%}
    {#- The name of what all channels have brought together. -#}
    'All channels'
{%- endmacro %}
