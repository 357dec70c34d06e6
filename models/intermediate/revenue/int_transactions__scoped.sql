with transactions as (
    select * from {{ ref('int_transactions__resolved') }}
),

-- A blank amount adds nothing; one without a rate makes the sum of all unknown.
measured_transactions as (
    select
        transaction_id,
        customer_id,
        paying_customer_id,
        transaction_date,
        month_start_date,
        currency,
        is_refund,
        is_rate_missing,
        coalesce(amount, 0) as own_amount,
        case when not is_rate_missing then coalesce(amount_in_reporting_currency, 0) end as converted_amount
    from transactions
),

scoped_transactions as (
    {% for is_total in [false, true] -%}
        select
            {{ is_total | lower }} as is_total,
            {{ "'" ~ var('reporting_currency') ~ "' as currency" if is_total else 'currency' }},
            transaction_id,
            customer_id,
            paying_customer_id,
            transaction_date,
            month_start_date,
            {{ 'converted_amount' if is_total else 'own_amount' }} as amount,
            {{ 'is_rate_missing' if is_total else 'false' }} as is_unconverted,
            converted_amount as amount_in_reporting_currency,
            is_rate_missing,
            is_refund
        from measured_transactions
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from scoped_transactions
