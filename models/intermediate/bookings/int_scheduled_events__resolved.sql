{{ config(materialized='table') }}

with api_events as (
    select * from {{ ref('int_api_events__parsed') }}
),

webhook_invitees as (
    select * from {{ ref('int_webhook_invitees__parsed') }}
),

export_invitees as (
    select * from {{ ref('int_export_invitees__unmatched') }}
),

-- An export has a row per invitee. An event stands as long as one of them does.
export_event_rows as (
    select
        scheduled_event_uri,
        min(event_type_name) as event_name,
        min(user_email) as export_host_email,
        min(created_at) as created_at,
        min(start_at) as start_at,
        min(end_at) as end_at,
        case when {{ dbt.bool_or('not is_canceled') }} then 'active' else 'canceled' end as status
    from export_invitees
    group by scheduled_event_uri
),

-- A start that spring skips is read with the offset before it, an end after it with the next: then the meeting seems to
-- end before it starts, by the hour that was skipped.
export_events as (
    select
        scheduled_event_uri,
        event_name,
        export_host_email,
        created_at,
        start_at,
        status,
        case when end_at < start_at then {{ dbt.dateadd('hour', 1, 'end_at') }} else end_at end as end_at
    from export_event_rows
),

versions as (
    select
        scheduled_event_uri,
        event_name,
        event_type_uri,
        status,
        event_memberships,
        cast(null as varchar) as export_host_email,
        created_at,
        updated_at,
        start_at,
        end_at,
        document_uri as version_key,
        1 as source_rank
    from api_events
    union all
    select
        scheduled_event_uri,
        event_name,
        event_type_uri,
        event_status as status,
        event_memberships,
        cast(null as varchar) as export_host_email,
        event_created_at as created_at,
        event_updated_at as updated_at,
        event_start_at as start_at,
        event_end_at as end_at,
        delivery_id as version_key,
        2 as source_rank
    from webhook_invitees
    where has_embedded_event
    union all
    select
        scheduled_event_uri,
        event_name,
        cast(null as varchar) as event_type_uri,
        status,
        cast(null as json) as event_memberships,
        export_host_email,
        created_at,
        cast(null as timestamp) as updated_at,
        start_at,
        end_at,
        scheduled_event_uri as version_key,
        3 as source_rank
    from export_events
),

weighed_versions as (
    select
        *,
        coalesce(status = 'canceled', false) as is_canceled,
        case when {{ json_array_length('event_memberships') }} > 0 then event_memberships end as known_memberships
    from versions
),

-- The same total order as for invitees.
ranked_versions as (
    select
        scheduled_event_uri,
        event_name,
        status,
        updated_at,
        start_at,
        end_at,
        row_number() over newest_first as version_rank,
        -- What the newest version leaves out the newest that has it tells.
        first_value(event_type_uri ignore nulls) over newest_first as event_type_uri,
        first_value(known_memberships ignore nulls) over newest_first as event_memberships,
        first_value(export_host_email ignore nulls) over newest_first as export_host_email,
        first_value(created_at ignore nulls) over newest_first as created_at
    from weighed_versions
    window newest_first as (
        partition by scheduled_event_uri
        order by
            (source_rank = 3) asc,
            updated_at desc nulls last,
            is_canceled desc,
            source_rank asc,
            version_key asc
        rows between unbounded preceding and unbounded following
    )
),

resolved_events as (
    select
        scheduled_event_uri,
        event_name,
        event_type_uri,
        status,
        event_memberships,
        export_host_email,
        created_at,
        updated_at,
        start_at,
        end_at,
        {{ event_type_key('event_type_uri', 'event_name') }} as event_type_key
    from ranked_versions
    where version_rank = 1
)

select * from resolved_events
