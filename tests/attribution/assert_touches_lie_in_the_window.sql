select
    opportunity_id,
    touchpoint_id,
    touchpoint_at,
    opportunity_created_at
from {{ ref('opportunity_touchpoints') }}
where
    touchpoint_at > opportunity_created_at
    or touchpoint_at < {{ window_start('opportunity_created_at') }}
