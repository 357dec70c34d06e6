select
    customer_id,
    currency,
    transaction_count,
    total_spending,
    total_spending_in_reporting_currency,
    first_transaction_date,
    last_transaction_date,
    spending_rank,
    is_unknown
from {{ ref('int_user_spending__ranked') }}
where not is_total
