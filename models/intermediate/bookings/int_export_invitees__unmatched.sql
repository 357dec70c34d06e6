with export_invitees as (
    select * from {{ ref('stg_calendly_export__invitees') }}
),

api_invitees as (
    select * from {{ ref('int_api_invitees__parsed') }}
),

api_events as (
    select * from {{ ref('int_api_events__parsed') }}
),

webhook_invitees as (
    select * from {{ ref('int_webhook_invitees__parsed') }}
),

marked_invitees as (
    select
        *,
        invitee_uri like 'calendly\_export:%' escape '\' as is_without_uri
    from export_invitees
),

known_invitees as (
    select
        api_invitees.invitee_email,
        api_invitees.created_at,
        api_events.start_at
    from api_invitees
    inner join api_events on api_invitees.scheduled_event_uri = api_events.scheduled_event_uri
    union all
    select
        invitee_email,
        created_at,
        event_start_at as start_at
    from webhook_invitees
    union all
    select
        invitee_email,
        created_at,
        start_at
    from marked_invitees
    where not is_without_uri
),

-- An older export has no identifiers, and its times have no seconds; the event that it dates is made an instant before
-- its invitee, which may be in the next minute.
matched_uris as (
    select distinct marked_invitees.invitee_uri
    from marked_invitees
    inner join known_invitees
        on
            marked_invitees.invitee_email = known_invitees.invitee_email
            and {{ dbt.date_trunc('minute', 'marked_invitees.start_at') }}
            = {{ dbt.date_trunc('minute', 'known_invitees.start_at') }}
            and {{ dbt.date_trunc('minute', 'marked_invitees.created_at') }} <= known_invitees.created_at
            and {{ dbt.dateadd('minute', 2, dbt.date_trunc('minute', 'marked_invitees.created_at')) }}
            > known_invitees.created_at
    where marked_invitees.is_without_uri
),

unmatched_invitees as (
    select
        export_invitees.invitee_uri,
        export_invitees.scheduled_event_uri,
        export_invitees.event_type_name,
        export_invitees.user_email,
        export_invitees.invitee_name,
        export_invitees.invitee_email,
        export_invitees.invitee_time_zone,
        export_invitees.start_at,
        export_invitees.end_at,
        export_invitees.created_at,
        export_invitees.is_canceled,
        export_invitees.is_no_show,
        export_invitees.utm_campaign,
        export_invitees.utm_source,
        export_invitees.utm_medium,
        export_invitees.salesforce_uuid
    from export_invitees
    left join matched_uris on export_invitees.invitee_uri = matched_uris.invitee_uri
    where matched_uris.invitee_uri is null
)

select * from unmatched_invitees
