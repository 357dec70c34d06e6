{{ config(materialized='table') }}

with instances as (
    select * from {{ ref('int_webinar_instances__resolved') }}
),

registrations as (
    select * from {{ ref('int_webinar_registrations__unioned') }}
),

merged_attendance as (
    select * from {{ ref('int_webinar_attendance__merged') }}
),

known_people as (
    select * from {{ ref('int_people__resolved') }}
),

staff as (
    select * from {{ ref('int_webinar_staff__listed') }}
),

channel_aliases as (
    select * from {{ ref('channel_aliases') }}
    where source = 'webinars'
),

-- Whoever speaks is no guest by another address.
speakers as (
    select distinct
        staff.webinar_id,
        known_people.person_id
    from staff
    inner join known_people on {{ identifier_key("'email'", 'staff.email') }} = known_people.identifier_key
),

-- Who signed up by Calendly is the invitee, by whatever that person is known.
registrations_of_people as (
    select
        registrations.webinar_id,
        registrations.registration_source,
        registrations.registered_at,
        known_people.person_id,
        -- Late is who did not come; by another address the same person may have.
        case
            when registrations.registration_status = 'late' and merged_attendance.webinar_id is not null
                then 'registered'
            else registrations.registration_status
        end as registration_status
    from registrations
    inner join known_people on {{ webinar_identifier_key('registrations') }} = known_people.identifier_key
    left join merged_attendance
        on
            registrations.webinar_id = merged_attendance.webinar_id
            and known_people.person_id = merged_attendance.person_id
),

held_registrations as (
    select
        *,
        registration_status = 'registered' as is_holding
    from registrations_of_people
),

-- What a platform tells of a webinar before its report is whole says nothing of who did not come.
attendance as (
    select merged_attendance.*
    from merged_attendance
    inner join instances on merged_attendance.webinar_id = instances.webinar_id
    where instances.is_report_loaded
),

registered_people as (
    select
        webinar_id,
        person_id,
        {{ dbt.bool_or('is_holding') }} as is_registered,
        min(case when is_holding then registered_at end) as first_registered_at,
        min(registered_at) as first_asked_at,
        min(
            case registration_status
                {% for status in registration_statuses() %}
                    when '{{ status }}' then {{ loop.index }}
                {% endfor %}
            end
        ) as status_rank,
        {{ dbt.bool_or("registration_source = 'calendly'") }} as is_known_from_calendly,
        {{ dbt.bool_or("registration_source = 'zoom'") }} as is_known_from_zoom,
        {{ dbt.bool_or("registration_source = 'bigmarker'") }} as is_known_from_bigmarker,
        {{ dbt.bool_or("is_holding and registration_source = 'calendly'") }} as is_held_by_calendly,
        {{ dbt.bool_or("is_holding and registration_source = 'zoom'") }} as is_held_by_zoom,
        {{ dbt.bool_or("is_holding and registration_source = 'bigmarker'") }} as is_held_by_bigmarker
    from held_registrations
    group by webinar_id, person_id
),

people as (
    select
        registered_people.first_registered_at,
        registered_people.first_asked_at,
        registered_people.status_rank,
        registered_people.is_known_from_calendly,
        registered_people.is_known_from_zoom,
        registered_people.is_known_from_bigmarker,
        registered_people.is_held_by_calendly,
        registered_people.is_held_by_zoom,
        registered_people.is_held_by_bigmarker,
        attendance.attended_seconds,
        attendance.joined_at,
        attendance.left_at,
        coalesce(registered_people.webinar_id, attendance.webinar_id) as webinar_id,
        coalesce(registered_people.person_id, attendance.person_id) as person_id,
        coalesce(registered_people.is_registered, false) as is_registered,
        attendance.webinar_id is not null as has_attendance
    from registered_people
    full outer join attendance
        on
            registered_people.webinar_id = attendance.webinar_id
            and registered_people.person_id = attendance.person_id
),

resolved_people as (
    select
        people.webinar_id,
        people.person_id,
        people.is_registered,
        people.joined_at,
        people.left_at,
        instances.is_report_loaded,
        instances.start_date,
        case
            when people.joined_at < people.first_asked_at then people.joined_at
            else coalesce(people.first_asked_at, people.joined_at)
        end as first_seen_at,
        case when people.is_registered then people.first_registered_at else people.first_asked_at end as registered_at,
        case
            when people.is_registered then {{ joined_names([
                ('people.is_held_by_calendly', 'calendly'),
                ('people.is_held_by_zoom', 'zoom'),
                ('people.is_held_by_bigmarker', 'bigmarker'),
            ], '+') }}
            when not people.has_attendance then {{ joined_names([
                ('people.is_known_from_calendly', 'calendly'),
                ('people.is_known_from_zoom', 'zoom'),
                ('people.is_known_from_bigmarker', 'bigmarker'),
            ], '+') }}
        end as registration_source,
        case people.status_rank
            {% for status in registration_statuses() %}
                when {{ loop.index }} then '{{ status }}'
            {% endfor %}
        end as registration_status,
        case when instances.is_report_loaded then people.has_attendance end as is_attended,
        people.has_attendance and not people.is_registered as is_walk_in,
        -- A report may say that somebody came, and not when.
        case when people.has_attendance then coalesce(people.joined_at, instances.starts_at) end as came_at,
        coalesce(channel_aliases.channel, 'Webinar') as channel,
        case when instances.is_report_loaded then coalesce(people.attended_seconds, 0) end as attended_seconds
    from people
    inner join instances on people.webinar_id = instances.webinar_id
    left join speakers
        on people.webinar_id = speakers.webinar_id and people.person_id = speakers.person_id
    left join channel_aliases on channel_aliases.source_channel = 'Webinar'
    where speakers.person_id is null
),

people_with_minutes as (
    select
        *,
        {{ minutes_of('attended_seconds') }} as attended_minutes
    from resolved_people
)

select * from people_with_minutes
