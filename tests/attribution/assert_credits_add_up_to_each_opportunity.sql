-- Per model and opportunity weights add up to 1 and amounts to the opportunity's amount, to the last digit; and no
-- opportunity is missing from any model.
with opportunities as (
    select
        attribution_models_dim.attribution_model,
        opportunities.opportunity_id,
        coalesce(opportunities.pipeline_amount, 0) as pipeline_amount
    from {{ ref('stg_crm__opportunities') }} as opportunities
    cross join {{ ref('attribution_models_dim') }} as attribution_models_dim
),

credits as (
    select
        attribution_model,
        opportunity_id,
        sum(credit_weight) as credit_weight,
        sum(attributed_amount) as attributed_amount
    from {{ ref('attribution_credits') }}
    group by attribution_model, opportunity_id
)

select
    opportunities.attribution_model,
    opportunities.opportunity_id,
    opportunities.pipeline_amount,
    credits.attributed_amount,
    credits.credit_weight
from opportunities
full outer join credits
    on
        opportunities.attribution_model = credits.attribution_model
        and opportunities.opportunity_id = credits.opportunity_id
where
    (
        credits.credit_weight = 1
        and credits.attributed_amount = opportunities.pipeline_amount
    ) is not true
