-- However paths are taken together, their opportunities and pipeline are the CRM's.
with crm as (
    select
        count(*) as opportunities,
        coalesce(sum(pipeline_amount), 0) as pipeline_amount
    from {{ ref('stg_crm__opportunities') }}
),

totals as (
    select
        'journey_paths' as mart,
        sum(opportunities) as opportunities,
        sum(pipeline_amount) as pipeline_amount
    from {{ ref('journey_paths') }}
    union all
    {% for is_all_channels in ['true', 'false'] -%}
        select
            'journey_channels where is_all_channels is {{ is_all_channels }}' as mart,
            sum(opportunities) as opportunities,
            sum(pipeline_amount) as pipeline_amount
        from {{ ref('journey_channels') }}
        where is_all_channels = {{ is_all_channels }}
        union all
    {% endfor -%}
    select
        'journey_ends and (nothing known)' as mart,
        sum(opportunities) as opportunities,
        sum(pipeline_amount) as pipeline_amount
    from (
        select
            opportunities,
            pipeline_amount
        from {{ ref('journey_ends') }}
        union all
        select
            opportunities,
            pipeline_amount
        from {{ ref('journey_channels') }}
        where not is_known
    ) as ends
    union all
    select
        'journey_lengths' as mart,
        sum(opportunities) as opportunities,
        null as pipeline_amount
    from {{ ref('journey_lengths') }}
    union all
    select
        'journey_summary' as mart,
        opportunities,
        null as pipeline_amount
    from {{ ref('journey_summary') }}
)

select
    totals.mart,
    totals.opportunities,
    totals.pipeline_amount,
    crm.opportunities as opportunities_of_the_crm,
    crm.pipeline_amount as pipeline_amount_of_the_crm
from totals
cross join crm
where
    coalesce(totals.opportunities, 0) != crm.opportunities
    or totals.pipeline_amount != crm.pipeline_amount
