{{ config(materialized='table') }}
with transactions as (
    select
        transaction_id,
        subscription_id,
        coalesce(amount, 0) as amount,
        -- What is nothing comes to nothing at any rate.
        case when not is_rate_missing then coalesce(exchange_rate, 0) end as exchange_rate
    from {{ ref('int_transactions__resolved') }}
),

current_lines as (
    select * from {{ ref('int_subscription_lines__weighted') }}
    where is_current
),

-- What the lines have got so far, each with those before it: the last one has got the whole amount.
running_shares as (
    select
        transactions.transaction_id,
        transactions.subscription_id,
        transactions.exchange_rate,
        current_lines.plan,
        current_lines.product,
        {{ running_share('transactions.amount', 'current_lines.parts_with', 'current_lines.parts_in_all', 9) }}
            as shared_with,
        {{ running_share('transactions.amount', 'current_lines.parts_before', 'current_lines.parts_in_all', 9) }}
            as shared_before
    from transactions
    inner join current_lines on transactions.subscription_id = current_lines.subscription_id
),

-- Running shares are converted, not shares, so that these too add up to what the whole amount comes to.
shares as (
    select
        transaction_id,
        subscription_id,
        plan,
        product,
        cast(shared_with - shared_before as decimal(38, 9)) as amount,
        cast(
            cast(shared_with * exchange_rate as decimal(38, 9))
            - cast(shared_before * exchange_rate as decimal(38, 9))
            as decimal(38, 9)
        ) as amount_in_reporting_currency
    from running_shares
)

select * from shares
