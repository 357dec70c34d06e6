-- All time only: no page shows the months yet, and every row selected here is shipped to the reader.
select
    attribution_model,
    channel_name,
    channel_label,
    attributed_amount::double as attributed_amount,
    spend::double as spend,
    attributed_amount_with_spend::double as attributed_amount_with_spend,
    comparable_profit::double as comparable_profit,
    comparable_roi_pct,
from marts.channel_roi
where month_start_date is null and is_attributed
