-- Whatever its lines weigh, they get the transaction's amount together, to the last digit, in both currencies; and a
-- transaction without a known subscription has the one share that is all of it.
with shares as (
    select
        transaction_id,
        sum(amount) as amount,
        sum(amount_in_reporting_currency) as amount_in_reporting_currency,
        count(*) as share_count,
        min(product) as first_product
    from {{ ref('int_transaction_lines__shared') }}
    group by transaction_id
),

facts as (
    select * from {{ ref('transactions_fact') }}
)

select
    facts.transaction_id,
    facts.amount,
    shares.amount as shared_amount,
    facts.amount_in_reporting_currency,
    shares.amount_in_reporting_currency as shared_amount_in_reporting_currency
from facts
left join shares on facts.transaction_id = shares.transaction_id
where
    (coalesce(facts.amount, 0) = shares.amount) is not true
    or (
        not facts.is_rate_missing
        and (coalesce(facts.amount_in_reporting_currency, 0) = shares.amount_in_reporting_currency) is not true
    )
    or (facts.is_rate_missing and shares.amount_in_reporting_currency is not null)
    or (not facts.is_matched and (shares.share_count = 1 and shares.first_product = 'unknown') is not true)
