select
    report_key,
    topic,
    webinar_id as platform_webinar_id,
    generated_at,
    started_at as starts_at,
    duration_minutes,
    registrant_count,
    cancelled_count,
    unique_viewer_count,
    user_count,
    max_concurrent_view_count,
    _source_modified_at,
    _loaded_at
from {{ source('zoom', 'attendee_reports') }}
