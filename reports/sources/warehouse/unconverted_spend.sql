select
    channel_label,
    currency,
    spend::double as spend,
    spend_days,
    strftime(first_spend_date, '%-d %B %Y') as first_spend_date_label,
    strftime(last_spend_date, '%-d %B %Y') as last_spend_date_label,
from marts.unconverted_spend
