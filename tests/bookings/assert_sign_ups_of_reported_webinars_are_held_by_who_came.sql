-- A sign-up that stands is held or no_show by the platform's report, once that says who came, and by nothing else.
with bookings as (
    select * from {{ ref('bookings_fact') }}
),

active_sign_ups as (
    select * from {{ ref('int_webinar_sign_ups__matched') }}
    where is_active
),

reported_sign_ups as (
    select * from {{ ref('int_webinar_sign_ups__settled') }}
    where is_attended is not null
)

select
    bookings.booking_id,
    bookings.status,
    reported_sign_ups.webinar_id,
    reported_sign_ups.is_attended
from bookings
inner join active_sign_ups on bookings.last_invitee_uri = active_sign_ups.invitee_uri
inner join reported_sign_ups on active_sign_ups.invitee_uri = reported_sign_ups.invitee_uri
where bookings.status != case when reported_sign_ups.is_attended then 'held' else 'no_show' end
