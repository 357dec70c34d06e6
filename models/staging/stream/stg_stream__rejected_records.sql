select
    entity,
    source_file,
    source_line,
    source_key,
    record_text,
    reason,
    _loaded_at
from {{ source('stream', 'rejected_records') }}
