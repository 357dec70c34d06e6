with transactions as (
    select * from {{ ref('int_transactions__scoped') }}
),

revenue_span as (
    select * from {{ ref('int_revenue_span__dated') }}
),

months as (
    select * from {{ ref('int_revenue_months__measured') }}
),

product_sales as (
    select * from {{ ref('int_product_sales__ranked') }}
),

user_spending as (
    select * from {{ ref('int_user_spending__ranked') }}
),

all_time as (
    select
        is_total,
        currency,
        min(transaction_date) as first_transaction_date,
        max(transaction_date) as last_transaction_date,
        {{ summed_revenue() }}
    from transactions
    group by is_total, currency
),

six_months as (
    select
        transactions.is_total,
        transactions.currency,
        {{ summed_revenue() }}
    from transactions
    cross join revenue_span
    where transactions.transaction_date between revenue_span.six_months_start_date and revenue_span.six_months_end_date
    group by transactions.is_total, transactions.currency
),

-- A sum over months of which one is missing, or has no sum itself, would be that of fewer months.
six_months_before as (
    select
        months.is_total,
        months.currency,
        case when count(months.revenue) = 6 then sum(months.revenue) end as revenue
    from months
    cross join revenue_span
    where
        months.month_start_date >= revenue_span.six_months_before_start_date
        and months.month_start_date < revenue_span.six_months_start_date
    group by months.is_total, months.currency
),

-- No month is complete as long as the first one is under way.
complete_span as (
    select *
    from revenue_span
    where newest_complete_month_start_date >= first_month_start_date
),

scopes as (
    select
        all_time.is_total,
        all_time.currency,
        complete_span.six_months_start_date,
        complete_span.six_months_end_date,
        complete_span.newest_complete_month_start_date as newest_month_start_date,
        all_time.first_transaction_date,
        all_time.last_transaction_date,
        all_time.revenue as all_time_revenue,
        all_time.transaction_count as all_time_transaction_count,
        all_time.refund_amount as all_time_refund_amount,
        all_time.unconverted_transaction_count as all_time_unconverted_transaction_count,
        case
            when all_time.is_total then 'All, in ' || all_time.currency
            else all_time.currency
        end as currency_label,
        row_number() over (
            order by
                all_time.is_total asc,
                all_time.currency = '{{ var("reporting_currency") }}' desc,
                all_time.transaction_count desc,
                all_time.currency asc
        ) as sort_order
    from all_time
    left join complete_span on true
),

summed_scopes as (
    select
        scopes.*,
        newest_months.growth_rate as newest_month_growth_rate,
        six_months_before.revenue as revenue_before,
        product_sales.product as top_product,
        product_sales.product_line as top_product_line,
        product_sales.sales as top_product_sales,
        user_spending.customer_id as top_customer_id,
        user_spending.total_spending as top_customer_spending,
        -- Where a span has no transaction at all, nothing lacks a rate.
        case when six_months.currency is null then 0 else six_months.revenue end as revenue,
        coalesce(six_months.transaction_count, 0) as transaction_count,
        coalesce(six_months.active_users, 0) as active_users,
        case when six_months.currency is null then 0 else six_months.refund_amount end as refund_amount,
        coalesce(six_months.refund_count, 0) as refund_count,
        coalesce(six_months.unconverted_transaction_count, 0) as unconverted_transaction_count,
        case
            when scopes.newest_month_start_date is null then null
            when newest_months.currency is null then 0
            else newest_months.revenue
        end as newest_month_revenue
    from scopes
    left join six_months
        on
            scopes.is_total = six_months.is_total
            and scopes.currency = six_months.currency
    left join six_months_before
        on
            scopes.is_total = six_months_before.is_total
            and scopes.currency = six_months_before.currency
    left join months as newest_months
        on
            scopes.is_total = newest_months.is_total
            and scopes.currency = newest_months.currency
            and scopes.newest_month_start_date = newest_months.month_start_date
    left join product_sales
        on
            scopes.is_total = product_sales.is_total
            and scopes.currency = product_sales.currency
            and product_sales.sales_rank = 1
            and product_sales.sales is not null
    left join user_spending
        on
            scopes.is_total = user_spending.is_total
            and scopes.currency = user_spending.currency
            and user_spending.spending_rank = 1
            and user_spending.total_spending is not null
),

revenue_summary as (
    select
        is_total,
        currency,
        currency_label,
        cast(sort_order as integer) as sort_order,
        six_months_start_date,
        six_months_end_date,
        cast(revenue as decimal(38, 9)) as revenue,
        transaction_count,
        active_users,
        {{ cost_per('revenue', 'active_users') }} as average_user_transaction_amount,
        cast(refund_amount as decimal(38, 9)) as refund_amount,
        refund_count,
        unconverted_transaction_count,
        newest_month_start_date,
        cast(newest_month_revenue as decimal(38, 9)) as newest_month_revenue,
        newest_month_growth_rate,
        {{ revenue_growth('revenue', 'revenue_before') }} as six_months_growth_rate,
        top_product,
        top_product_line,
        top_product_sales,
        top_customer_id,
        top_customer_spending,
        first_transaction_date,
        last_transaction_date,
        all_time_revenue,
        all_time_transaction_count,
        all_time_refund_amount,
        all_time_unconverted_transaction_count
    from summed_scopes
)

select * from revenue_summary
