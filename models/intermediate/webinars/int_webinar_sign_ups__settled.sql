with sign_ups as (
    select * from {{ ref('int_webinar_sign_ups__matched') }}
    where webinar_id is not null
),

instances as (
    select * from {{ ref('int_webinar_instances__resolved') }}
),

sessions as (
    select * from {{ ref('int_webinar_sessions__unioned') }}
),

people as (
    select * from {{ ref('int_people__resolved') }}
),

-- Hosts and panelists too: who signed up and then spoke was there.
people_there as (
    select distinct
        sessions.webinar_id,
        people.person_id
    from sessions
    inner join people on sessions.person_key = people.identifier_key
),

settled_sign_ups as (
    select
        sign_ups.invitee_uri,
        sign_ups.webinar_id,
        instances.is_report_loaded,
        -- Who gave no address may have been any of them.
        case
            when instances.is_report_loaded and people_there.person_id is not null then true
            when instances.is_report_loaded and sign_ups.invitee_email is not null then false
        end as is_attended
    from sign_ups
    inner join instances on sign_ups.webinar_id = instances.webinar_id
    inner join people
        on people.identifier_kind = 'invitee' and sign_ups.invitee_uri = people.identifier_value
    left join people_there
        on sign_ups.webinar_id = people_there.webinar_id and people.person_id = people_there.person_id
)

select * from settled_sign_ups
