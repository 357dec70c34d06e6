with transactions as (
    select
        min(month_start_date) as first_month_start_date,
        max(month_start_date) as newest_month_start_date,
        min(transaction_date) as first_transaction_date,
        max(transaction_date) as newest_transaction_date
    from {{ ref('int_transactions__resolved') }}
    having count(*) > 0
),

reach as (
    select
        *,
        least(newest_transaction_date, {{ reporting_date(as_of()) }}) as reached_date
    from transactions
),

-- A month whose last day is reached is complete, so the day after tells: it begins the month that is not.
complete_months as (
    select
        *,
        cast({{ dbt.dateadd('month', -1, month_start_date(dbt.dateadd('day', 1, 'reached_date'))) }} as date)
            as newest_complete_month_start_date
    from reach
),

revenue_span as (
    select
        *,
        cast({{ dbt.dateadd('month', -5, 'newest_complete_month_start_date') }} as date) as six_months_start_date,
        cast({{ dbt.dateadd('month', -11, 'newest_complete_month_start_date') }} as date)
            as six_months_before_start_date,
        cast({{ dbt.last_day('newest_complete_month_start_date', 'month') }} as date) as six_months_end_date
    from complete_months
)

select * from revenue_span
