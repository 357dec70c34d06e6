with documents as (
    select
        uri as document_uri,
        _loaded_at,
        {{ json_record('document', calendly_event_fields()) }} as scheduled_event
    from {{ source('calendly', 'scheduled_events') }}
),

scheduled_events as (
    select
        documents.document_uri,
        scheduled_event.name as event_name,
        scheduled_event.status,
        scheduled_event.location.type as location_type,
        scheduled_event.invitees_counter.total as invitee_count,
        scheduled_event.invitees_counter.active as active_invitee_count,
        scheduled_event.event_memberships,
        documents._loaded_at,
        {{ calendly_uri('documents.document_uri') }} as scheduled_event_uri,
        {{ calendly_uri('scheduled_event.event_type') }} as event_type_uri,
        {{ calendly_timestamp('scheduled_event.created_at') }} as created_at,
        {{ calendly_timestamp('scheduled_event.updated_at') }} as updated_at,
        {{ calendly_timestamp('scheduled_event.start_time') }} as start_at,
        {{ calendly_timestamp('scheduled_event.end_time') }} as end_at
    from documents
)

select * from scheduled_events
