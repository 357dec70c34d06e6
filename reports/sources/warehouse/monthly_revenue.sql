-- The total is one more choice of currency, under the label that the summary gives it.
with months as (
    select
        false as is_total,
        currency,
        month_start_date,
        revenue,
        growth_rate,
        transaction_count,
        0 as unconverted_transaction_count,
        active_users,
        average_user_transaction_amount,
        refund_amount,
        refund_count,
        is_partial_month,
    from marts.monthly_revenue
    union all
    select
        true as is_total,
        settings.reporting_currency as currency,
        total.month_start_date,
        total.revenue,
        total.growth_rate,
        total.transaction_count,
        total.unconverted_transaction_count,
        total.active_users,
        total.average_user_transaction_amount,
        total.refund_amount,
        total.refund_count,
        total.is_partial_month,
    from marts.monthly_revenue_total as total
    cross join marts.report_settings as settings
)

select
    summary.currency_label,
    months.month_start_date,
    strftime(months.month_start_date, '%B %Y') as month_label,
    strftime(months.month_start_date, '%B %Y') || if(months.is_partial_month, ' (not over)', '') as row_label,
    months.revenue::double as revenue,
    months.growth_rate,
    months.transaction_count,
    months.unconverted_transaction_count,
    months.active_users,
    months.average_user_transaction_amount::double as average_user_transaction_amount,
    months.refund_amount::double as refund_amount,
    months.refund_count,
    months.is_partial_month,
from months
inner join marts.revenue_summary as summary using (is_total, currency)
