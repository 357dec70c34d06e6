-- Each host's meetings are the distinct scheduled events of bookings that are not canceled, no more and no fewer.
with meetings as (
    select
        event_hosts.host_uri,
        count(distinct bookings.scheduled_event_uri) as meetings
    from {{ ref('bookings_fact') }} as bookings
    inner join {{ ref('int_event_hosts__listed') }} as event_hosts
        on bookings.scheduled_event_uri = event_hosts.scheduled_event_uri
    where bookings.status != 'canceled' and bookings.meeting_start_at is not null
    group by event_hosts.host_uri
),

load_by_week as (
    select
        host_uri,
        sum(meetings) as meetings
    from {{ ref('employee_meeting_load') }}
    group by host_uri
),

load_in_all as (
    select
        host_uri,
        meetings
    from {{ ref('host_load_summary') }}
)

select
    meetings.host_uri,
    meetings.meetings,
    load_by_week.meetings as meetings_by_week,
    load_in_all.meetings as meetings_in_all
from meetings
full outer join load_by_week on meetings.host_uri = load_by_week.host_uri
full outer join load_in_all on meetings.host_uri = load_in_all.host_uri
where (meetings.meetings = load_by_week.meetings and meetings.meetings = load_in_all.meetings) is not true
