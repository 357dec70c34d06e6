-- The total is one more choice of currency, under the label that the summary gives it.
with months as (
    select *, false as is_total from marts.monthly_revenue
    union all by name
    select *, true as is_total from marts.monthly_revenue_total
)

select
    summary.currency_label,
    months.month_start_date,
    strftime(months.month_start_date, '%B %Y') as month_label,
    strftime(months.month_start_date, '%B %Y') || if(months.is_partial_month, ' (not over)', '') as row_label,
    months.revenue::double as revenue,
    months.growth_rate,
    months.transaction_count,
    coalesce(months.unconverted_transaction_count, 0) as unconverted_transaction_count,
    months.active_users,
    months.average_user_transaction_amount::double as average_user_transaction_amount,
    months.refund_amount::double as refund_amount,
    months.refund_count,
    months.is_partial_month,
from months
inner join marts.revenue_summary as summary
    on months.is_total = summary.is_total and (months.is_total or months.currency = summary.currency)
