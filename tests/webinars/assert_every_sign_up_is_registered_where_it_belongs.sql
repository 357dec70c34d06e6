-- An active sign-up with a webinar is a registration there that names Calendly, but for a host's or panelist's; and
-- what it settles of the booking is what the fact says of the person.
with sign_ups as (
    select
        sign_ups.invitee_uri,
        sign_ups.webinar_id,
        settled.is_attended,
        {{ webinar_person_key('sign_ups.invitee_email', 'null', 'sign_ups.invitee_uri') }} as person_key
    from {{ ref('int_webinar_sign_ups__matched') }} as sign_ups
    inner join {{ ref('int_webinar_sign_ups__settled') }} as settled on sign_ups.invitee_uri = settled.invitee_uri
    left join {{ ref('int_webinar_staff__listed') }} as staff
        on sign_ups.webinar_id = staff.webinar_id and sign_ups.invitee_email = staff.email
    where sign_ups.is_active and sign_ups.webinar_id is not null and staff.email is null
),

registrations as (
    select * from {{ ref('webinar_registrations_fact') }}
)

select sign_ups.*
from sign_ups
left join registrations
    on
        sign_ups.webinar_id = registrations.webinar_id
        and {{ dbt.hash('sign_ups.person_key') }} = registrations.person_id
where
    registrations.is_registered is not true
    or registrations.registration_source not like 'calendly%'
    or registrations.is_attended is distinct from sign_ups.is_attended
