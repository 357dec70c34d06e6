with touchpoints as (
    select * from {{ ref('int_touchpoints__unioned') }}
    where account_id is not null
),

opportunities as (
    select * from {{ ref('int_opportunities__labelled') }}
),

touches_in_window as (
    select * from {{ ref('int_opportunity_touchpoints__linked') }}
),

newest_opportunities as (
    select
        account_id,
        max(opportunity_created_at) as newest_opportunity_at
    from opportunities
    where account_id is not null
    group by account_id
),

touched_accounts as (
    select
        channel_name as channel,
        account_id,
        false as is_all_channels,
        min(touchpoint_at) as first_touched_at
    from touchpoints
    group by channel_name, account_id
    union all
    select
        {{ all_channels() }} as channel,
        account_id,
        true as is_all_channels,
        min(touchpoint_at) as first_touched_at
    from touchpoints
    group by account_id
),

accounts_in_window as (
    select distinct
        channel_name as channel,
        account_id,
        false as is_all_channels
    from touches_in_window
    union all
    select distinct
        {{ all_channels() }} as channel,
        account_id,
        true as is_all_channels
    from touches_in_window
),

channels as (
    select
        touched_accounts.channel,
        touched_accounts.is_all_channels,
        count(*) as accounts_touched,
        count(case when newest_opportunities.newest_opportunity_at >= touched_accounts.first_touched_at then 1 end)
            as accounts_converted,
        count(accounts_in_window.account_id) as accounts_converted_in_window
    from touched_accounts
    left join newest_opportunities on touched_accounts.account_id = newest_opportunities.account_id
    left join accounts_in_window
        on
            touched_accounts.channel = accounts_in_window.channel
            and touched_accounts.account_id = accounts_in_window.account_id
            and touched_accounts.is_all_channels = accounts_in_window.is_all_channels
    group by touched_accounts.channel, touched_accounts.is_all_channels
),

channels_with_rates as (
    select
        channel,
        case when is_all_channels then channel else {{ channel_label('channel') }} end as channel_label,
        is_all_channels,
        accounts_touched,
        accounts_converted,
        {{ rate('accounts_converted', 'accounts_touched') }} as conversion_rate,
        accounts_converted_in_window,
        {{ rate('accounts_converted_in_window', 'accounts_touched') }} as conversion_rate_in_window
    from channels
),

ranked_channels as (
    select
        *,
        case
            when not is_all_channels
                then cast(row_number() over (
                    partition by is_all_channels
                    order by conversion_rate desc, accounts_converted desc, channel asc
                ) as integer)
        end as rank_by_conversion_rate
    from channels_with_rates
)

select * from ranked_channels
