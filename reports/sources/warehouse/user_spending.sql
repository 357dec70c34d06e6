-- Customers by their id only, and no more of them than the page lists: every row selected here is shipped to the
-- reader. The total is one more choice of currency, under the label that the summary gives it.
with customers as (
    select
        false as is_total,
        currency,
        customer_id,
        total_spending,
        transaction_count,
        0 as unconverted_transaction_count,
        spending_rank,
        is_unknown,
    from marts.user_spending
    union all
    select
        true as is_total,
        settings.reporting_currency as currency,
        total.customer_id,
        total.total_spending,
        total.transaction_count,
        total.unconverted_transaction_count,
        total.spending_rank,
        total.is_unknown,
    from marts.user_spending_total as total
    cross join marts.report_settings as settings
)

select
    summary.currency_label,
    customers.customer_id,
    customers.total_spending::double as total_spending,
    customers.transaction_count,
    customers.unconverted_transaction_count,
    customers.spending_rank,
    customers.is_unknown,
from customers
inner join marts.revenue_summary as summary using (is_total, currency)
where (customers.spending_rank <= 10 and customers.total_spending is not null) or customers.is_unknown
