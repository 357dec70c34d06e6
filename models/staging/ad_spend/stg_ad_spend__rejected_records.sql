select
    entity,
    source_file,
    source_line,
    source_key,
    record_text,
    reason,
    _loaded_at
from {{ source('ad_spend', 'rejected_records') }}
