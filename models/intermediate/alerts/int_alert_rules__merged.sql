with default_rules as (
    select * from {{ ref('default_alert_rules') }}
),

seeded_rules as (
    select * from {{ ref('alert_rules') }}
),

company_rules as (
    select
        rule,
        window_days,
        baseline_days,
        threshold,
        minimum,
        is_enabled,
        lower(trim(rule)) as rule_key,
        nullif(lower(trim(metric)), '') as metric,
        nullif(trim(subject), '') as subject,
        nullif(lower(trim(comparison)), '') as comparison,
        nullif(lower(trim(severity)), '') as severity
    from seeded_rules
),

rule_names as (
    select
        rule,
        rule as rule_key
    from default_rules
    union all
    select
        rule,
        rule_key
    from company_rules
    where rule_key not in (select default_rules.rule from default_rules)
),

-- A row of the company's takes the place of the default's, cell by cell; by another name it is a rule of its own.
merged_rules as (
    select
        rule_names.rule,
        coalesce(company_rules.metric, default_rules.metric) as metric,
        coalesce(company_rules.subject, default_rules.subject) as subject,
        coalesce(company_rules.window_days, default_rules.window_days) as window_days,
        coalesce(company_rules.baseline_days, default_rules.baseline_days, 0) as baseline_days,
        coalesce(company_rules.comparison, default_rules.comparison) as comparison,
        coalesce(company_rules.threshold, default_rules.threshold) as threshold,
        coalesce(company_rules.minimum, default_rules.minimum, 0) as minimum,
        coalesce(company_rules.severity, default_rules.severity) as severity,
        coalesce(company_rules.is_enabled, default_rules.is_enabled, true) as is_enabled,
        company_rules.rule is null as is_default
    from rule_names
    left join default_rules on rule_names.rule_key = default_rules.rule
    left join company_rules on rule_names.rule_key = company_rules.rule_key
),

rules_in_force as (
    select
        rule,
        {{ channel_label('rule') }} as rule_label,
        metric,
        subject,
        window_days,
        baseline_days,
        comparison,
        -- Where the seeds leave it open, a host's load is what the page of bookings says it is.
        case
            when threshold is not null or metric != 'host_load' then threshold
            when comparison = 'ratio_above' then {{ var('overload_share_of_mean') }}
            when comparison = 'ratio_below' then {{ var('idle_share_of_mean') }}
        end as threshold,
        minimum,
        severity,
        {{ channel_label('severity') }} as severity_label,
        {{ severity_order('severity') }} as severity_order,
        is_enabled,
        is_default,
        -- Hosts are compared with each other, in the same days.
        comparison not in ('above', 'below') and metric != 'host_load' as is_compared_with_before
    from merged_rules
)

select * from rules_in_force
