select
    spend_date,
    spend_month_start_date,
    channel,
    {{ channel_label('channel') }} as channel_label,
    campaign,
    spend,
    currency,
    exchange_rate,
    spend_in_reporting_currency,
    is_rate_missing,
    as_of_date
from {{ ref('int_spend__converted') }}
