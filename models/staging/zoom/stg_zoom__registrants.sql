with documents as (
    select
        registrant_key,
        webinar_id,
        _loaded_at,
        {{
            json_record('document', {
                'id': 'VARCHAR',
                'email': 'VARCHAR',
                'status': 'VARCHAR',
                'create_time': 'VARCHAR',
            })
        }} as registrant
    from {{ source('zoom', 'registrants') }}
),

registrants as (
    select
        documents.registrant_key,
        documents.webinar_id as platform_webinar_id,
        documents._loaded_at,
        nullif(trim(registrant.id), '') as registrant_id,
        {{ email_address('registrant.email') }} as email,
        nullif(lower(trim(registrant.status)), '') as status,
        {{ utc_timestamp('registrant.create_time') }} as registered_at
    from documents
)

select * from registrants
