with rules as (
    select * from {{ ref('int_alert_rules__merged') }}
),

alerts as (
    select * from {{ ref('alerts') }}
),

rule_counts as (
    select
        rule,
        count(*) filter (where is_open) as open_alerts,
        -- The last day of a run that reaches into the recent days is one of them.
        count(*) filter (where is_recent and is_last_day) as recent_alerts,
        count(distinct case when is_recent then alert_date end) as recent_alert_days,
        max(alert_date) as last_alert_date
    from alerts
    group by rule
),

alert_rules_dim as (
    select
        rules.rule,
        rules.rule_label,
        rules.metric,
        rules.subject,
        rules.window_days,
        rules.baseline_days,
        rules.comparison,
        rules.threshold,
        rules.minimum,
        rules.severity,
        rules.severity_label,
        rules.severity_order,
        rules.is_enabled,
        rules.is_default,
        {{ alert_rule_sentence() }} as description,
        cast(row_number() over (order by rules.severity_order asc, rules.rule asc) as integer) as sort_order,
        coalesce(rule_counts.open_alerts, 0) as open_alerts,
        coalesce(rule_counts.recent_alerts, 0) as recent_alerts,
        coalesce(rule_counts.recent_alert_days, 0) as recent_alert_days,
        rule_counts.last_alert_date
    from rules
    left join rule_counts on rules.rule = rule_counts.rule
)

select * from alert_rules_dim
