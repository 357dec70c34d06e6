{{ config(materialized='table') }}

with parts as (
    select * from {{ ref('int_webinar_instance_parts__keyed') }}
),

participants as (
    select * from {{ ref('stg_zoom__participants') }}
),

registrants as (
    select * from {{ ref('stg_zoom__registrants') }}
),

report_rows as (
    select * from {{ ref('stg_zoom__attendee_report_rows') }}
),

attendees as (
    select * from {{ ref('stg_bigmarker__attendees') }}
),

conference_registrations as (
    select * from {{ ref('stg_bigmarker__registrations') }}
),

staff as (
    select * from {{ ref('int_webinar_staff__listed') }}
),

registrant_emails as (
    select
        platform_webinar_id,
        registrant_id,
        min(email) as email
    from registrants
    where registrant_id is not null
    group by platform_webinar_id, registrant_id
),

conference_emails as (
    select
        conference_id,
        registrant_id,
        min(email) as email
    from conference_registrations
    where registrant_id is not null
    group by conference_id, registrant_id
),

-- Whoever comes by a registrant's own link is that registrant, whatever account the device is signed in to.
api_sessions as (
    select
        parts.webinar_id,
        'zoom' as platform,
        'participant' as session_kind,
        participants.session_key,
        participants.registrant_id,
        coalesce(registrant_emails.email, participants.email) as email,
        participants.joined_at,
        participants.left_at,
        participants.duration_seconds,
        false as is_listed_staff
    from participants
    inner join parts on participants.instance_uuid = parts.source_key and parts.part_kind = 'instance'
    left join registrant_emails
        on
            parts.platform_webinar_id = registrant_emails.platform_webinar_id
            and participants.registrant_id = registrant_emails.registrant_id
    where coalesce(participants.status, '') != 'in_waiting_room'
),

-- Nothing says which of the anonymous sessions that the API tells of, too, is which.
file_sessions as (
    select
        parts.webinar_id,
        'zoom' as platform,
        'report_row' as session_kind,
        report_rows.row_key as session_key,
        cast(null as varchar) as registrant_id,
        report_rows.email,
        report_rows.joined_at,
        report_rows.left_at,
        cast(report_rows.session_minutes * 60 as double) as duration_seconds,
        report_rows.section in ('host', 'panelist') as is_listed_staff
    from report_rows
    inner join parts on report_rows.report_key = parts.source_key and parts.part_kind = 'file'
    where
        coalesce(report_rows.is_attended, report_rows.joined_at is not null)
        and (report_rows.email is not null or not parts.is_told_by_api)
),

conference_sessions as (
    select
        parts.webinar_id,
        'bigmarker' as platform,
        'attendee' as session_kind,
        attendees.session_key,
        attendees.registrant_id,
        coalesce(attendees.email, conference_emails.email) as email,
        attendees.joined_at,
        attendees.left_at,
        cast(attendees.duration_seconds as double) as duration_seconds,
        false as is_listed_staff
    from attendees
    inner join parts on attendees.conference_id = parts.source_key and parts.part_kind = 'conference'
    left join conference_emails
        on
            attendees.conference_id = conference_emails.conference_id
            and attendees.registrant_id = conference_emails.registrant_id
),

sessions as (
    select * from api_sessions
    union all
    select * from file_sessions
    union all
    select * from conference_sessions
),

-- Whole seconds, so that sums of them do not depend on their order.
timed_sessions as (
    select
        *,
        {{ dbt.date_trunc('second', 'joined_at') }} as joined_second,
        {{ dbt.date_trunc('second', 'left_at') }} as left_second,
        cast(greatest(coalesce(floor(duration_seconds), 0), 0) as bigint) as stated_seconds
    from sessions
),

unioned_sessions as (
    select
        timed_sessions.webinar_id,
        timed_sessions.platform,
        timed_sessions.session_kind,
        timed_sessions.session_key,
        timed_sessions.registrant_id,
        timed_sessions.email,
        timed_sessions.joined_second as joined_at,
        timed_sessions.is_listed_staff or staff.email is not null as is_staff,
        {{ webinar_person_key(
            'timed_sessions.email',
            'timed_sessions.platform',
            'timed_sessions.registrant_id',
            'timed_sessions.session_key',
        ) }} as person_key,
        case
            when timed_sessions.joined_second is not null then greatest(
                timed_sessions.joined_second,
                coalesce(
                    timed_sessions.left_second,
                    {{ seconds_after('timed_sessions.joined_second', 'timed_sessions.stated_seconds') }}
                )
            )
        end as left_at,
        -- Of a session without its beginning all that is known is how long it was.
        case when timed_sessions.joined_second is null then timed_sessions.stated_seconds end as unplaced_seconds
    from timed_sessions
    left join staff on timed_sessions.webinar_id = staff.webinar_id and timed_sessions.email = staff.email
)

select * from unioned_sessions
