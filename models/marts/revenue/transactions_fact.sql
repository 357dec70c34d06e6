select
    transaction_id,
    customer_id,
    subscription_id,
    customer_id_as_written,
    subscription_id_as_written,
    transaction_at,
    transaction_date,
    month_start_date,
    amount,
    currency,
    exchange_rate,
    amount_in_reporting_currency,
    is_rate_missing,
    is_refund,
    is_zero,
    is_matched
from {{ ref('int_transactions__resolved') }}
