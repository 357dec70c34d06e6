with spend as (
    select * from {{ ref('marketing_spend_fact') }}
    where is_rate_missing
),

unconverted_spend as (
    select
        channel,
        channel_label,
        currency,
        cast(sum(spend) as decimal(38, 9)) as spend,
        min(spend_date) as first_spend_date,
        max(spend_date) as last_spend_date,
        count(distinct spend_date) as spend_days
    from spend
    group by channel, channel_label, currency
)

select * from unconverted_spend
