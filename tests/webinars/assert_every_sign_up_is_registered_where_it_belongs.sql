-- An active sign-up with a webinar is a registration there, but for a host's or panelist's; unless it came after the
-- end, the person is registered there by Calendly. What it settles of the booking is what the fact says of the person.
with identifiers as (
    select * from {{ ref('int_people__resolved') }}
),

speakers as (
    select
        staff.webinar_id,
        identifiers.person_id
    from {{ ref('int_webinar_staff__listed') }} as staff
    inner join identifiers on identifiers.identifier_kind = 'email' and staff.email = identifiers.identifier_value
),

sign_ups as (
    select
        sign_ups.invitee_uri,
        sign_ups.webinar_id,
        identifiers.person_id,
        settled.is_attended,
        settled.is_report_loaded and (sign_ups.invitee_email is not null or settled.is_attended) as is_settled
    from {{ ref('int_webinar_sign_ups__matched') }} as sign_ups
    inner join {{ ref('int_webinar_sign_ups__settled') }} as settled on sign_ups.invitee_uri = settled.invitee_uri
    inner join identifiers
        on identifiers.identifier_kind = 'invitee' and sign_ups.invitee_uri = identifiers.identifier_value
    left join speakers
        on sign_ups.webinar_id = speakers.webinar_id and identifiers.person_id = speakers.person_id
    where sign_ups.is_active and sign_ups.webinar_id is not null and speakers.person_id is null
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
        and sign_ups.person_id = people.person_id
where
    registrations.webinar_id is null
    or people.person_id is null
    or (
        registrations.registration_status = 'registered'
        and (people.is_registered and people.registration_source like 'calendly%') is not true
    )
    or (sign_ups.is_settled and people.is_attended is distinct from sign_ups.is_attended)
    or (sign_ups.is_settled is not true and sign_ups.is_attended is not null)
