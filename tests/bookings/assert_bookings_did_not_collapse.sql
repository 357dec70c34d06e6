-- Fewer than half as many bookings in the last seven whole days as in a usual week of the four before: more likely a
-- source that stopped than a market that did.
{{ config(severity='warn') }}

with days as (
    select
        bookings,
        {{ dbt.datediff('booked_date', reporting_date(as_of()), 'day') | trim }} as days_ago
    from {{ ref('booking_trends') }}
),

weeks as (
    select
        coalesce(sum(bookings) filter (where days_ago between 1 and 7), 0) as bookings_of_last_week,
        coalesce(sum(bookings) filter (where days_ago between 8 and 35), 0) / 4.0 as bookings_of_a_usual_week
    from days
)

-- Below ten a week chance alone may halve it.
select *
from weeks
where bookings_of_a_usual_week >= 10 and bookings_of_last_week < bookings_of_a_usual_week / 2
