-- Each basis shows the spend of each month, channel and campaign once.
with expected as (
    select
        spend_month_start_date as month_start_date,
        channel,
        {{ campaign_label('campaign') }} as campaign,
        {{ sum_if_converted('spend_in_reporting_currency', 'is_rate_missing') }} as spend,
        {{ dbt.bool_or('is_rate_missing') }} as is_rate_missing
    from {{ ref('marketing_spend_fact') }}
    group by spend_month_start_date, channel, {{ campaign_label('campaign') }}
),

bases as (
    select 'activity' as basis
    union all
    select 'cohort' as basis
),

expected_of_bases as (
    select
        expected.*,
        bases.basis
    from expected
    cross join bases
),

found as (
    select *
    from {{ ref('lead_funnel') }}
    where spend is not null or is_rate_missing
)

select
    expected_of_bases.basis,
    expected_of_bases.month_start_date,
    expected_of_bases.channel,
    expected_of_bases.campaign,
    expected_of_bases.spend,
    found.basis as basis_in_mart,
    found.spend as spend_in_mart
from expected_of_bases
full outer join found
    on
        expected_of_bases.basis = found.basis
        and expected_of_bases.month_start_date = found.month_start_date
        and expected_of_bases.channel = found.channel
        and expected_of_bases.campaign = found.campaign
where
    expected_of_bases.spend is distinct from found.spend
    or expected_of_bases.is_rate_missing is distinct from found.is_rate_missing
