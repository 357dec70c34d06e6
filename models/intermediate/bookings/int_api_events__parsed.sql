{{
    config(
        materialized='incremental',
        unique_key='document_uri',
        incremental_strategy='delete+insert',
        on_schema_change='fail',
        post_hook="{{ delete_rows_gone_from(ref('stg_calendly__scheduled_events'), 'document_uri') }}",
    )
}}

-- Nothing here depends on a variable, a seed or another row: so rows once parsed stay right.
with new_events as (
    {{ rows_not_in_this(ref('stg_calendly__scheduled_events'), ['document_uri', '_loaded_at']) }}
),

parsed_events as (
    select
        document_uri,
        _loaded_at,
        scheduled_event_uri,
        event_name,
        event_type_uri,
        status,
        event_memberships,
        created_at,
        updated_at,
        start_at,
        end_at
    from new_events
)

select * from parsed_events
