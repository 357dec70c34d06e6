with webinars as (
    select * from {{ ref('webinars_dim') }}
),

registrations as (
    select * from {{ ref('webinar_registrations_fact') }}
),

people as (
    select
        webinar_id,
        count(*) filter (where is_registered) as registered,
        count(*) filter (where is_registered and is_attended) as attended,
        count(*) filter (where is_walk_in) as walk_ins,
        sum(attended_seconds) as attended_seconds
    from registrations
    group by webinar_id
),

counted_webinars as (
    select
        webinars.*,
        coalesce(people.registered, 0) as registered,
        case when webinars.is_report_loaded then coalesce(people.registered, 0) else 0 end as registered_reported,
        case when webinars.is_report_loaded then coalesce(people.attended, 0) end as attended,
        case when webinars.is_report_loaded then coalesce(people.walk_ins, 0) end as walk_ins,
        case
            when webinars.is_report_loaded then cast(coalesce(people.attended_seconds, 0) as bigint)
        end as attended_seconds
    from webinars
    left join people on webinars.webinar_id = people.webinar_id
),

webinar_funnel as (
    select
        webinar_id,
        topic,
        webinar,
        platform,
        platform_label,
        course,
        language,
        course_label,
        language_label,
        start_date,
        starts_at,
        has_taken_place,
        is_report_loaded,
        registered,
        registered_reported,
        attended,
        walk_ins,
        attended_seconds,
        attended + walk_ins as attendees,
        {{ rate('attended', 'registered_reported') }} as attendance_rate,
        {{ rate(minutes_of('attended_seconds'), 'attended + walk_ins') }} as average_attended_minutes
    from counted_webinars
)

select * from webinar_funnel
