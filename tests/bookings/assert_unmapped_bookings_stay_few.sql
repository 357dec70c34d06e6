-- The other bucket: when it grows, somebody made an event type that the channel map does not have.
{{ config(severity='warn') }}

with months as (
    select
        booked_month_start_date,
        count(*) as bookings,
        count(*) filter (where not is_mapped) as unmapped_bookings
    from {{ ref('bookings_fact') }}
    group by booked_month_start_date
)

select *
from months
where unmapped_bookings > bookings * {{ var('max_unmapped_share') }}
