-- Each mart that shows spend shows that of marketing_spend_fact, neither more nor less, for each channel of which every
-- figure has a rate.
{% set marts = {
    'channel_costs_daily': 'true',
    'cost_per_booking': 'true',
    'channel_costs': 'true',
    'channel_attribution': 'true',
    "channel_roi where month_start_date is null": "attribution_model = 'linear' and month_start_date is null",
    "channel_roi where month_start_date is not null": "attribution_model = 'linear' and month_start_date is not null",
} %}
with expected as (
    select
        channel,
        sum(spend_in_reporting_currency) as spend,
        count(case when spend_in_reporting_currency is null then 1 end) as figures_without_rate
    from {{ ref('marketing_spend_fact') }}
    group by channel
),

found as (
    {% for mart, condition in marts.items() -%}
        {%- set name = mart.split()[0] -%}
        {%- set channel = 'channel_name' if name == 'channel_roi' else 'channel' -%}
        select
            '{{ mart }}' as mart,
            {{ channel }} as channel,
            sum(spend) as spend
        from {{ ref(name) }}
        where {{ condition }}
        group by {{ channel }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

marts as (
    {% for mart in marts -%}
        select '{{ mart }}' as mart
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

missing_or_different as (
    select
        marts.mart,
        expected.channel,
        expected.spend,
        found.spend as spend_in_mart
    from marts
    cross join expected
    left join found
        on
            marts.mart = found.mart
            and expected.channel = found.channel
    where
        expected.figures_without_rate = 0
        and (expected.spend = found.spend) is not true
),

from_nowhere as (
    select
        found.mart,
        found.channel,
        expected.spend,
        found.spend as spend_in_mart
    from found
    left join expected on found.channel = expected.channel
    where
        expected.channel is null
        and found.spend is not null
)

select * from missing_or_different
union all
select * from from_nowhere
