{{ config(materialized='table') }}
with transactions as (
    select * from {{ ref('int_transactions__scoped') }}
),

shares as (
    select * from {{ ref('int_transaction_lines__shared') }}
),

scoped_shares as (
    select
        transactions.is_total,
        transactions.currency,
        transactions.transaction_id,
        transactions.is_unconverted,
        transactions.is_rate_missing,
        shares.product,
        shares.amount_in_reporting_currency,
        case
            when transactions.is_total then shares.amount_in_reporting_currency
            else shares.amount
        end as amount
    from transactions
    inner join shares on transactions.transaction_id = shares.transaction_id
),

-- Two lines of a subscription may be of one product: its transactions count once.
sales as (
    select
        is_total,
        currency,
        product,
        count(distinct transaction_id) as transaction_count,
        count(distinct case when is_unconverted then transaction_id end) as unconverted_transaction_count,
        {{ sum_if_converted('amount', 'is_unconverted') }} as sales,
        {{ sum_if_converted('amount_in_reporting_currency', 'is_rate_missing') }} as sales_in_reporting_currency
    from scoped_shares
    group by is_total, currency, product
),

ranked_sales as (
    select
        *,
        product != {{ unknown_member() }} as is_matched,
        case
            when product = {{ unknown_member() }} then 'No known product'
            else product
        end as product_label,
        {{ product_line('product') }} as product_line,
        {{ rank_of_known('product', 'sales') }} as sales_rank
    from sales
)

select * from ranked_sales
