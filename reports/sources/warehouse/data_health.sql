select
    source,
    check_name,
    description,
    affected_records,
    checked_records,
    affected_rate,
from marts.data_health
