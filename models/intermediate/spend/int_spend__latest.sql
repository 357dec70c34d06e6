with spend as (
    select * from {{ ref('stg_ad_spend__spend') }}
),

-- Files are trailing windows that overlap: a newer one restates what it has and is silent about what it has not.
ranked_figures as (
    select
        spend_date,
        channel,
        campaign,
        currency,
        spend,
        as_of_date,
        row_number() over (
            partition by spend_date, channel, campaign, currency
            order by as_of_date desc
        ) as newest_first
    from spend
),

latest_figures as (
    select
        spend_date,
        channel,
        campaign,
        currency,
        spend,
        as_of_date
    from ranked_figures
    where newest_first = 1
)

select * from latest_figures
