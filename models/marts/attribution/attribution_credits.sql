select
    attribution_model,
    opportunity_id,
    opportunity_created_at,
    created_month_start_date,
    sales_segment,
    touchpoint_id,
    touchpoint_type,
    channel_name,
    credit_weight,
    attributed_amount,
    unattributed_reason
from {{ ref('int_attribution_credits__shared') }}
