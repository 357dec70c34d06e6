select
    channel_name,
    channel_label,
    is_attributed,
    lowest_amount::double as lowest_amount,
    highest_amount::double as highest_amount,
    spread::double as spread,
    lowest_model,
    highest_model,
from marts.channel_model_spread
