with parts as (
    select * from {{ ref('int_webinar_instance_parts__keyed') }}
),

instances as (
    select * from {{ ref('int_webinar_platform_instances__resolved') }}
),

sessions as (
    select * from {{ ref('int_webinar_sessions__unioned') }}
),

sign_ups as (
    select * from {{ ref('int_webinar_sign_ups__matched') }}
),

webinars as (
    select * from {{ ref('stg_zoom__webinars') }}
),

registrants as (
    select * from {{ ref('stg_zoom__registrants') }}
),

report_rows as (
    select * from {{ ref('stg_zoom__attendee_report_rows') }}
),

conference_registrations as (
    select * from {{ ref('stg_bigmarker__registrations') }}
),

staff as (
    select * from {{ ref('int_webinar_staff__listed') }}
),

attended_registrants as (
    select distinct
        webinar_id,
        registrant_id
    from sessions
    where registrant_id is not null
),

people_there as (
    select distinct
        webinar_id,
        person_key
    from sessions
    where not is_staff
),

visited_instances as (
    select distinct webinar_id
    from people_there
),

-- Where nobody but hosts and panelists came, they rehearsed or looked in again later; not so in a series.
zoom_instances as (
    select
        instances.webinar_id,
        instances.platform_webinar_id,
        instances.starts_at,
        instances.ends_at,
        coalesce(webinars.is_recurring, false) as is_recurring,
        instances.is_report_loaded
        and visited_instances.webinar_id is null
        and not coalesce(webinars.is_recurring, false) as is_rehearsal
    from instances
    left join webinars on instances.platform_webinar_id = webinars.platform_webinar_id
    left join visited_instances on instances.webinar_id = visited_instances.webinar_id
    where instances.platform = 'zoom'
),

registrants_of_instances as (
    select
        registrants.registrant_key,
        registrants.registrant_id,
        registrants.email,
        registrants.status,
        registrants.registered_at,
        zoom_instances.webinar_id,
        zoom_instances.starts_at,
        zoom_instances.is_recurring,
        zoom_instances.is_rehearsal,
        attended_registrants.webinar_id is not null as is_attended,
        coalesce(registrants.registered_at < zoom_instances.ends_at, true) as is_in_time
    from registrants
    inner join zoom_instances on registrants.platform_webinar_id = zoom_instances.platform_webinar_id
    left join attended_registrants
        on
            registrants.registrant_id = attended_registrants.registrant_id
            and zoom_instances.webinar_id = attended_registrants.webinar_id
),

ranked_registrants as (
    select
        *,
        {{ dbt.bool_or('is_attended') }} over (partition by registrant_key) as has_attended,
        row_number() over (
            partition by registrant_key
            order by case when is_in_time and not is_rehearsal then 0 else 1 end, starts_at, webinar_id
        ) as rank_from_next,
        row_number() over (
            partition by registrant_key
            order by case when is_rehearsal then 1 else 0 end, starts_at desc, webinar_id desc
        ) as rank_from_last
    from registrants_of_instances
),

-- Zoom registers for a webinar, not for one of its instances. For a series: for all that were to come, and for those
-- where the registrant was. Else one of them is meant, though there may be more: rehearsals, and a number used again.
weighed_registrants as (
    select
        *,
        case
            when is_recurring then is_attended or is_in_time
            when has_attended then is_attended
            else is_in_time and not is_rehearsal and rank_from_next = 1
        end as is_meant
    from ranked_registrants
),

placed_registrants as (
    select
        *,
        {{ dbt.bool_or('is_meant') }} over (partition by registrant_key) as is_meant_somewhere
    from weighed_registrants
),

registrations as (
    select
        webinar_id,
        'calendly' as registration_source,
        'invitee' as registration_kind,
        invitee_uri as registration_key,
        invitee_email as email,
        registered_at,
        {{ webinar_person_key('invitee_email', 'null', 'null', 'invitee_uri') }} as person_key,
        case
            when is_active then 'registered'
            when is_rescheduled then 'rescheduled'
            else 'canceled'
        end as registration_status
    from sign_ups
    where webinar_id is not null
    union all
    select
        webinar_id,
        'zoom' as registration_source,
        'registrant' as registration_kind,
        registrant_key as registration_key,
        email,
        registered_at,
        {{ webinar_person_key('email', "'zoom'", 'registrant_id', 'registrant_key') }} as person_key,
        {{ registration_status('status') }} as registration_status
    from placed_registrants
    -- Who registered after all of them is not lost.
    where is_meant or (not is_meant_somewhere and rank_from_last = 1)
    union all
    select
        parts.webinar_id,
        'zoom' as registration_source,
        'report_row' as registration_kind,
        report_rows.row_key as registration_key,
        report_rows.email,
        report_rows.registered_at,
        {{ webinar_person_key('report_rows.email', 'null', 'null', 'report_rows.row_key') }} as person_key,
        {{ registration_status('report_rows.approval_status') }} as registration_status
    from report_rows
    inner join parts on report_rows.report_key = parts.source_key and parts.part_kind = 'file'
    where
        report_rows.section = 'attendee'
        -- Only who registered can be missing.
        and (report_rows.registered_at is not null or not report_rows.is_attended)
        and (report_rows.email is not null or not parts.is_told_by_api)
    union all
    select
        parts.webinar_id,
        'bigmarker' as registration_source,
        'registration' as registration_kind,
        conference_registrations.registration_key,
        conference_registrations.email,
        conference_registrations.registered_at,
        {{ webinar_person_key(
            'conference_registrations.email',
            "'bigmarker'",
            'conference_registrations.registrant_id',
            'conference_registrations.registration_key',
        ) }} as person_key,
        'registered' as registration_status
    from conference_registrations
    inner join parts
        on conference_registrations.conference_id = parts.source_key and parts.part_kind = 'conference'
),

registrations_of_guests as (
    select
        registrations.webinar_id,
        registrations.registration_source,
        registrations.registration_kind,
        registrations.registration_key,
        registrations.person_key,
        registrations.email,
        registrations.registered_at,
        case
            -- Whoever registers for what is over wants the recording.
            when
                registrations.registration_status = 'registered'
                and instances.is_end_known
                and registrations.registered_at >= instances.ends_at
                and people_there.webinar_id is null
                then 'late'
            else registrations.registration_status
        end as registration_status
    from registrations
    left join instances on registrations.webinar_id = instances.webinar_id
    left join people_there
        on registrations.webinar_id = people_there.webinar_id and registrations.person_key = people_there.person_key
    left join staff
        on registrations.webinar_id = staff.webinar_id and registrations.email = staff.email
    where staff.email is null
)

select * from registrations_of_guests
