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

-- Zoom registers for a webinar, not for one of its instances: for all that were to come, and for those where the
-- registrant was.
registrants_of_instances as (
    select
        registrants.registrant_key,
        registrants.registrant_id,
        registrants.email,
        registrants.status,
        registrants.registered_at,
        instances.webinar_id,
        registrants.registered_at is null
        or registrants.registered_at < instances.ends_at
        or attended_registrants.webinar_id is not null as is_fitting,
        row_number() over (
            partition by registrants.registrant_key
            order by instances.starts_at desc, instances.webinar_id desc
        ) as rank_from_last
    from registrants
    inner join instances
        on
            registrants.platform_webinar_id = instances.platform_webinar_id
            and instances.platform = 'zoom'
    left join attended_registrants
        on
            registrants.registrant_id = attended_registrants.registrant_id
            and instances.webinar_id = attended_registrants.webinar_id
),

weighed_registrants as (
    select
        *,
        {{ dbt.bool_or('is_fitting') }} over (partition by registrant_key) as has_fitting
    from registrants_of_instances
),

registrations as (
    select
        webinar_id,
        'calendly' as registration_source,
        'invitee' as registration_kind,
        invitee_uri as registration_key,
        invitee_email as email,
        registered_at,
        {{ webinar_person_key('invitee_email', 'null', 'invitee_uri') }} as person_key,
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
        {{ webinar_person_key('email', 'registrant_id', 'registrant_key') }} as person_key,
        {{ registration_status('status') }} as registration_status
    from weighed_registrants
    -- Who registered after all of them is not lost.
    where is_fitting or (not has_fitting and rank_from_last = 1)
    union all
    select
        parts.webinar_id,
        'zoom' as registration_source,
        'report_row' as registration_kind,
        report_rows.row_key as registration_key,
        report_rows.email,
        report_rows.registered_at,
        {{ webinar_person_key('report_rows.email', 'null', 'report_rows.row_key') }} as person_key,
        {{ registration_status('report_rows.approval_status') }} as registration_status
    from report_rows
    inner join parts on report_rows.report_key = parts.source_key and parts.part_kind = 'file'
    -- Only who registered can be missing.
    where report_rows.section = 'attendee' and (report_rows.registered_at is not null or not report_rows.is_attended)
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
        registrations.registration_status
    from registrations
    left join staff
        on registrations.webinar_id = staff.webinar_id and registrations.email = staff.email
    where staff.email is null
)

select * from registrations_of_guests
