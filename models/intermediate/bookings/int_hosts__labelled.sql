with event_hosts as (
    select * from {{ ref('int_event_hosts__listed') }}
),

host_meetings as (
    select * from {{ ref('int_host_meetings__counted') }}
),

memberships as (
    select * from {{ ref('stg_calendly__organization_memberships') }}
),

company_hosts as (
    select
        lower(trim(host_email)) as host_email,
        nullif(trim(host_label), '') as host_label,
        nullif(trim(team), '') as team
    from {{ ref('hosts') }}
),

ranked_emails as (
    select
        host_uri,
        host_email,
        row_number() over (
            partition by host_uri
            order by event_updated_at desc nulls last, scheduled_event_uri asc
        ) as email_rank
    from event_hosts
    where host_email is not null
),

ranked_memberships as (
    select
        user_uri,
        user_email,
        row_number() over (
            partition by user_uri
            order by updated_at desc nulls last, document_uri asc
        ) as membership_rank
    from memberships
    where user_email is not null
),

first_meetings as (
    select
        host_uri,
        min(start_at) as first_meeting_at
    from host_meetings
    group by host_uri
),

hosts as (
    select
        first_meetings.host_uri,
        first_meetings.first_meeting_at,
        coalesce(
            ranked_emails.host_email, ranked_memberships.user_email, lower(first_meetings.host_uri)
        ) as host_email
    from first_meetings
    left join ranked_emails
        on first_meetings.host_uri = ranked_emails.host_uri and ranked_emails.email_rank = 1
    left join ranked_memberships
        on first_meetings.host_uri = ranked_memberships.user_uri and ranked_memberships.membership_rank = 1
),

labelled_hosts as (
    select
        hosts.host_uri,
        hosts.host_email,
        hosts.first_meeting_at,
        company_hosts.team,
        coalesce(
            company_hosts.host_label,
            -- Numbers go to those who have no label, so that there is no gap to guess at.
            'Host ' || cast(
                row_number() over (
                    partition by company_hosts.host_label is null
                    order by hosts.first_meeting_at, hosts.host_uri
                ) as varchar
            )
        ) as host_label
    from hosts
    left join company_hosts on hosts.host_email = company_hosts.host_email
)

select * from labelled_hosts
