with documents as (
    select
        conference_id,
        _loaded_at,
        {{ json_record('document', {'end_time': 'VARCHAR'}) }} as attendance_list
    from {{ source('bigmarker', 'attendance_lists') }}
),

attendance_lists as (
    select
        documents.conference_id,
        documents._loaded_at,
        {{ utc_timestamp('attendance_list.end_time') }} as ends_at
    from documents
)

select * from attendance_lists
