-- Each subscription has at least one current line, and counts and costs what its current lines do.
with lines_of_subscriptions as (
    select
        subscription_id,
        count(*) as line_count,
        sum(amount) as amount
    from {{ ref('subscription_lines') }}
    where is_current
    group by subscription_id
)

select
    subscriptions.subscription_id,
    subscriptions.line_count,
    lines_of_subscriptions.line_count as current_lines
from {{ ref('subscriptions_dim') }} as subscriptions
full outer join lines_of_subscriptions on subscriptions.subscription_id = lines_of_subscriptions.subscription_id
where
    (subscriptions.line_count = lines_of_subscriptions.line_count) is not true
    or subscriptions.amount is distinct from lines_of_subscriptions.amount
