with documents as (
    select
        registration_key,
        conference_id,
        _loaded_at,
        {{
            json_record('document', {
                'bmid': 'VARCHAR',
                'id': 'VARCHAR',
                'email': 'VARCHAR',
                'registered_at': 'VARCHAR',
            })
        }} as registration
    from {{ source('bigmarker', 'registrations') }}
),

registrations as (
    select
        documents.registration_key,
        documents.conference_id,
        documents._loaded_at,
        {{ bigmarker_registrant('registration', 'documents.conference_id') }} as registrant_id,
        {{ email_address('registration.email') }} as email,
        {{ utc_timestamp('registration.registered_at') }} as registered_at
    from documents
)

select * from registrations
