select
    source_label,
    month_start_date,
    records,
    matched_records,
    match_rate,
    with_account,
    account_rate,
    month_start_date is null as is_all_time,
from marts.identity_match_rates
