-- Whoever was rescheduled from an invitee is in that invitee's booking.
with links as (
    select
        invitee_uri,
        booking_id
    from {{ ref('int_booking_links__chained') }}
),

invitees as (
    select
        invitee_uri,
        old_invitee_uri
    from {{ ref('int_invitees__resolved') }}
    where old_invitee_uri is not null
)

select
    invitees.invitee_uri,
    invitees.old_invitee_uri,
    links.booking_id,
    old_links.booking_id as old_booking_id
from invitees
inner join links on invitees.invitee_uri = links.invitee_uri
left join links as old_links on invitees.old_invitee_uri = old_links.invitee_uri
where (links.booking_id = old_links.booking_id) is not true
