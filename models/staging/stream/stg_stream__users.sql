select
    customer_id,
    customer_name,
    customer_email,
    exported_at,
    _source_file as source_file,
    _source_line as source_line,
    _loaded_at
from {{ source('stream', 'users') }}
