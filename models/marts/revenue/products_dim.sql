with products as (
    select distinct product
    from {{ ref('int_subscription_lines__weighted') }}
),

products_dim as (
    select
        product,
        {{ product_line('product') }} as product_line,
        product = {{ unknown_member() }} as is_unknown
    from products
)

select * from products_dim
