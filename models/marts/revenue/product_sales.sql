select
    product,
    product_label,
    product_line,
    currency,
    sales,
    sales_in_reporting_currency,
    transaction_count,
    sales_rank,
    is_matched
from {{ ref('int_product_sales__ranked') }}
where not is_total
