select
    reporting_currency,
    reporting_timezone,
    attribution_window_days,
    booking_to_opportunity_days,
    overload_share_of_mean,
    idle_share_of_mean,
    strftime(as_of, '%Y-%m-%d %H:%M') as as_of_utc,
    strftime(built_at, '%Y-%m-%d %H:%M') as built_at_utc,
from marts.report_settings
