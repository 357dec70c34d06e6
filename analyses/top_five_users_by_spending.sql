-- Of each currency, since money of several does not add up; what customers nobody knows have spent has no rank.
select
    currency,
    spending_rank,
    customer_id,
    total_spending,
    transaction_count
from {{ ref('user_spending') }}
where spending_rank <= 5
order by currency, spending_rank
