-- No figure of a file is missing, none counts twice, and none stands beside a newer one of the same key.
with newest as (
    select
        spend_date,
        channel,
        campaign,
        currency,
        max(as_of_date) as as_of_date
    from {{ ref('stg_ad_spend__spend') }}
    group by spend_date, channel, campaign, currency
),

figures as (
    select
        newest.spend_date,
        newest.currency,
        count(*) as figures,
        sum(staged.spend) as spend
    from newest
    inner join {{ ref('stg_ad_spend__spend') }} as staged
        on
            newest.spend_date = staged.spend_date
            and newest.currency = staged.currency
            and newest.as_of_date = staged.as_of_date
            and newest.channel is not distinct from staged.channel
            and newest.campaign is not distinct from staged.campaign
    group by newest.spend_date, newest.currency
),

latest as (
    select
        spend_date,
        currency,
        count(*) as figures
    from {{ ref('int_spend__latest') }}
    group by spend_date, currency
),

fact as (
    select
        spend_date,
        currency,
        sum(spend) as spend
    from {{ ref('marketing_spend_fact') }}
    group by spend_date, currency
)

select
    figures.spend_date,
    figures.currency,
    figures.spend,
    fact.spend as spend_in_mart
from figures
full outer join latest
    on
        figures.spend_date = latest.spend_date
        and figures.currency = latest.currency
full outer join fact
    on
        figures.spend_date = fact.spend_date
        and figures.currency = fact.currency
where (figures.figures = latest.figures and figures.spend = fact.spend) is not true
