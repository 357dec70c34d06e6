select
    rule_label,
    description,
    severity_label,
    is_enabled,
    is_default,
    open_alerts,
    recent_alerts,
    recent_alert_days,
    sort_order,
from marts.alert_rules_dim
