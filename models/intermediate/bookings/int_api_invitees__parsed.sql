{{
    config(
        materialized='incremental',
        unique_key='document_uri',
        incremental_strategy='delete+insert',
        on_schema_change='fail',
        post_hook="{{ delete_rows_gone_from(ref('stg_calendly__invitees'), 'document_uri') }}",
    )
}}

-- Nothing here depends on a variable, a seed or another row: so rows once parsed stay right.
with new_invitees as (
    {{ rows_not_in_this(ref('stg_calendly__invitees'), ['document_uri', '_loaded_at']) }}
),

parsed_invitees as (
    select
        document_uri,
        _loaded_at,
        invitee_uri,
        invitee_name,
        invitee_email,
        invitee_time_zone,
        is_canceled,
        canceled_at,
        no_show_uri,
        no_show_at,
        old_invitee_uri,
        new_invitee_uri,
        created_at,
        updated_at,
        utm_campaign,
        utm_source,
        utm_medium,
        salesforce_uuid,
        coalesce(scheduled_event_uri, {{ calendly_event_of_invitee('invitee_uri') }}) as scheduled_event_uri,
        {{ is_rescheduled() }} as is_rescheduled,
        no_show_uri is not null or no_show_at is not null as is_no_show
    from new_invitees
)

select * from parsed_invitees
