-- No transaction is lost for want of a customer or a subscription, none is there twice, and none is changed.
with staged as (
    select * from {{ ref('stg_stream__transactions') }}
),

facts as (
    select * from {{ ref('transactions_fact') }}
)

select
    staged.transaction_id,
    facts.transaction_id as transaction_id_in_fact,
    staged.amount,
    facts.amount as amount_in_fact
from staged
full outer join facts on staged.transaction_id = facts.transaction_id
where
    (
        staged.transaction_id = facts.transaction_id
        and staged.transaction_at = facts.transaction_at
        and staged.currency = facts.currency
    ) is not true
    or staged.amount is distinct from facts.amount
    or staged.customer_id is distinct from facts.customer_id_as_written
    or staged.subscription_id is distinct from facts.subscription_id_as_written
