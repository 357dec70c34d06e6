select
    month_start_date,
    currency,
    revenue,
    revenue_in_reporting_currency,
    transaction_count,
    active_users,
    average_user_transaction_amount,
    refund_amount,
    refund_count,
    growth_rate,
    is_partial_month,
    is_in_last_six_months
from {{ ref('int_revenue_months__measured') }}
where not is_total
