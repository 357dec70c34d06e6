select
    entity,
    source_file,
    source_line,
    source_key,
    record_text,
    reason,
    _loaded_at
from {{ source('calendly_export', 'rejected_records') }}
