{{ config(materialized='table') }}
with transactions as (
    select * from {{ ref('int_transactions__scoped') }}
),

revenue_span as (
    select * from {{ ref('int_revenue_span__dated') }}
),

months_with_transactions as (
    select
        is_total,
        currency,
        month_start_date,
        {{ sum_if_converted('amount_in_reporting_currency', 'is_rate_missing') }} as revenue_in_reporting_currency,
        {{ summed_revenue() }}
    from transactions
    group by is_total, currency, month_start_date
),

calendar_months as (
    select {{ dates_between('first_month_start_date', 'newest_month_start_date', 'month') }} as month_start_date
    from revenue_span
),

-- Of all currencies together each month is shown; a single one may rest for years.
months as (
    select * from months_with_transactions
    union all
    select
        true as is_total,
        '{{ var("reporting_currency") }}' as currency,
        calendar_months.month_start_date,
        0 as revenue_in_reporting_currency,
        0 as revenue,
        0 as converted_revenue,
        0 as transaction_count,
        0 as unconverted_transaction_count,
        0 as active_users,
        0 as refund_amount,
        0 as refund_count
    from calendar_months
    left join months_with_transactions
        on
            calendar_months.month_start_date = months_with_transactions.month_start_date
            and months_with_transactions.is_total
    where months_with_transactions.month_start_date is null
),

months_in_line as (
    select
        months.*,
        revenue_span.newest_complete_month_start_date,
        revenue_span.six_months_start_date,
        months.month_start_date > revenue_span.newest_complete_month_start_date as is_partial_month,
        lag(months.month_start_date) over (
            partition by months.is_total, months.currency
            order by months.month_start_date
        ) as row_before_start_date,
        lag(months.revenue) over (
            partition by months.is_total, months.currency
            order by months.month_start_date
        ) as revenue_of_row_before
    from months
    cross join revenue_span
),

-- The row before is that of the month before only where no month lies between.
months_with_month_before as (
    select
        *,
        case
            when row_before_start_date = {{ dbt.dateadd('month', -1, 'month_start_date') }} then revenue_of_row_before
        end as revenue_before
    from months_in_line
),

measured_months as (
    select
        is_total,
        currency,
        month_start_date,
        revenue,
        converted_revenue,
        revenue_in_reporting_currency,
        transaction_count,
        unconverted_transaction_count,
        active_users,
        refund_amount,
        refund_count,
        is_partial_month,
        {{ cost_per('revenue', 'active_users') }} as average_user_transaction_amount,
        case
            when not is_partial_month then {{ revenue_growth('revenue', 'revenue_before') }}
        end as growth_rate,
        month_start_date >= six_months_start_date and not is_partial_month as is_in_last_six_months
    from months_with_month_before
)

select * from measured_months
