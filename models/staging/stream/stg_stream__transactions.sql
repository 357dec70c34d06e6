select
    transaction_id,
    customer_id,
    subscription_id,
    transaction_at,
    total as amount,
    currency,
    _loaded_at
from {{ source('stream', 'transactions') }}
