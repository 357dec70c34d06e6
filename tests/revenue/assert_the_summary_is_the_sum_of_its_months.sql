-- Revenue, transactions and refunds of the last six complete months are those of the months that say they belong to
-- them; customers are not, as one who pays each month is one.
with months as (
    select
        false as is_total,
        currency,
        month_start_date,
        revenue,
        refund_amount,
        transaction_count,
        refund_count,
        active_users
    from {{ ref('monthly_revenue') }}
    where is_in_last_six_months
    union all
    select
        true as is_total,
        '{{ var("reporting_currency") }}' as currency,
        month_start_date,
        revenue,
        refund_amount,
        transaction_count,
        refund_count,
        active_users
    from {{ ref('monthly_revenue_total') }}
    where is_in_last_six_months
),

sums as (
    select
        is_total,
        currency,
        case when count(*) = count(revenue) then sum(revenue) end as revenue,
        case when count(*) = count(refund_amount) then sum(refund_amount) end as refund_amount,
        sum(transaction_count) as transaction_count,
        sum(refund_count) as refund_count,
        sum(active_users) as active_users,
        max(active_users) as most_active_users
    from months
    group by is_total, currency
),

summary as (
    select * from {{ ref('revenue_summary') }}
)

select
    summary.currency_label,
    summary.revenue,
    sums.revenue as revenue_of_months,
    summary.transaction_count,
    sums.transaction_count as transaction_count_of_months
from summary
left join sums
    on
        summary.is_total = sums.is_total
        and summary.currency = sums.currency
where
    case when sums.currency is null then 0 else sums.revenue end is distinct from summary.revenue
    or case when sums.currency is null then 0 else sums.refund_amount end is distinct from summary.refund_amount
    or summary.transaction_count != coalesce(sums.transaction_count, 0)
    or summary.refund_count != coalesce(sums.refund_count, 0)
    or summary.active_users > coalesce(sums.active_users, 0)
    or summary.active_users < coalesce(sums.most_active_users, 0)
