with documents as (
    select
        session_key,
        conference_id,
        _loaded_at,
        {{
            json_record('document', {
                'bmid': 'VARCHAR',
                'id': 'VARCHAR',
                'email': 'VARCHAR',
                'entered_at': 'VARCHAR',
                'leaved_at': 'VARCHAR',
                'total_duration': 'VARCHAR',
            })
        }} as attendee
    from {{ source('bigmarker', 'attendees') }}
),

attendees as (
    select
        documents.session_key,
        documents.conference_id,
        documents._loaded_at,
        {{ bigmarker_registrant('attendee', 'documents.conference_id') }} as registrant_id,
        {{ email_address('attendee.email') }} as email,
        {{ utc_timestamp('attendee.entered_at') }} as joined_at,
        {{ utc_timestamp('attendee.leaved_at') }} as left_at,
        {{ duration_seconds('attendee.total_duration') }} as duration_seconds
    from documents
)

select * from attendees
