-- Every record of somebody who came is a session of one instance, and every session that is not a host's or panelist's
-- adds to one person there. Whoever waits was not there; an export that a newer one replaced counts for nothing, nor
-- does an anonymous row of one that the API tells of, too.
with parts as (
    select * from {{ ref('int_webinar_instance_parts__keyed') }}
),

records as (
    select
        'participant' as session_kind,
        participants.session_key
    from {{ ref('stg_zoom__participants') }} as participants
    inner join parts on participants.instance_uuid = parts.source_key and parts.part_kind = 'instance'
    where participants.status is null or participants.status != 'in_waiting_room'
    union all
    select
        'report_row' as session_kind,
        report_rows.row_key as session_key
    from {{ ref('stg_zoom__attendee_report_rows') }} as report_rows
    inner join parts on report_rows.report_key = parts.source_key and parts.part_kind = 'file'
    where
        (report_rows.is_attended or (report_rows.is_attended is null and report_rows.joined_at is not null))
        and not (report_rows.email is null and parts.is_told_by_api)
    union all
    select
        'attendee' as session_kind,
        attendees.session_key
    from {{ ref('stg_bigmarker__attendees') }} as attendees
    inner join parts on attendees.conference_id = parts.source_key and parts.part_kind = 'conference'
),

sessions as (
    select * from {{ ref('int_webinar_sessions__unioned') }}
),

miscounted_records as (
    select
        coalesce(records.session_kind, sessions.session_kind) as session_kind,
        coalesce(records.session_key, sessions.session_key) as subject,
        'record and session disagree' as fault
    from records
    full outer join sessions
        on records.session_kind = sessions.session_kind and records.session_key = sessions.session_key
    where records.session_key is null or sessions.session_key is null
),

sessions_of_guests as (
    select
        webinar_id,
        count(*) as sessions
    from sessions
    where not is_staff
    group by webinar_id
),

sessions_of_people as (
    select
        webinar_id,
        sum(session_count) as sessions
    from {{ ref('int_webinar_attendance__merged') }}
    group by webinar_id
),

miscounted_instances as (
    select
        'any' as session_kind,
        coalesce(sessions_of_guests.webinar_id, sessions_of_people.webinar_id) as subject,
        'sessions and people disagree' as fault
    from sessions_of_guests
    full outer join sessions_of_people on sessions_of_guests.webinar_id = sessions_of_people.webinar_id
    where (sessions_of_guests.sessions = sessions_of_people.sessions) is not true
)

select * from miscounted_records
union all
select * from miscounted_instances
