-- Whichever way webinars are cut, nobody is lost and nobody counts twice. Months leave out what has no date.
with registrations as (
    select
        count(*) filter (where is_registered) as registered,
        count(*) filter (where is_registered and is_attended) as attended,
        count(*) filter (where is_attended and not is_registered) as walk_ins,
        coalesce(sum(attended_seconds), 0) as attended_seconds
    from {{ ref('webinar_registrations_fact') }}
),

webinars as (
    select count(*) as webinars
    from {{ ref('webinars_dim') }}
),

undated_webinars as (
    select
        'month' as period_kind,
        count(*) as webinars,
        {{ summed_webinar_figures() }}
    from {{ ref('webinar_funnel') }}
    where start_date is null
),

periods as (
    select
        period_kind,
        is_all_courses,
        is_all_languages,
        sum(webinars) as webinars,
        {{ summed_webinar_figures() }}
    from {{ ref('webinar_funnel_by_period') }}
    where period_kind in ('month', 'all_time')
    group by period_kind, is_all_courses, is_all_languages
),

totals as (
    select
        'webinar_funnel' as mart,
        false as is_without_seconds,
        count(*) as webinars,
        {{ summed_webinar_figures() }}
    from {{ ref('webinar_funnel') }}
    union all
    select
        periods.period_kind || ', ' || periods.is_all_courses || ', ' || periods.is_all_languages as mart,
        false as is_without_seconds,
        periods.webinars + coalesce(undated_webinars.webinars, 0) as webinars,
        periods.registered + coalesce(undated_webinars.registered, 0) as registered,
        periods.registered_reported + coalesce(undated_webinars.registered_reported, 0) as registered_reported,
        coalesce(periods.attended, 0) + coalesce(undated_webinars.attended, 0) as attended,
        coalesce(periods.walk_ins, 0) + coalesce(undated_webinars.walk_ins, 0) as walk_ins,
        coalesce(periods.attended_seconds, 0) + coalesce(undated_webinars.attended_seconds, 0) as attended_seconds
    from periods
    left join undated_webinars on periods.period_kind = undated_webinars.period_kind
    {% for roll_up in ['webinar_funnel_by_course', 'webinar_funnel_by_language'] %}
        union all
        select
            '{{ roll_up }}' as mart,
            true as is_without_seconds,
            coalesce(sum(webinars), 0) as webinars,
            coalesce(sum(registered), 0) as registered,
            coalesce(sum(registered_reported), 0) as registered_reported,
            coalesce(sum(attended), 0) as attended,
            coalesce(sum(walk_ins), 0) as walk_ins,
            cast(null as bigint) as attended_seconds
        from {{ ref(roll_up) }}
    {% endfor %}
)

select
    totals.*,
    webinars.webinars as all_webinars,
    registrations.registered as all_registered,
    registrations.attended as all_attended,
    registrations.walk_ins as all_walk_ins,
    registrations.attended_seconds as all_attended_seconds
from totals
cross join webinars
cross join registrations
where
    totals.webinars != webinars.webinars
    -- Without any report a total is null, and nobody is known to have come.
    or coalesce(totals.registered, 0) != registrations.registered
    or coalesce(totals.attended, 0) != registrations.attended
    or coalesce(totals.walk_ins, 0) != registrations.walk_ins
    or (not totals.is_without_seconds and coalesce(totals.attended_seconds, 0) != registrations.attended_seconds)
