with documents as (
    select
        instance_uuid,
        _loaded_at,
        {{
            json_record('document', {
                'id': 'VARCHAR',
                'topic': 'VARCHAR',
                'user_email': 'VARCHAR',
                'start_time': 'VARCHAR',
                'end_time': 'VARCHAR',
            })
        }} as report
    from {{ source('zoom', 'reports') }}
),

reports as (
    select
        documents.instance_uuid,
        documents._loaded_at,
        nullif(trim(report.id), '') as platform_webinar_id,
        nullif(trim(report.topic), '') as topic,
        {{ email_address('report.user_email') }} as host_email,
        {{ utc_timestamp('report.start_time') }} as starts_at,
        {{ utc_timestamp('report.end_time') }} as ends_at
    from documents
)

select * from reports
