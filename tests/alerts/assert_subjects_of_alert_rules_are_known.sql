-- A rule for a channel, host or source that nobody knows says nothing: the name is misspelt, or the subject is gone.
{{ config(severity='warn') }}

with rules as (
    select * from {{ ref('int_alert_rules__merged') }}
    where is_enabled and subject is not null
),

measures as (
    select * from {{ ref('int_alert_measures__accumulated') }}
),

freshness as (
    select * from {{ ref('source_freshness') }}
),

subjects as (
    select distinct
        metric,
        subject_name,
        {{ channel_label('subject_name') }} as subject_label
    from measures
    union all
    select distinct
        'source_lateness' as metric,
        source as subject_name,
        {{ source_label('source') }} as subject_label
    from freshness
)

select
    rules.rule,
    rules.metric,
    rules.subject
from rules
left join subjects
    on
        rules.metric = subjects.metric
        and rules.subject in (subjects.subject_name, subjects.subject_label)
where subjects.subject_name is null
