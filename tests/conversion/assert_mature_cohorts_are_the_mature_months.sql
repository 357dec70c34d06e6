-- All mature months together hold what each of them does, and no other month.
{% set figures = funnel_counts() + ['pipeline_amount', 'converted_revenue'] %}
with months as (
    select
        channel,
        is_all_channels,
        min(case when leads > 0 then month_start_date end) as first_month_start_date,
        max(case when leads > 0 then month_start_date end) as last_month_start_date,
        {%- for figure in figures %}
            sum({{ figure }}) as {{ figure }},
        {%- endfor %}
        count(*) as months
    from {{ ref('lead_funnel_by_channel') }}
    where basis = 'cohort' and period_kind = 'month' and is_mature
    group by channel, is_all_channels
),

mature as (
    select *
    from {{ ref('lead_funnel_by_channel') }}
    where period_kind = 'mature'
)

select
    months.channel,
    months.leads,
    mature.basis,
    mature.channel as mature_channel,
    mature.leads as mature_leads
from months
full outer join mature
    on
        months.channel = mature.channel
        and months.is_all_channels = mature.is_all_channels
where
    months.channel is null
    or mature.channel is null
    or mature.basis != 'cohort'
    or mature.is_mature is not true
    or not mature.is_linked
    {%- for figure in figures + ['first_month_start_date', 'last_month_start_date'] %}
        or months.{{ figure }} is distinct from mature.{{ figure }}
    {%- endfor %}
