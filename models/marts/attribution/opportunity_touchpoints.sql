select
    opportunity_id,
    account_id,
    pipeline_amount,
    opportunity_created_at,
    sales_segment,
    touchpoint_id,
    touchpoint_type,
    channel_name,
    contact_id,
    touchpoint_at,
    touch_position,
    touch_count
from {{ ref('int_opportunity_touchpoints__linked') }}
