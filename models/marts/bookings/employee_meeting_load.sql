with host_meetings as (
    select * from {{ ref('int_host_meetings__counted') }}
),

hosts as (
    select * from {{ ref('int_hosts__labelled') }}
),

weeks_with_meetings as (
    select
        host_uri,
        week_start_date,
        count(*) as meetings,
        sum(meeting_seconds) as meeting_seconds
    from host_meetings
    group by host_uri, week_start_date
),

first_and_last_weeks as (
    select
        host_uri,
        min(week_start_date) as first_week,
        greatest(max(week_start_date), {{ week_start_date(reporting_date(as_of())) }}) as last_week
    from weeks_with_meetings
    group by host_uri
),

weeks as (
    select
        host_uri,
        {{ dates_between('first_week', 'last_week', 'week') }} as week_start_date
    from first_and_last_weeks
),

employee_meeting_load as (
    select
        weeks.host_uri,
        hosts.host_email,
        hosts.host_label,
        hosts.team,
        weeks.week_start_date,
        coalesce(weeks_with_meetings.meetings, 0) as meetings,
        coalesce(weeks_with_meetings.meeting_seconds, 0) / 60.0 as meeting_minutes,
        {{ dbt.dateadd('day', 6, 'weeks.week_start_date') }} >= {{ reporting_date(as_of()) }} as is_partial_week
    from weeks
    inner join hosts on weeks.host_uri = hosts.host_uri
    left join weeks_with_meetings
        on
            weeks.host_uri = weeks_with_meetings.host_uri
            and weeks.week_start_date = weeks_with_meetings.week_start_date
)

select * from employee_meeting_load
