select
    spend_id,
    as_of_date,
    spend_date,
    channel,
    campaign,
    spend,
    currency,
    _loaded_at
from {{ source('ad_spend', 'spend') }}
