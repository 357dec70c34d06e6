select
    currency_label,
    currency,
    is_total,
    sort_order,
    -- A sum that cannot be told would be a poor beginning.
    row_number() over (
        order by coalesce(revenue, all_time_revenue) is null, not is_total, sort_order
    ) = 1 as is_opening_choice,
    revenue::double as revenue,
    transaction_count,
    active_users,
    average_user_transaction_amount::double as average_user_transaction_amount,
    refund_amount::double as refund_amount,
    unconverted_transaction_count,
    newest_month_revenue::double as newest_month_revenue,
    newest_month_growth_rate,
    six_months_growth_rate,
    top_product,
    top_product_sales::double as top_product_sales,
    all_time_revenue::double as all_time_revenue,
    all_time_transaction_count,
    all_time_unconverted_transaction_count,
    case
        when year(six_months_start_date) = year(six_months_end_date) then strftime(six_months_start_date, '%B')
        else strftime(six_months_start_date, '%B %Y')
    end || ' to ' || strftime(six_months_end_date, '%B %Y') as six_months_label,
    strftime(newest_month_start_date, '%B %Y') as newest_month_label,
    strftime(first_transaction_date, '%-d %B %Y') as first_transaction_date_label,
    strftime(last_transaction_date, '%-d %B %Y') as last_transaction_date_label,
from marts.revenue_summary
