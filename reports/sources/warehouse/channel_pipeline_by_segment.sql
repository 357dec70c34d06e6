select
    attribution_model,
    channel_name,
    channel_label,
    is_attributed,
    sales_segment,
    attributed_amount::double as attributed_amount,
    opportunities,
    share_of_segment_pipeline,
    rank_in_segment,
from marts.channel_pipeline_by_segment
