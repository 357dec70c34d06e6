{{ config(materialized='table') }}
with transactions as (
    select
        transaction_id,
        transaction_at,
        amount,
        currency,
        customer_id as customer_id_as_written,
        subscription_id as subscription_id_as_written,
        {{ known_id('customer_id') }} as customer_id,
        {{ known_id('subscription_id') }} as subscription_id,
        {{ reporting_date('transaction_at') }} as transaction_date
    from {{ ref('stg_stream__transactions') }}
),

users as (
    select customer_id from {{ ref('int_users__resolved') }}
),

subscriptions as (
    select distinct subscription_id from {{ ref('int_subscription_lines__weighted') }}
),

exchange_rates as (
    select * from {{ ref('int_exchange_rates__dated') }}
),

linked_transactions as (
    select
        transactions.transaction_id,
        transactions.customer_id_as_written,
        transactions.subscription_id_as_written,
        transactions.transaction_at,
        transactions.transaction_date,
        transactions.amount,
        transactions.currency,
        coalesce(users.customer_id, {{ unknown_member() }}) as customer_id,
        coalesce(subscriptions.subscription_id, {{ unknown_member() }}) as subscription_id,
        -- Who is in no file of users is a customer all the same.
        coalesce(transactions.customer_id, {{ unknown_member() }}) as paying_customer_id,
        {{ exchange_rate('transactions', 'amount') }} as exchange_rate
    from transactions
    left join users on transactions.customer_id = users.customer_id
    left join subscriptions on transactions.subscription_id = subscriptions.subscription_id
    left join exchange_rates on {{ rate_holds('transactions', 'transaction_date') }}
),

converted_transactions as (
    select
        transaction_id,
        customer_id,
        paying_customer_id,
        customer_id_as_written,
        subscription_id,
        subscription_id_as_written,
        transaction_at,
        transaction_date,
        amount,
        currency,
        exchange_rate,
        {{ month_start_date('transaction_date') }} as month_start_date,
        -- Nothing is nothing in any currency, and needs no rate.
        case
            when amount = 0 then 0
            else cast(amount * exchange_rate as decimal(38, 9))
        end as amount_in_reporting_currency,
        exchange_rate is null and coalesce(amount, 0) != 0 as is_rate_missing,
        coalesce(amount < 0, false) as is_refund,
        coalesce(amount = 0, false) as is_zero,
        subscription_id != {{ unknown_member() }} as is_matched
    from linked_transactions
)

select * from converted_transactions
