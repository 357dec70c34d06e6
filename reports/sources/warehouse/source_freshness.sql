select
    source,
    entity,
    strftime(last_loaded_at, '%Y-%m-%d %H:%M') as last_loaded_at_utc,
    strftime(newest_record_at, '%Y-%m-%d %H:%M') as newest_record_at_utc,
    recent_days_without_records,
    max_record_age_hours is not null as is_daily,
    is_late,
from marts.source_freshness
