select
    opportunity_id,
    account_id,
    opportunity_created_at,
    created_month_start_date,
    sales_segment,
    pipeline_amount,
    channel_path,
    path_length,
    step_count,
    channel_count,
    first_channel,
    first_channel_label,
    last_channel,
    last_channel_label,
    first_event_at,
    days_to_opportunity
from {{ ref('int_opportunity_paths__traced') }}
