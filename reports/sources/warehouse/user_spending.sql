-- Customers by their id only, and no more of them than the page lists: every row selected here is shipped to the
-- reader. The total is one more choice of currency, under the label that the summary gives it.
with customers as (
    select *, false as is_total from marts.user_spending
    union all by name
    select *, true as is_total from marts.user_spending_total
)

select
    summary.currency_label,
    customers.customer_id,
    customers.total_spending::double as total_spending,
    customers.transaction_count,
    customers.spending_rank,
    customers.is_unknown,
from customers
inner join marts.revenue_summary as summary
    on customers.is_total = summary.is_total and (customers.is_total or customers.currency = summary.currency)
where (customers.spending_rank <= 10 and customers.total_spending is not null) or customers.is_unknown
