-- The total is one more choice of currency, under the label that the summary gives it.
with products as (
    select
        false as is_total,
        currency,
        product_label,
        product_line,
        sales,
        transaction_count,
        0 as unconverted_transaction_count,
        sales_rank,
        is_matched,
    from marts.product_sales
    union all
    select
        true as is_total,
        settings.reporting_currency as currency,
        total.product_label,
        total.product_line,
        total.sales,
        total.transaction_count,
        total.unconverted_transaction_count,
        total.sales_rank,
        total.is_matched,
    from marts.product_sales_total as total
    cross join marts.report_settings as settings
)

select
    summary.currency_label,
    products.product_label,
    if(products.is_matched, products.product_line, null) as product_line,
    products.sales::double as sales,
    products.transaction_count,
    products.unconverted_transaction_count,
    products.sales_rank,
    products.is_matched,
from products
inner join marts.revenue_summary as summary using (is_total, currency)
