with webinars as (
    select * from {{ ref('webinar_funnel') }}
),

registrations as (
    select * from {{ ref('webinar_registrations_fact') }}
    where is_registered
),

span as (
    select
        {{ reporting_date(as_of()) }} as as_of_date,
        min(start_date) as first_date,
        max(start_date) as last_date
    from webinars
    having count(*) > 0
),

periods as (
    select
        'month' as period_kind,
        {{ dates_between(month_start_date('first_date'), 'last_date', 'month') }} as period_start_date
    from span
    union all
    select
        'last_90_days' as period_kind,
        cast({{ dbt.dateadd('day', -89, 'as_of_date') }} as date) as period_start_date
    from span
    union all
    select
        'last_12_months' as period_kind,
        cast({{ dbt.dateadd('day', 1, dbt.dateadd('month', -12, 'as_of_date')) }} as date) as period_start_date
    from span
    union all
    select
        'all_time' as period_kind,
        cast(null as date) as period_start_date
    from span
),

ended_periods as (
    select
        periods.period_kind,
        periods.period_start_date,
        case periods.period_kind
            when 'month' then cast({{ dbt.last_day('periods.period_start_date', 'month') }} as date)
            when 'all_time' then null
            else span.as_of_date
        end as period_end_date
    from periods
    cross join span
),

courses as (
    select distinct
        course_label,
        false as is_all_courses
    from webinars
    union all
    select
        'All courses' as course_label,
        true as is_all_courses
    from span
),

languages as (
    select distinct
        language_label,
        false as is_all_languages
    from webinars
    union all
    select
        'All languages' as language_label,
        true as is_all_languages
    from span
),

-- Every course with every language in every period, so that a filter always finds its figures and a line leaps over
-- nothing.
slices as (
    select
        ended_periods.period_kind,
        ended_periods.period_start_date,
        ended_periods.period_end_date,
        courses.course_label,
        courses.is_all_courses,
        languages.language_label,
        languages.is_all_languages
    from ended_periods
    cross join courses
    cross join languages
),

webinars_of_slices as (
    select
        slices.period_kind,
        slices.period_start_date,
        slices.period_end_date,
        slices.course_label,
        slices.is_all_courses,
        slices.language_label,
        slices.is_all_languages,
        webinars.webinar_id,
        webinars.is_report_loaded,
        webinars.registered,
        webinars.registered_reported,
        webinars.attended,
        webinars.walk_ins,
        webinars.attended_seconds
    from slices
    left join webinars
        on
            (slices.period_start_date is null or slices.period_start_date <= webinars.start_date)
            and (slices.period_end_date is null or slices.period_end_date >= webinars.start_date)
            and (slices.is_all_courses or slices.course_label = webinars.course_label)
            and (slices.is_all_languages or slices.language_label = webinars.language_label)
),

people_of_slices as (
    select
        webinars_of_slices.period_kind,
        webinars_of_slices.period_start_date,
        webinars_of_slices.course_label,
        webinars_of_slices.is_all_courses,
        webinars_of_slices.language_label,
        webinars_of_slices.is_all_languages,
        count(distinct registrations.person_id) as people
    from webinars_of_slices
    inner join registrations on webinars_of_slices.webinar_id = registrations.webinar_id
    group by
        webinars_of_slices.period_kind,
        webinars_of_slices.period_start_date,
        webinars_of_slices.course_label,
        webinars_of_slices.is_all_courses,
        webinars_of_slices.language_label,
        webinars_of_slices.is_all_languages
),

summed_slices as (
    select
        period_kind,
        period_start_date,
        period_end_date,
        course_label,
        is_all_courses,
        language_label,
        is_all_languages,
        count(webinar_id) as webinars,
        count(*) filter (where is_report_loaded) as webinars_held,
        {{ summed_webinar_figures() }}
    from webinars_of_slices
    group by
        period_kind,
        period_start_date,
        period_end_date,
        course_label,
        is_all_courses,
        language_label,
        is_all_languages
),

webinar_funnel_by_period as (
    select
        summed_slices.period_kind,
        summed_slices.period_start_date,
        summed_slices.period_end_date,
        summed_slices.course_label,
        summed_slices.is_all_courses,
        summed_slices.language_label,
        summed_slices.is_all_languages,
        summed_slices.webinars,
        summed_slices.webinars_held,
        summed_slices.registered,
        summed_slices.registered_reported,
        summed_slices.attended,
        {{ rate('summed_slices.attended', 'summed_slices.registered_reported') }} as attendance_rate,
        summed_slices.walk_ins,
        summed_slices.attended + summed_slices.walk_ins as attendees,
        summed_slices.attended_seconds,
        {{ rate(
            minutes_of('summed_slices.attended_seconds'), 'summed_slices.attended + summed_slices.walk_ins'
        ) }} as average_attended_minutes,
        coalesce(people_of_slices.people, 0) as people
    from summed_slices
    left join people_of_slices
        on
            summed_slices.period_kind = people_of_slices.period_kind
            and summed_slices.period_start_date is not distinct from people_of_slices.period_start_date
            and summed_slices.course_label = people_of_slices.course_label
            and summed_slices.is_all_courses = people_of_slices.is_all_courses
            and summed_slices.language_label = people_of_slices.language_label
            and summed_slices.is_all_languages = people_of_slices.is_all_languages
)

select * from webinar_funnel_by_period
