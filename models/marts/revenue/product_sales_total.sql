select
    product,
    product_label,
    product_line,
    sales,
    transaction_count,
    unconverted_transaction_count,
    sales_rank,
    is_matched
from {{ ref('int_product_sales__ranked') }}
where is_total
