with latest_spend as (
    select * from {{ ref('int_spend__latest') }}
),

channel_aliases as (
    select * from {{ ref('channel_aliases') }}
    where source = 'ad_spend'
),

exchange_rates as (
    select * from {{ ref('int_exchange_rates__dated') }}
),

named_spend as (
    select
        latest_spend.spend_date,
        latest_spend.campaign,
        latest_spend.currency,
        latest_spend.spend,
        latest_spend.as_of_date,
        coalesce(channel_aliases.channel, latest_spend.channel, '(no channel)') as channel
    from latest_spend
    left join channel_aliases on latest_spend.channel = channel_aliases.source_channel
),

-- Elsewhere these two names stand for what belongs to no channel; money spent under them must not meet that.
spend_of_channels as (
    select
        spend_date,
        campaign,
        currency,
        spend,
        as_of_date,
        case
            when channel in ('unattributed', 'unmapped') then channel || ' (ad spend)'
            else channel
        end as channel
    from named_spend
),

-- Only figures that each are the latest add up.
added_spend as (
    select
        spend_date,
        channel,
        campaign,
        currency,
        cast(sum(spend) as decimal(38, 9)) as spend,
        max(as_of_date) as as_of_date
    from spend_of_channels
    group by spend_date, channel, campaign, currency
),

spend_with_rate as (
    select
        added_spend.spend_date,
        added_spend.channel,
        added_spend.campaign,
        added_spend.currency,
        added_spend.spend,
        added_spend.as_of_date,
        {{ exchange_rate('added_spend', 'spend') }} as exchange_rate
    from added_spend
    left join exchange_rates on {{ rate_holds('added_spend', 'spend_date') }}
),

converted_spend as (
    select
        spend_date,
        channel,
        campaign,
        currency,
        spend,
        exchange_rate,
        as_of_date,
        {{ month_start_date('spend_date') }} as spend_month_start_date,
        cast(spend * exchange_rate as decimal(38, 9)) as spend_in_reporting_currency,
        exchange_rate is null as is_rate_missing
    from spend_with_rate
)

select * from converted_spend
