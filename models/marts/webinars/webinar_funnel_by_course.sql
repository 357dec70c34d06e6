with funnel_by_period as (
    select * from {{ ref('webinar_funnel_by_period') }}
    where period_kind = 'all_time' and not is_all_courses and is_all_languages
),

webinar_funnel_by_course as (
    select
        course_label,
        {{ rolled_up_webinar_figures() }}
    from funnel_by_period
)

select * from webinar_funnel_by_course
