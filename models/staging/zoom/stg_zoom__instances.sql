with documents as (
    select
        instance_uuid,
        webinar_id,
        _loaded_at,
        {{
            json_record('document', {
                'start_time': 'VARCHAR',
            })
        }} as instance
    from {{ source('zoom', 'instances') }}
),

instances as (
    select
        documents.instance_uuid,
        documents.webinar_id as platform_webinar_id,
        documents._loaded_at,
        {{ utc_timestamp('instance.start_time') }} as starts_at
    from documents
)

select * from instances
