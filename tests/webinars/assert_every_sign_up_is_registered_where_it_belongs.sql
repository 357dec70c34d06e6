-- An active sign-up with a webinar is a registration there, but for a host's or panelist's; unless it came after the
-- end, the person is registered there by Calendly. What it settles of the booking is what the fact says of the person.
with sign_ups as (
    select
        sign_ups.invitee_uri,
        sign_ups.webinar_id,
        settled.is_attended,
        sign_ups.invitee_email is not null and settled.is_report_loaded as is_settled
    from {{ ref('int_webinar_sign_ups__matched') }} as sign_ups
    inner join {{ ref('int_webinar_sign_ups__settled') }} as settled on sign_ups.invitee_uri = settled.invitee_uri
    left join {{ ref('int_webinar_staff__listed') }} as staff
        on sign_ups.webinar_id = staff.webinar_id and sign_ups.invitee_email = staff.email
    where sign_ups.is_active and sign_ups.webinar_id is not null and staff.email is null
),

registrations as (
    select * from {{ ref('int_webinar_registrations__unioned') }}
    where registration_kind = 'invitee' and registration_status in ('registered', 'late')
),

people as (
    select * from {{ ref('webinar_registrations_fact') }}
)

select
    sign_ups.*,
    registrations.registration_status,
    people.registration_source,
    people.is_attended as is_person_attended
from sign_ups
left join registrations
    on sign_ups.webinar_id = registrations.webinar_id and sign_ups.invitee_uri = registrations.registration_key
left join people
    on
        sign_ups.webinar_id = people.webinar_id
        and {{ dbt.hash('registrations.person_key') }} = people.person_id
where
    people.person_id is null
    or (
        registrations.registration_status = 'registered'
        and (people.is_registered and people.registration_source like 'calendly%') is not true
    )
    or (sign_ups.is_settled and people.is_attended is distinct from sign_ups.is_attended)
    or (not sign_ups.is_settled and sign_ups.is_attended is not null)
