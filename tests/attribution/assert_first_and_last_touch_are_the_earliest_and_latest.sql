-- First touch credits one touch, and no other is earlier; last touch one, and no other is later.
with credited as (
    select
        credits.attribution_model,
        credits.opportunity_id,
        min(touchpoints.touchpoint_at) as touchpoint_at,
        count(*) as credited_touches
    from {{ ref('attribution_credits') }} as credits
    inner join {{ ref('opportunity_touchpoints') }} as touchpoints
        on
            credits.opportunity_id = touchpoints.opportunity_id
            and credits.touchpoint_type = touchpoints.touchpoint_type
            and credits.touchpoint_id = touchpoints.touchpoint_id
    where credits.attribution_model in ('first_touch', 'last_touch')
    group by credits.attribution_model, credits.opportunity_id
),

touched as (
    select
        opportunity_id,
        min(touchpoint_at) as first_touchpoint_at,
        max(touchpoint_at) as last_touchpoint_at
    from {{ ref('opportunity_touchpoints') }}
    group by opportunity_id
)

select
    credited.attribution_model,
    credited.opportunity_id,
    credited.credited_touches,
    credited.touchpoint_at
from credited
inner join touched on credited.opportunity_id = touched.opportunity_id
where
    credited.credited_touches != 1
    or (credited.attribution_model = 'first_touch' and credited.touchpoint_at != touched.first_touchpoint_at)
    or (credited.attribution_model = 'last_touch' and credited.touchpoint_at != touched.last_touchpoint_at)
