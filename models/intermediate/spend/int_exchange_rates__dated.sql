-- The day of the rate itself, and the days after it on which it is not too old.
{% set days_of_a_rate = 1 + (var('max_exchange_rate_age_days') | int) %}
with exchange_rates as (
    select
        rate_date,
        rate,
        upper(trim(currency)) as currency
    from {{ ref('exchange_rates') }}
    where rate is not null
),

rates_with_next as (
    select
        currency,
        rate,
        rate_date,
        lead(rate_date) over (
            partition by currency
            order by rate_date
        ) as next_rate_date,
        cast({{ dbt.dateadd('day', days_of_a_rate, 'rate_date') }} as date) as outdated_date
    from exchange_rates
    -- Amounts in the reporting currency are not converted, whatever the seed says of it.
    where currency != '{{ var("reporting_currency") }}'
),

rate_periods as (
    select
        currency,
        rate,
        rate_date as valid_from_date,
        case
            when next_rate_date < outdated_date then next_rate_date
            else outdated_date
        end as valid_to_date
    from rates_with_next
)

select * from rate_periods
