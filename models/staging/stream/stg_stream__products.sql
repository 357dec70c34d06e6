select
    subscription_id,
    plan,
    product,
    billing_interval,
    amount,
    status,
    exported_at,
    _source_file as source_file,
    _loaded_at
from {{ source('stream', 'products') }}
