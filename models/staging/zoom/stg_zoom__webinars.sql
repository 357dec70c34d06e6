with documents as (
    select
        webinar_id,
        _loaded_at,
        {{
            json_record('document', {
                'topic': 'VARCHAR',
                'start_time': 'VARCHAR',
                'duration': 'DOUBLE',
                'type': 'BIGINT',
            })
        }} as webinar
    from {{ source('zoom', 'webinars') }}
),

webinars as (
    select
        documents.webinar_id as platform_webinar_id,
        webinar.duration as duration_minutes,
        documents._loaded_at,
        nullif(trim(webinar.topic), '') as topic,
        {{ utc_timestamp('webinar.start_time') }} as starts_at,
        coalesce(webinar.type in (6, 9), false) as is_recurring
    from documents
)

select * from webinars
