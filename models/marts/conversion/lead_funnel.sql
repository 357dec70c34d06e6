{%- set keys = ['basis', 'month_start_date', 'channel', 'campaign', 'is_linked'] %}
with daily_funnel as (
    select * from {{ ref('int_lead_funnel__daily') }}
),

lead_steps as (
    select * from {{ ref('int_lead_steps__measured') }}
),

months as (
    select
        {{ keys | join(',\n        ') }},
        {{ dbt.bool_or('is_mature') }} as is_mature,
        {{ summed_funnel() }}
    from daily_funnel
    group by {{ keys | join(', ') }}
),

campaigns as (
    select
        *,
        campaign != '(no campaign)' as has_campaign,
        spend is not null or is_rate_missing as has_spend,
        leads + bookings + opportunities + customers > 0 as has_brought_anything
    from months
),

-- Money that no campaign owns was spent on what all of them brought, and what has no campaign may have been brought by
-- the money of any: dividing what is left would flatter some campaigns and slander others.
divisible_months as (
    select
        *,
        (
            {{ dbt.bool_or('has_spend and not has_campaign') }} over channel_months
            and {{ dbt.bool_or('has_brought_anything and has_campaign') }} over channel_months
        )
        or (
            {{ dbt.bool_or('has_spend and has_campaign') }} over channel_months
            and {{ dbt.bool_or('has_brought_anything and not has_campaign') }} over channel_months
        ) as is_cost_by_channel_only
    from campaigns
    window channel_months as (partition by basis, month_start_date, channel, is_linked)
),

medians as (
    select
        first_seen_month_start_date as month_start_date,
        channel,
        campaign,
        {{ median_days() }}
    from lead_steps
    group by first_seen_month_start_date, channel, campaign
),

lead_funnel as (
    select
        months.basis,
        months.month_start_date,
        months.channel,
        {{ channel_label('months.channel') }} as channel_label,
        months.campaign,
        months.is_linked,
        months.is_mature,
        {%- for count in funnel_counts() %}
            months.{{ count }},
        {%- endfor %}
        months.pipeline_amount,
        months.revenue,
        months.converted_revenue,
        months.has_unconverted_revenue,
        {{ funnel_rates() }},
        {%- for step in funnel_steps() %}
            medians.median_days_to_{{ step }},
        {%- endfor %}
        months.spend,
        months.is_rate_missing,
        months.is_cost_by_channel_only,
        {{ unit_costs('not months.is_cost_by_channel_only') }}
    from divisible_months as months
    left join medians
        on
            months.month_start_date = medians.month_start_date
            and months.channel = medians.channel
            and months.campaign = medians.campaign
            and months.is_linked
            and months.basis = 'cohort'
)

select * from lead_funnel
