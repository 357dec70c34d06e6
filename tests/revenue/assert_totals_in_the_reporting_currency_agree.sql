-- For each month, customer and product the mart in the reporting currency has what the transactions come to; so has the
-- one by currency, its currencies added up; and all are null exactly where a rate is missing.
{% set members = {
    'month_start_date': ['monthly_revenue_total', 'revenue', 'monthly_revenue', 'revenue_in_reporting_currency'],
    'customer_id': ['user_spending_total', 'total_spending', 'user_spending', 'total_spending_in_reporting_currency'],
    'product': ['product_sales_total', 'sales', 'product_sales', 'sales_in_reporting_currency'],
} %}
with parts as (
    select
        facts.month_start_date,
        facts.customer_id,
        line_shares.product,
        facts.is_rate_missing,
        coalesce(line_shares.amount_in_reporting_currency, 0) as amount
    from {{ ref('transactions_fact') }} as facts
    inner join {{ ref('int_transaction_lines__shared') }} as line_shares
        on facts.transaction_id = line_shares.transaction_id
),

expected as (
    {% for member in members -%}
        select
            '{{ member }}' as member_kind,
            cast({{ member }} as varchar) as member_name,
            {{ sum_if_converted('amount', 'is_rate_missing') }} as amount
        from parts
        group by {{ member }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A sum passes over nulls, and is not null where one of several currencies is.
by_currency as (
    {% for member, (_, _, mart, amount) in members.items() -%}
        select
            '{{ member }}' as member_kind,
            cast({{ member }} as varchar) as member_name,
            case when count(*) = count({{ amount }}) then sum({{ amount }}) end as amount
        from {{ ref(mart) }}
        group by {{ member }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

in_total as (
    {% for member, (mart, amount, _, _) in members.items() -%}
        select
            '{{ member }}' as member_kind,
            cast({{ member }} as varchar) as member_name,
            {{ amount }} as amount
        from {{ ref(mart) }}
        -- Months without a transaction are of no currency.
        where transaction_count > 0
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    expected.member_kind,
    expected.member_name,
    expected.amount,
    by_currency.amount as amount_by_currency,
    in_total.amount as amount_in_total
from expected
full outer join by_currency
    on
        expected.member_kind = by_currency.member_kind
        and expected.member_name = by_currency.member_name
full outer join in_total
    on
        expected.member_kind = in_total.member_kind
        and expected.member_name = in_total.member_name
where
    expected.member_name is null
    or by_currency.member_name is null
    or in_total.member_name is null
    or expected.amount is distinct from by_currency.amount
    or expected.amount is distinct from in_total.amount
