{{
    config(
        materialized='incremental',
        unique_key='delivery_id',
        incremental_strategy='delete+insert',
        on_schema_change='fail',
        post_hook="{{ delete_rows_gone_from(ref('stg_calendly_webhooks__deliveries'), 'delivery_id') }}",
    )
}}

-- Nothing here depends on a variable, a seed or another row: so rows once parsed stay right.
with new_deliveries as (
    {{ rows_not_in_this(ref('stg_calendly_webhooks__deliveries'), ['delivery_id', '_loaded_at']) }}
),

parsed_deliveries as (
    select
        delivery_id,
        _loaded_at,
        webhook_event,
        received_at,
        delivered_at,
        invitee_name,
        invitee_email,
        invitee_time_zone,
        is_canceled,
        canceled_at,
        no_show_uri,
        old_invitee_uri,
        new_invitee_uri,
        created_at,
        updated_at,
        utm_campaign,
        utm_source,
        utm_medium,
        salesforce_uuid,
        event_name,
        event_type_uri,
        event_status,
        event_memberships,
        event_created_at,
        event_updated_at,
        event_start_at,
        event_end_at,
        payload_uri as invitee_uri,
        coalesce(
            scheduled_event_uri, embedded_event_uri, {{ calendly_event_of_invitee('payload_uri') }}
        ) as scheduled_event_uri,
        {{ is_rescheduled() }} as is_rescheduled,
        case webhook_event
            when 'invitee_no_show.created' then true
            when 'invitee_no_show.deleted' then false
            else no_show_uri is not null or no_show_at is not null
        end as is_no_show,
        -- A mark that was taken off leaves no time of its own.
        case
            when webhook_event like 'invitee\_no\_show.%' escape '\' then coalesce(no_show_at, delivered_at)
            else no_show_at
        end as no_show_at,
        -- Deliveries of 2023 and before embed no event.
        embedded_event_uri is not null as has_embedded_event
    from new_deliveries
    where webhook_event like 'invitee.%' or webhook_event like 'invitee\_no\_show.%' escape '\'
)

select * from parsed_deliveries
