with sign_ups as (
    select * from {{ ref('int_webinar_sign_ups__matched') }}
    where webinar_id is not null
),

instances as (
    select * from {{ ref('int_webinar_instances__resolved') }}
),

-- Hosts and panelists too: who signed up and then spoke was there.
people_there as (
    select distinct
        webinar_id,
        email
    from {{ ref('int_webinar_sessions__unioned') }}
    where email is not null
),

settled_sign_ups as (
    select
        sign_ups.invitee_uri,
        sign_ups.webinar_id,
        instances.is_report_loaded,
        -- Who gave no address may have been any of them.
        case
            when instances.is_report_loaded and sign_ups.invitee_email is not null then people_there.email is not null
        end as is_attended
    from sign_ups
    inner join instances on sign_ups.webinar_id = instances.webinar_id
    left join people_there
        on sign_ups.webinar_id = people_there.webinar_id and sign_ups.invitee_email = people_there.email
)

select * from settled_sign_ups
