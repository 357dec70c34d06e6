-- The total is one more choice of currency, under the label that the summary gives it.
with products as (
    select *, false as is_total from marts.product_sales
    union all by name
    select *, true as is_total from marts.product_sales_total
)

select
    summary.currency_label,
    products.product_label,
    if(products.is_matched, products.product_line, null) as product_line,
    products.sales::double as sales,
    products.transaction_count,
    products.sales_rank,
    products.is_matched,
from products
inner join marts.revenue_summary as summary
    on products.is_total = summary.is_total and (products.is_total or products.currency = summary.currency)
