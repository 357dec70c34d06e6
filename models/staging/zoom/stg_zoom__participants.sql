with documents as (
    select
        session_key,
        instance_uuid,
        _loaded_at,
        {{
            json_record('document', {
                'registrant_id': 'VARCHAR',
                'user_email': 'VARCHAR',
                'join_time': 'VARCHAR',
                'leave_time': 'VARCHAR',
                'duration': 'DOUBLE',
                'status': 'VARCHAR',
            })
        }} as participant
    from {{ source('zoom', 'participants') }}
),

participants as (
    select
        documents.session_key,
        documents.instance_uuid,
        participant.duration as duration_seconds,
        documents._loaded_at,
        nullif(trim(participant.registrant_id), '') as registrant_id,
        {{ email_address('participant.user_email') }} as email,
        nullif(lower(trim(participant.status)), '') as status,
        {{ utc_timestamp('participant.join_time') }} as joined_at,
        {{ utc_timestamp('participant.leave_time') }} as left_at
    from documents
)

select * from participants
