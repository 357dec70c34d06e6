with documents as (
    select
        uri as document_uri,
        _loaded_at,
        {{
            json_record('document', {
                'role': 'VARCHAR',
                'user': {'uri': 'VARCHAR', 'email': 'VARCHAR', 'name': 'VARCHAR', 'timezone': 'VARCHAR'},
                'organization': 'VARCHAR',
                'created_at': 'VARCHAR',
                'updated_at': 'VARCHAR',
            })
        }} as membership
    from {{ source('calendly', 'organization_memberships') }}
),

organization_memberships as (
    select
        documents.document_uri,
        membership.role as membership_role,
        membership.user.name as user_name,
        membership.user.timezone as user_time_zone,
        documents._loaded_at,
        {{ calendly_uri('documents.document_uri') }} as organization_membership_uri,
        {{ calendly_uri('membership.user.uri') }} as user_uri,
        lower(trim(membership.user.email)) as user_email,
        {{ calendly_uri('membership.organization') }} as organization_uri,
        {{ calendly_timestamp('membership.created_at') }} as created_at,
        {{ calendly_timestamp('membership.updated_at') }} as updated_at
    from documents
)

select * from organization_memberships
