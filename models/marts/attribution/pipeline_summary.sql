with opportunities as (
    select
        count(*) as opportunities,
        count(*) filter (where pipeline_amount is null) as opportunities_without_amount,
        coalesce(sum(pipeline_amount), 0) as pipeline_amount
    from {{ ref('stg_crm__opportunities') }}
),

unattributed as (
    select
        count(*) as unattributed_opportunities,
        coalesce(sum(pipeline_amount), 0) as unattributed_amount
    from {{ ref('int_opportunities__unattributed') }}
),

pipeline_summary as (
    select
        opportunities.opportunities,
        cast(opportunities.pipeline_amount as decimal(38, 9)) as pipeline_amount,
        opportunities.opportunities - unattributed.unattributed_opportunities as attributed_opportunities,
        cast(opportunities.pipeline_amount - unattributed.unattributed_amount as decimal(38, 9)) as attributed_amount,
        unattributed.unattributed_opportunities,
        cast(unattributed.unattributed_amount as decimal(38, 9)) as unattributed_amount,
        {{ rate('unattributed.unattributed_amount', 'opportunities.pipeline_amount') }} as unattributed_share,
        opportunities.opportunities_without_amount
    from opportunities
    cross join unattributed
)

select * from pipeline_summary
