with users as (
    select * from {{ ref('int_users__resolved') }}
),

transactions as (
    select
        amount is null as has_no_amount,
        is_rate_missing,
        customer_id = {{ unknown_member() }} as has_no_customer,
        {{ known_id('subscription_id_as_written') }} is null as has_no_subscription,
        not is_matched as is_unmatched
    from {{ ref('int_transactions__resolved') }}
),

-- Clocks and time zones may differ by some hours.
dated_transactions as (
    select transaction_at > {{ dbt.dateadd('day', 1, '_loaded_at') }} as is_dated_ahead
    from {{ ref('stg_stream__transactions') }}
),

product_lines as (
    select * from {{ ref('stg_stream__products') }}
),

user_rows as (
    select * from {{ ref('stg_stream__users') }}
),

rejected_records as (
    select * from {{ ref('stg_stream__rejected_records') }}
),

loaded_records as (
    {% for relation in ['transactions', 'user_rows', 'product_lines', 'rejected_records'] -%}
        select {{ 'true' if relation == 'rejected_records' else 'false' }} as is_rejected
        from {{ relation }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

checks as (
    {% for check_name, records, is_affected in [
        ('customers_with_several_names', 'users', 'name_variant_count > 1'),
        ('transactions_without_customer', 'transactions', 'has_no_customer'),
        ('transactions_without_subscription', 'transactions', 'has_no_subscription'),
        ('transactions_of_unlisted_subscriptions', 'transactions', 'is_unmatched and not has_no_subscription'),
        ('transactions_without_amount', 'transactions', 'has_no_amount'),
        ('transactions_without_rate', 'transactions', 'is_rate_missing'),
        ('transactions_dated_ahead', 'dated_transactions', 'is_dated_ahead'),
        ('lines_without_amount', 'product_lines', 'amount is null'),
        ('rejected_records', 'loaded_records', 'is_rejected'),
    ] -%}
        select
            'stream' as source,
            '{{ check_name }}' as check_name,
            count(*) filter (where {{ is_affected }}) as affected_records,
            count(*) as checked_records
        from {{ records }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from checks
