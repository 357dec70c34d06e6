select
    row_key,
    report_key,
    section,
    is_attended,
    user_name,
    first_name,
    last_name,
    registered_at,
    approval_status,
    joined_at,
    left_at,
    session_minutes,
    is_guest,
    source_name,
    country,
    _loaded_at,
    {{ email_address('email') }} as email
from {{ source('zoom', 'attendee_report_rows') }}
