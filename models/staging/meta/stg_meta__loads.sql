select
    load_id,
    source,
    entity,
    source_file,
    file_modified_at,
    started_at,
    finished_at,
    records_read,
    records_new,
    records_changed,
    records_unchanged,
    records_repeated,
    records_rejected
from {{ source('meta', 'loads') }}
