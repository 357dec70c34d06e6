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

rolling_periods as (
    select * from ended_periods
    where period_kind in ('last_90_days', 'last_12_months')
),

webinars_of_periods as (
    select
        webinars.*,
        'month' as period_kind,
        {{ month_start_date('webinars.start_date') }} as period_start_date
    from webinars
    where webinars.start_date is not null
    union all
    select
        webinars.*,
        rolling_periods.period_kind,
        rolling_periods.period_start_date
    from webinars
    inner join rolling_periods
        on webinars.start_date between rolling_periods.period_start_date and rolling_periods.period_end_date
    union all
    select
        webinars.*,
        'all_time' as period_kind,
        cast(null as date) as period_start_date
    from webinars
),

-- A webinar counts with its own course and with all, and with its own language and with all.
ways_to_count as (
    {% for is_all_courses in ['false', 'true'] %}
        {% for is_all_languages in ['false', 'true'] %}
            select
                {{ is_all_courses }} as is_all_courses,
                {{ is_all_languages }} as is_all_languages
            {{ 'union all' if not (is_all_courses == 'true' and is_all_languages == 'true') }}
        {% endfor %}
    {% endfor %}
),

webinars_of_slices as (
    select
        webinars_of_periods.webinar_id,
        webinars_of_periods.period_kind,
        webinars_of_periods.period_start_date,
        ways_to_count.is_all_courses,
        ways_to_count.is_all_languages,
        webinars_of_periods.is_report_loaded,
        webinars_of_periods.registered,
        webinars_of_periods.registered_reported,
        webinars_of_periods.attended,
        webinars_of_periods.walk_ins,
        webinars_of_periods.attended_seconds,
        case
            when ways_to_count.is_all_courses then 'All courses' else webinars_of_periods.course_label
        end as course_label,
        case
            when ways_to_count.is_all_languages then 'All languages' else webinars_of_periods.language_label
        end as language_label
    from webinars_of_periods
    cross join ways_to_count
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

summed_webinars as (
    select
        period_kind,
        period_start_date,
        course_label,
        is_all_courses,
        language_label,
        is_all_languages,
        count(*) as webinars,
        count(*) filter (where is_report_loaded) as webinars_held,
        {{ summed_webinar_figures() }}
    from webinars_of_slices
    group by
        period_kind,
        period_start_date,
        course_label,
        is_all_courses,
        language_label,
        is_all_languages
),

webinar_funnel_by_period as (
    select
        slices.period_kind,
        slices.period_start_date,
        slices.period_end_date,
        slices.course_label,
        slices.is_all_courses,
        slices.language_label,
        slices.is_all_languages,
        summed_webinars.attended,
        summed_webinars.walk_ins,
        summed_webinars.attended_seconds,
        coalesce(summed_webinars.webinars, 0) as webinars,
        coalesce(summed_webinars.webinars_held, 0) as webinars_held,
        coalesce(summed_webinars.registered, 0) as registered,
        coalesce(summed_webinars.registered_reported, 0) as registered_reported,
        coalesce(summed_webinars.registered - summed_webinars.registered_reported, 0) as registered_unreported,
        {{ rate('summed_webinars.attended', 'summed_webinars.registered_reported') }} as attendance_rate,
        summed_webinars.attended + summed_webinars.walk_ins as attendees,
        {{ rate(
            minutes_of('summed_webinars.attended_seconds'), 'summed_webinars.attended + summed_webinars.walk_ins'
        ) }} as average_attended_minutes,
        coalesce(people_of_slices.people, 0) as people
    from slices
    left join summed_webinars on {{ same_slice('slices', 'summed_webinars') }}
    left join people_of_slices on {{ same_slice('slices', 'people_of_slices') }}
)

select * from webinar_funnel_by_period
