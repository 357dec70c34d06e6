with people as (
    select * from {{ ref('int_webinar_people__resolved') }}
),

webinar_registrations_fact as (
    select
        webinar_id,
        person_id,
        registered_at,
        registration_source,
        registration_status,
        is_registered,
        is_attended,
        is_walk_in,
        attended_seconds,
        attended_minutes,
        joined_at,
        left_at,
        start_date
    from people
)

select * from webinar_registrations_fact
