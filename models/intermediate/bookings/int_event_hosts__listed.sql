{{ config(materialized='table') }}

with scheduled_events as (
    select * from {{ ref('int_scheduled_events__resolved') }}
),

memberships as (
    select * from {{ ref('stg_calendly__organization_memberships') }}
    where user_uri is not null
),

listed_memberships as (
    select
        scheduled_event_uri,
        updated_at,
        {{ json_records('event_memberships', {'user': 'VARCHAR', 'user_email': 'VARCHAR'}) }} as event_membership
    from scheduled_events
),

named_hosts as (
    select
        scheduled_event_uri,
        updated_at,
        {{ calendly_uri(json_field('event_membership', 'user')) }} as host_uri,
        {{ email_address(json_field('event_membership', 'user_email')) }} as host_email
    from listed_memberships
),

-- An export names the host by e-mail only; who it is Calendly's list of members tells, or an event with both.
emails as (
    select
        user_email,
        user_uri
    from memberships
    where user_email is not null
    union all
    select
        host_email as user_email,
        host_uri as user_uri
    from named_hosts
    where host_email is not null and host_uri is not null
),

users_of_emails as (
    select
        user_email,
        min(user_uri) as user_uri
    from emails
    group by user_email
),

export_hosts as (
    select
        scheduled_events.scheduled_event_uri,
        scheduled_events.updated_at,
        scheduled_events.export_host_email as host_email,
        coalesce(users_of_emails.user_uri, scheduled_events.export_host_email) as host_uri
    from scheduled_events
    left join users_of_emails on scheduled_events.export_host_email = users_of_emails.user_email
    where scheduled_events.event_memberships is null and scheduled_events.export_host_email is not null
),

hosts as (
    select
        scheduled_event_uri,
        updated_at,
        host_uri,
        host_email
    from named_hosts
    where host_uri is not null
    union all
    select
        scheduled_event_uri,
        updated_at,
        host_uri,
        host_email
    from export_hosts
),

event_hosts as (
    select
        scheduled_event_uri,
        host_uri,
        min(host_email) as host_email,
        max(updated_at) as event_updated_at
    from hosts
    group by scheduled_event_uri, host_uri
)

select * from event_hosts
