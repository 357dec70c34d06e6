select
    month_start_date,
    revenue,
    converted_revenue,
    transaction_count,
    unconverted_transaction_count,
    active_users,
    average_user_transaction_amount,
    refund_amount,
    refund_count,
    growth_rate,
    is_partial_month,
    is_in_last_six_months
from {{ ref('int_revenue_months__measured') }}
where is_total
