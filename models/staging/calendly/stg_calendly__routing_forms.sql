with documents as (
    select
        uri as document_uri,
        _loaded_at,
        {{
            json_record('document', {
                'name': 'VARCHAR',
                'status': 'VARCHAR',
                'organization': 'VARCHAR',
                'questions': 'JSON',
                'created_at': 'VARCHAR',
                'updated_at': 'VARCHAR',
            })
        }} as routing_form
    from {{ source('calendly', 'routing_forms') }}
),

routing_forms as (
    select
        documents.document_uri,
        routing_form.name as routing_form_name,
        routing_form.status,
        routing_form.questions,
        documents._loaded_at,
        {{ calendly_uri('documents.document_uri') }} as routing_form_uri,
        {{ calendly_uri('routing_form.organization') }} as organization_uri,
        {{ calendly_timestamp('routing_form.created_at') }} as created_at,
        {{ calendly_timestamp('routing_form.updated_at') }} as updated_at
    from documents
)

select * from routing_forms
