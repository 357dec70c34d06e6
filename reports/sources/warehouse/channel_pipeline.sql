select
    attribution_model,
    attribution_model_label,
    channel_name,
    channel_label,
    is_attributed,
    attributed_amount::double as attributed_amount,
    opportunities,
    share_of_pipeline,
    rank_by_attributed_amount,
from marts.channel_pipeline
