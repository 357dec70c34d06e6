{{ config(materialized='table') }}
with transactions as (
    select * from {{ ref('int_transactions__scoped') }}
),

spending as (
    select
        is_total,
        currency,
        customer_id,
        count(*) as transaction_count,
        count(*) filter (where is_unconverted) as unconverted_transaction_count,
        min(transaction_date) as first_transaction_date,
        max(transaction_date) as last_transaction_date,
        {{ sum_if_converted('amount', 'is_unconverted') }} as total_spending,
        {{ sum_if_converted('amount_in_reporting_currency', 'is_rate_missing') }}
            as total_spending_in_reporting_currency
    from transactions
    group by is_total, currency, customer_id
),

ranked_spending as (
    select
        *,
        customer_id = {{ unknown_member() }} as is_unknown,
        {{ rank_of_known('customer_id', 'total_spending') }} as spending_rank
    from spending
)

select * from ranked_spending
