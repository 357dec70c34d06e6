-- Of each currency, since money of several does not add up; what cannot be matched to a product has no rank.
select
    currency,
    product,
    product_line,
    sales,
    transaction_count
from {{ ref('product_sales') }}
where sales_rank = 1
order by currency
