with spend as (
    select * from {{ ref('int_spend__converted') }}
),

monthly_spend as (
    select
        spend_month_start_date as month_start_date,
        channel as channel_name,
        {{ sum_if_converted('spend_in_reporting_currency', 'is_rate_missing') }} as spend
    from spend
    group by spend_month_start_date, channel
)

select * from monthly_spend
