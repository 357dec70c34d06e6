select
    customer_id,
    transaction_count,
    total_spending,
    unconverted_transaction_count,
    first_transaction_date,
    last_transaction_date,
    spending_rank,
    is_unknown
from {{ ref('int_user_spending__ranked') }}
where is_total
