with scheduled_events as (
    select * from {{ ref('int_scheduled_events__resolved') }}
),

event_types as (
    select * from {{ ref('int_event_types__unioned') }}
),

event_type_channels as (
    select * from {{ ref('int_event_type_channels__dated') }}
),

hosts_of_events as (
    select
        scheduled_event_uri,
        count(*) as host_count
    from {{ ref('int_event_hosts__listed') }}
    group by scheduled_event_uri
),

scheduled_events_fact as (
    select
        scheduled_events.scheduled_event_uri,
        scheduled_events.event_type_uri,
        coalesce(event_types.event_type_name, scheduled_events.event_name) as event_type_name,
        coalesce(event_type_channels.channel, 'unmapped') as channel,
        event_type_channels.campaign,
        scheduled_events.status,
        coalesce(scheduled_events.status = 'active', false) as is_active,
        scheduled_events.created_at,
        scheduled_events.start_at,
        scheduled_events.end_at,
        {{ reporting_date('scheduled_events.start_at') }} as start_date,
        {{ seconds_between('scheduled_events.start_at', 'scheduled_events.end_at') }}
        / 60.0 as duration_minutes,
        cast(coalesce(hosts_of_events.host_count, 0) as integer) as host_count
    from scheduled_events
    left join hosts_of_events on scheduled_events.scheduled_event_uri = hosts_of_events.scheduled_event_uri
    left join event_types on scheduled_events.event_type_key = event_types.event_type_key
    left join event_type_channels
        on
            scheduled_events.event_type_key = event_type_channels.event_type_key
            and {{ holds_at('scheduled_events.created_at', 'event_type_channels') }}
)

select * from scheduled_events_fact
