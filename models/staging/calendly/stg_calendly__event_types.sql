with documents as (
    select
        uri as document_uri,
        _loaded_at,
        {{
            json_record('document', {
                'name': 'VARCHAR',
                'active': 'BOOLEAN',
                'kind': 'VARCHAR',
                'pooling_type': 'VARCHAR',
                'duration': 'DOUBLE',
                'created_at': 'VARCHAR',
                'updated_at': 'VARCHAR',
                'deleted_at': 'VARCHAR',
            })
        }} as event_type
    from {{ source('calendly', 'event_types') }}
),

event_types as (
    select
        documents.document_uri,
        event_type.name as event_type_name,
        event_type.kind,
        event_type.pooling_type,
        event_type.duration as duration_minutes,
        event_type.active as is_active,
        documents._loaded_at,
        {{ calendly_uri('documents.document_uri') }} as event_type_uri,
        {{ calendly_timestamp('event_type.created_at') }} as created_at,
        {{ calendly_timestamp('event_type.updated_at') }} as updated_at,
        {{ calendly_timestamp('event_type.deleted_at') }} as deleted_at
    from documents
)

select * from event_types
