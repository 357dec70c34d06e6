with figures as (
    select
        count(*) as checked_records,
        max(as_of_date) as newest_as_of_date
    from {{ ref('stg_ad_spend__spend') }}
),

latest_figures as (
    select * from {{ ref('int_spend__latest') }}
),

spend as (
    select * from {{ ref('int_spend__converted') }}
),

rejected_records as (
    select count(*) as affected_records from {{ ref('stg_ad_spend__rejected_records') }}
),

conversions as (
    select
        count(*) as checked_records,
        count(*) filter (where is_rate_missing) as without_rate
    from spend
),

channel_days as (
    select
        spend.channel,
        count(distinct spend.spend_date) as days_with_spend,
        {{ dbt.datediff('min(spend.spend_date)', 'max(spend.spend_date)', 'day') | trim }}
        + 1 as span_days
    from spend
    cross join figures
    -- A plan for days to come is no gap.
    where spend.spend_date <= figures.newest_as_of_date
    group by spend.channel
),

gaps as (
    select
        coalesce(sum(span_days), 0) as checked_records,
        coalesce(sum(span_days - days_with_spend), 0) as without_spend
    from channel_days
),

figures_of_days as (
    select
        as_of_date,
        max(as_of_date) over (partition by spend_date, channel) as newest_as_of_date
    from latest_figures
),

-- A newer file knows the channel's day and not this figure: renamed, split or withdrawn, it still counts.
dropped_figures as (
    select
        count(*) as checked_records,
        count(*) filter (where as_of_date < newest_as_of_date) as dropped
    from figures_of_days
),

checks as (
    select
        'spend_without_rate' as check_name,
        without_rate as affected_records,
        checked_records
    from conversions
    union all
    select
        'days_without_spend' as check_name,
        without_spend as affected_records,
        checked_records
    from gaps
    union all
    select
        'figures_dropped_by_newer_files' as check_name,
        dropped as affected_records,
        checked_records
    from dropped_figures
    union all
    select
        'rejected_records' as check_name,
        rejected_records.affected_records,
        rejected_records.affected_records + figures.checked_records as checked_records
    from rejected_records
    cross join figures
)

select
    'ad_spend' as source,
    check_name,
    cast(affected_records as bigint) as affected_records,
    cast(checked_records as bigint) as checked_records
from checks
