select
    channel_label,
    is_all_channels,
    accounts_touched,
    accounts_converted,
    conversion_rate,
    accounts_converted_in_window,
    rank_by_conversion_rate,
from marts.channel_conversion
