{{ config(materialized='table') }}

with bookings as (
    select * from {{ ref('int_bookings__resolved') }}
),

scheduled_events as (
    select * from {{ ref('int_scheduled_events__resolved') }}
),

event_hosts as (
    select * from {{ ref('int_event_hosts__listed') }}
),

-- A group event is one meeting, however many have booked it.
meetings as (
    select distinct scheduled_event_uri
    from bookings
    where status != 'canceled' and scheduled_event_uri is not null
),

dated_meetings as (
    select
        scheduled_events.scheduled_event_uri,
        scheduled_events.start_at,
        coalesce(
            {{ seconds_between('scheduled_events.start_at', 'scheduled_events.end_at') }}, 0
        ) as meeting_seconds,
        {{ reporting_date('scheduled_events.start_at') }} as start_date
    from meetings
    inner join scheduled_events on meetings.scheduled_event_uri = scheduled_events.scheduled_event_uri
    where scheduled_events.start_at is not null
),

host_meetings as (
    select
        event_hosts.host_uri,
        event_hosts.scheduled_event_uri,
        dated_meetings.start_at,
        dated_meetings.meeting_seconds,
        {{ week_start_date('dated_meetings.start_date') }} as week_start_date
    from dated_meetings
    inner join event_hosts on dated_meetings.scheduled_event_uri = event_hosts.scheduled_event_uri
)

select * from host_meetings
