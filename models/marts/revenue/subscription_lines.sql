select
    subscription_id,
    plan,
    product,
    billing_interval,
    amount,
    status,
    is_current,
    is_unknown
from {{ ref('int_subscription_lines__weighted') }}
