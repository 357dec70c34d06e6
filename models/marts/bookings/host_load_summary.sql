with meeting_load as (
    select * from {{ ref('employee_meeting_load') }}
),

bookings as (
    select * from {{ ref('bookings_fact') }}
),

hosts_of_events as (
    select * from {{ ref('int_event_hosts__listed') }}
),

loads as (
    select
        host_uri,
        host_email,
        host_label,
        team,
        cast(sum(meetings) as bigint) as meetings,
        count(*) as weeks,
        -- Whole seconds add up to the same in any order.
        sum(cast(round(meeting_minutes * 60) as bigint)) / 60.0 as meeting_minutes,
        max(meetings) as most_meetings_in_a_week,
        min(meetings) as fewest_meetings_in_a_week
    from meeting_load
    group by host_uri, host_email, host_label, team
),

compared_loads as (
    select
        *,
        {{ rate('meetings', 'weeks') }} as meetings_per_week,
        avg({{ rate('meetings', 'weeks') }}) over (
            order by host_uri rows between unbounded preceding and unbounded following
        ) as mean_meetings_per_week
    from loads
),

outcomes as (
    select
        hosts_of_events.host_uri,
        count(*) as bookings,
        {{ counts_by_status('bookings.status') }}
    from bookings
    inner join hosts_of_events on bookings.scheduled_event_uri = hosts_of_events.scheduled_event_uri
    group by hosts_of_events.host_uri
),

host_load_summary as (
    select
        compared_loads.host_uri,
        compared_loads.host_email,
        compared_loads.host_label,
        compared_loads.team,
        compared_loads.meetings,
        compared_loads.meeting_minutes,
        compared_loads.weeks,
        compared_loads.meetings_per_week,
        compared_loads.most_meetings_in_a_week,
        compared_loads.fewest_meetings_in_a_week,
        {{ rate('compared_loads.meetings_per_week', 'compared_loads.mean_meetings_per_week') }} as share_of_mean,
        compared_loads.meetings_per_week
        > compared_loads.mean_meetings_per_week * {{ var('overload_share_of_mean') }} as is_overloaded,
        compared_loads.meetings_per_week
        < compared_loads.mean_meetings_per_week * {{ var('idle_share_of_mean') }} as is_idle,
        outcomes.bookings,
        outcomes.held,
        outcomes.no_show,
        outcomes.canceled,
        {{ share_of_outcomes('held') }} as held_rate
    from compared_loads
    inner join outcomes on compared_loads.host_uri = outcomes.host_uri
)

select * from host_load_summary
