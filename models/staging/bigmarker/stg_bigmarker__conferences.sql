with documents as (
    select
        conference_id,
        _loaded_at,
        {{
            json_record('document', {
                'title': 'VARCHAR',
                'start_time': 'VARCHAR',
                'end_time': 'VARCHAR',
                'presenters': 'JSON',
            })
        }} as conference
    from {{ source('bigmarker', 'conferences') }}
),

conferences as (
    select
        documents.conference_id,
        conference.presenters,
        documents._loaded_at,
        nullif(trim(conference.title), '') as title,
        {{ utc_timestamp('conference.start_time') }} as starts_at,
        {{ utc_timestamp('conference.end_time') }} as ends_at
    from documents
)

select * from conferences
