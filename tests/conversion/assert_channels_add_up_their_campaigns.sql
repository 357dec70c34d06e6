-- A month of a channel in lead_funnel_by_channel is the sum of its campaigns in lead_funnel.
{% set figures = funnel_counts() + ['pipeline_amount', 'converted_revenue'] %}
with campaigns as (
    select
        basis,
        month_start_date,
        channel,
        is_linked,
        {%- for figure in figures %}
            sum({{ figure }}) as {{ figure }},
        {%- endfor %}
        count(*) as campaigns
    from {{ ref('lead_funnel') }}
    group by basis, month_start_date, channel, is_linked
),

channels as (
    select *
    from {{ ref('lead_funnel_by_channel') }}
    where period_kind = 'month' and not is_all_channels
)

select
    campaigns.basis,
    campaigns.month_start_date,
    campaigns.channel,
    channels.basis as basis_by_channel,
    channels.month_start_date as month_by_channel,
    channels.channel as channel_by_channel
from campaigns
full outer join channels
    on
        campaigns.basis = channels.basis
        and campaigns.month_start_date is not distinct from channels.month_start_date
        and campaigns.channel = channels.channel
        and campaigns.is_linked = channels.is_linked
where
    campaigns.basis is null
    or channels.basis is null
    {%- for figure in figures %}
        or campaigns.{{ figure }} is distinct from channels.{{ figure }}
    {%- endfor %}
