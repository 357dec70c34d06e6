-- Whatever became of it and whether or not it cost anything, a booking counts once in each mart of costs; by month, if
-- its date is known.
{% set marts = {
    'channel_costs_daily': 'true',
    'channel_costs': 'true',
    'channel_attribution': 'true',
    'booking_cost_summary': 'true',
    'cost_per_booking': 'booked_date is not null',
} %}
{% set statuses = ['held', 'no_show', 'canceled', 'scheduled'] %}
with expected as (
    {% for mart, condition in marts.items() -%}
        select
            '{{ mart }}' as mart,
            {% for status in statuses -%}
                count(case when status = '{{ status }}' then 1 end) as {{ status }},
            {% endfor -%}
            count(*) as bookings
        from {{ ref('bookings_fact') }}
        where {{ condition }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

counted as (
    {% for mart in marts -%}
        select
            '{{ mart }}' as mart,
            {% for status in statuses -%}
                coalesce(sum({{ status }}), 0) as {{ status }},
            {% endfor -%}
            coalesce(sum(bookings), 0) as bookings
        from {{ ref(mart) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    expected.mart,
    expected.bookings,
    counted.bookings as bookings_in_mart
from expected
inner join counted on expected.mart = counted.mart
where
    expected.bookings != counted.bookings
    {%- for status in statuses %}
        or expected.{{ status }} != counted.{{ status }}
    {%- endfor %}
