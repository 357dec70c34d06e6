with funnel_by_period as (
    select * from {{ ref('webinar_funnel_by_period') }}
    where period_kind = 'all_time' and not is_all_courses and is_all_languages
),

webinar_funnel_by_course as (
    select
        course_label,
        webinars,
        webinars_held,
        registered,
        registered_reported,
        attended,
        attendance_rate,
        walk_ins,
        attendees,
        average_attended_minutes,
        people
    from funnel_by_period
)

select * from webinar_funnel_by_course
