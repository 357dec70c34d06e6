with attribution_models as (
    select * from {{ ref('attribution_models') }}
),

opportunity_touchpoints as (
    select * from {{ ref('int_opportunity_touchpoints__linked') }}
),

unattributed_opportunities as (
    select * from {{ ref('int_opportunities__unattributed') }}
),

-- A model's weights cut an opportunity into whole parts: (first + last + even) × touches of them. A touch gets what
-- lies between the parts given out before it and those given out with it.
parts as (
    select
        attribution_models.attribution_model,
        opportunity_touchpoints.opportunity_id,
        opportunity_touchpoints.opportunity_created_at,
        opportunity_touchpoints.created_month_start_date,
        opportunity_touchpoints.sales_segment,
        opportunity_touchpoints.touchpoint_id,
        opportunity_touchpoints.touchpoint_type,
        opportunity_touchpoints.channel_name,
        coalesce(opportunity_touchpoints.pipeline_amount, 0) as amount,
        (attribution_models.first_weight + attribution_models.last_weight + attribution_models.even_weight)
        * opportunity_touchpoints.touch_count as parts_in_all,
        case
            when opportunity_touchpoints.touch_position = 1 then 0
            else attribution_models.first_weight * opportunity_touchpoints.touch_count
        end
        + attribution_models.even_weight * (opportunity_touchpoints.touch_position - 1) as parts_before,
        attribution_models.first_weight * opportunity_touchpoints.touch_count
        + attribution_models.even_weight * opportunity_touchpoints.touch_position
        + case
            when opportunity_touchpoints.touch_position = opportunity_touchpoints.touch_count
                then attribution_models.last_weight * opportunity_touchpoints.touch_count
            else 0
        end as parts_with
    from opportunity_touchpoints
    cross join attribution_models
),

credited as (
    select
        attribution_model,
        opportunity_id,
        opportunity_created_at,
        created_month_start_date,
        sales_segment,
        touchpoint_id,
        touchpoint_type,
        channel_name,
        {{ running_share('1', 'parts_with', 'parts_in_all', 18) }}
        - {{ running_share('1', 'parts_before', 'parts_in_all', 18) }} as credit_weight,
        {{ running_share('amount', 'parts_with', 'parts_in_all', 9) }}
        - {{ running_share('amount', 'parts_before', 'parts_in_all', 9) }} as attributed_amount,
        cast(null as varchar) as unattributed_reason
    from parts
    where parts_with > parts_before
),

unattributed as (
    select
        attribution_models.attribution_model,
        unattributed_opportunities.opportunity_id,
        unattributed_opportunities.opportunity_created_at,
        unattributed_opportunities.created_month_start_date,
        unattributed_opportunities.sales_segment,
        cast(null as varchar) as touchpoint_id,
        cast(null as varchar) as touchpoint_type,
        'unattributed' as channel_name,
        cast(1 as decimal(38, 18)) as credit_weight,
        coalesce(unattributed_opportunities.pipeline_amount, 0) as attributed_amount,
        unattributed_opportunities.unattributed_reason
    from unattributed_opportunities
    cross join attribution_models
),

attribution_credits as (
    select * from credited
    union all
    select * from unattributed
)

select
    attribution_model,
    opportunity_id,
    opportunity_created_at,
    created_month_start_date,
    sales_segment,
    touchpoint_id,
    touchpoint_type,
    channel_name,
    cast(credit_weight as decimal(38, 18)) as credit_weight,
    cast(attributed_amount as decimal(38, 9)) as attributed_amount,
    unattributed_reason
from attribution_credits
