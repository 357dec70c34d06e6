with documents as (
    select
        panelist_key,
        webinar_id,
        _loaded_at,
        {{
            json_record('document', {
                'email': 'VARCHAR',
            })
        }} as panelist
    from {{ source('zoom', 'panelists') }}
),

panelists as (
    select
        documents.panelist_key,
        documents.webinar_id as platform_webinar_id,
        documents._loaded_at,
        {{ email_address('panelist.email') }} as email
    from documents
)

select * from panelists
