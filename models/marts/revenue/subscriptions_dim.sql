with current_lines as (
    select * from {{ ref('int_subscription_lines__weighted') }}
    where is_current
),

subscriptions_dim as (
    select
        subscription_id,
        {% for column in ['status', 'billing_interval'] -%}
            {{ dbt.listagg('distinct ' ~ column, "', '", 'order by ' ~ column) | trim }} as {{ column }},
        {% endfor -%}
        count(*) as line_count,
        sum(amount) as amount,
        subscription_id = {{ unknown_member() }} as is_unknown
    from current_lines
    group by subscription_id
)

select * from subscriptions_dim
