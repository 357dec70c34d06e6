-- A credit is earned by a touch that opportunity_touchpoints links to the same opportunity, under the same channel.
select
    credits.attribution_model,
    credits.opportunity_id,
    credits.touchpoint_type,
    credits.touchpoint_id
from {{ ref('attribution_credits') }} as credits
left join {{ ref('opportunity_touchpoints') }} as touchpoints
    on
        credits.opportunity_id = touchpoints.opportunity_id
        and credits.touchpoint_type = touchpoints.touchpoint_type
        and credits.touchpoint_id = touchpoints.touchpoint_id
        and credits.channel_name = touchpoints.channel_name
where
    credits.touchpoint_id is not null
    and touchpoints.touchpoint_id is null
