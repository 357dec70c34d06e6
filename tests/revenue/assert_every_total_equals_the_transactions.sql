-- In each currency customers, months, products with the unmatched row, and the summary add up to what was paid, to the
-- last digit. Transactions are counted where a row has its own: one that several products share has none.
{% set marts = {
    'transactions_fact': ['coalesce(amount, 0)', '1'],
    'user_spending': ['total_spending', 'transaction_count'],
    'monthly_revenue': ['revenue', 'transaction_count'],
    'product_sales': ['sales', none],
    'revenue_summary': ['all_time_revenue', 'all_time_transaction_count'],
} %}
with staged as (
    select
        currency,
        sum(coalesce(amount, 0)) as revenue,
        count(*) as transaction_count
    from {{ ref('stg_stream__transactions') }}
    group by currency
),

marts as (
    {% for mart in marts -%}
        select '{{ mart }}' as mart
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

expected as (
    select
        marts.mart,
        staged.currency,
        staged.revenue,
        staged.transaction_count
    from marts
    cross join staged
),

totals as (
    {% for mart, (amount, transaction_count) in marts.items() -%}
        select
            '{{ mart }}' as mart,
            currency,
            sum({{ amount }}) as revenue,
            {{ 'sum(' ~ transaction_count ~ ')' if transaction_count else 'null' }} as transaction_count
        from {{ ref(mart) }}
        {{ 'where not is_total' if mart == 'revenue_summary' }}
        group by currency
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    expected.mart,
    expected.currency,
    expected.revenue,
    totals.revenue as revenue_in_mart,
    expected.transaction_count,
    totals.transaction_count as transaction_count_in_mart,
    totals.mart as counted_mart,
    totals.currency as counted_currency
from expected
full outer join totals
    on
        expected.mart = totals.mart
        and expected.currency = totals.currency
where
    (expected.revenue = totals.revenue) is not true
    or expected.transaction_count != totals.transaction_count
