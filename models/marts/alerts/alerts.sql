with figures as (
    select * from {{ ref('int_alert_figures__compared') }}
),

rules as (
    select * from {{ ref('int_alert_rules__merged') }}
),

freshness as (
    select * from {{ ref('source_freshness') }}
),

-- A load that looked at a source is as old for each of its entities.
ages as (
    select
        source,
        cast(null as varchar) as entity,
        last_loaded_at as aged_from,
        hours_since_load as hours,
        max_load_age_hours as max_hours
    from freshness
    union all
    select
        source,
        entity,
        newest_record_at as aged_from,
        hours_since_newest_record as hours,
        max_record_age_hours as max_hours
    from freshness
),

ranked_ages as (
    select
        *,
        row_number() over (partition by source order by hours / max_hours desc, entity asc nulls first) as latest_first
    from ages
    where hours is not null and max_hours > 0
),

compared_ages as (
    select
        rules.rule,
        rules.metric,
        rules.window_days,
        rules.baseline_days,
        rules.comparison,
        rules.threshold,
        'source' as subject_kind,
        ranked_ages.source as subject,
        ranked_ages.entity as late_entity,
        ranked_ages.aged_from,
        ranked_ages.hours as figure,
        ranked_ages.max_hours as baseline,
        {{ reporting_date(as_of()) }} as alert_date,
        case
            when rules.comparison like 'ratio%' then ranked_ages.hours / ranked_ages.max_hours
            when rules.comparison like 'difference%' then ranked_ages.hours - ranked_ages.max_hours
        end as deviation,
        -- The age at which it became an alert.
        case rules.comparison
            when 'ratio_above' then rules.threshold * ranked_ages.max_hours
            when 'difference_above' then rules.threshold + ranked_ages.max_hours
            when 'above' then rules.threshold
        end as first_hours
    from ranked_ages
    inner join rules on rules.metric = 'source_lateness' and rules.is_enabled
    where
        ranked_ages.latest_first = 1
        and (
            rules.subject is null
            or rules.subject in (ranked_ages.source, {{ source_label('ranked_ages.source') }})
        )
),

-- What was late on earlier days nobody knows; since when something has been late is known.
late_sources as (
    select
        *,
        {{ reporting_date(seconds_after('aged_from', 'first_hours * 3600')) }} as late_since_date
    from compared_ages
    where {{ is_beyond_threshold() }}
),

found_alerts as (
    select
        rule,
        metric,
        window_days,
        baseline_days,
        comparison,
        threshold,
        subject_kind,
        subject,
        subject_name,
        compared_subjects,
        alert_date,
        is_last_day as is_open,
        figure,
        baseline,
        deviation,
        cast(null as varchar) as late_entity,
        -- The same for the days of one unbroken run.
        {{ dbt.dateadd(
            'day', '-row_number() over (partition by rule, subject_kind, subject order by alert_date)', 'alert_date'
        ) }} as run_key,
        cast(null as date) as late_since_date
    from figures
    where is_alert
    union all
    select
        rule,
        metric,
        window_days,
        baseline_days,
        comparison,
        threshold,
        subject_kind,
        subject,
        subject as subject_name,
        cast(null as bigint) as compared_subjects,
        alert_date,
        true as is_open,
        figure,
        baseline,
        deviation,
        late_entity,
        cast(null as timestamp) as run_key,
        late_since_date
    from late_sources
),

dated_alerts as (
    select
        *,
        coalesce(
            late_since_date, min(alert_date) over (partition by rule, subject_kind, subject, run_key)
        ) as began_date,
        alert_date = max(alert_date) over (partition by rule, subject_kind, subject, run_key) as is_last_day,
        case subject_kind
            when 'all' then 'All channels'
            when 'channel' then {{ channel_label('subject') }}
            when 'source' then {{ source_label('subject') }}
            else subject_name
        end as subject_label
    from found_alerts
),

worded_alerts as (
    select
        *,
        {{ alert_sentence() }} as sentence
    from dated_alerts
),

alerts as (
    select
        worded_alerts.rule,
        rules.rule_label,
        worded_alerts.alert_date,
        worded_alerts.subject_kind,
        worded_alerts.subject,
        worded_alerts.subject_label,
        worded_alerts.metric,
        worded_alerts.figure,
        worded_alerts.baseline,
        worded_alerts.deviation,
        worded_alerts.threshold,
        rules.severity,
        rules.severity_label,
        rules.severity_order,
        worded_alerts.sentence,
        worded_alerts.began_date,
        cast(
            {{ dbt.datediff('worded_alerts.began_date', 'worded_alerts.alert_date', 'day') | trim }}
            + 1 as integer
        ) as days_open,
        worded_alerts.alert_date = worded_alerts.began_date as is_new,
        worded_alerts.is_open,
        worded_alerts.is_last_day,
        worded_alerts.alert_date >= {{ dbt.dateadd('day', -30, reporting_date(as_of())) | trim }} as is_recent
    from worded_alerts
    inner join rules on worded_alerts.rule = rules.rule
)

select * from alerts
