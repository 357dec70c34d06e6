with documents as (
    select
        conference_id,
        _loaded_at,
        {{ json_record('document', {'total_entries': 'BIGINT'}) }} as attendance_list
    from {{ source('bigmarker', 'attendance_lists') }}
),

attendance_lists as (
    select
        documents.conference_id,
        attendance_list.total_entries as attendee_count,
        documents._loaded_at
    from documents
)

select * from attendance_lists
