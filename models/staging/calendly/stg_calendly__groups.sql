with documents as (
    select
        uri as document_uri,
        _loaded_at,
        {{
            json_record('document', {
                'name': 'VARCHAR',
                'organization': 'VARCHAR',
                'member_count': 'BIGINT',
                'created_at': 'VARCHAR',
                'updated_at': 'VARCHAR',
            })
        }} as team
    from {{ source('calendly', 'groups') }}
),

teams as (
    select
        documents.document_uri,
        team.name as group_name,
        team.member_count,
        documents._loaded_at,
        {{ calendly_uri('documents.document_uri') }} as group_uri,
        {{ calendly_uri('team.organization') }} as organization_uri,
        {{ calendly_timestamp('team.created_at') }} as created_at,
        {{ calendly_timestamp('team.updated_at') }} as updated_at
    from documents
)

select * from teams
