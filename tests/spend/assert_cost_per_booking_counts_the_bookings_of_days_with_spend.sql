-- Spend and the bookings it is divided by are of the same days, taken here from the two facts and nothing between.
{% set marts = ['channel_costs_daily', 'cost_per_booking', 'channel_costs', 'channel_attribution'] %}
with spend_days as (
    select distinct
        spend_date,
        channel
    from {{ ref('marketing_spend_fact') }}
),

expected as (
    select
        bookings.channel,
        count(spend_days.channel) as bookings_with_spend,
        count(case when spend_days.channel is not null and bookings.status = 'held' then 1 end) as held_with_spend
    from {{ ref('bookings_fact') }} as bookings
    left join spend_days
        on
            bookings.channel = spend_days.channel
            and bookings.booked_date = spend_days.spend_date
    group by bookings.channel
),

found as (
    {% for mart in marts -%}
        select
            '{{ mart }}' as mart,
            channel,
            sum(bookings_with_spend) as bookings_with_spend,
            sum(held_with_spend) as held_with_spend
        from {{ ref(mart) }}
        group by channel
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    found.mart,
    found.channel,
    found.bookings_with_spend,
    expected.bookings_with_spend as bookings_on_days_with_spend
from found
left join expected on found.channel = expected.channel
where
    found.bookings_with_spend != coalesce(expected.bookings_with_spend, 0)
    or found.held_with_spend != coalesce(expected.held_with_spend, 0)
