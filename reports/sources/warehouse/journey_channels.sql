select
    channel_label,
    is_all_channels,
    is_known,
    opportunities,
    share_of_opportunities,
    pipeline_amount::double as pipeline_amount,
    median_path_length,
    median_days_to_opportunity,
    rank_by_opportunities,
from marts.journey_channels
