-- Every invitee that a source knows is a link of one booking, and a booking's links are those that it counts.
with links_of_bookings as (
    select
        booking_id,
        count(*) as links
    from {{ ref('int_booking_links__chained') }}
    group by booking_id
),

bookings as (
    select
        booking_id,
        reschedule_count
    from {{ ref('bookings_fact') }}
),

miscounted_bookings as (
    select
        coalesce(bookings.booking_id, links_of_bookings.booking_id) as uri,
        'links and reschedules disagree' as fault
    from bookings
    full outer join links_of_bookings on bookings.booking_id = links_of_bookings.booking_id
    where (bookings.reschedule_count + 1 = links_of_bookings.links) is not true
),

lost_invitees as (
    select
        invitees.invitee_uri as uri,
        'invitee is in no booking' as fault
    from {{ ref('int_invitees__resolved') }} as invitees
    left join {{ ref('int_booking_links__chained') }} as links on invitees.invitee_uri = links.invitee_uri
    where links.invitee_uri is null
)

select * from miscounted_bookings
union all
select * from lost_invitees
