-- What source_freshness calls late, the default rule says, as long as nobody changed it.
with late_sources as (
    select distinct source
    from {{ ref('source_freshness') }}
    where is_late
),

rules as (
    select * from {{ ref('alert_rules_dim') }}
    where rule = 'source_late' and is_default
),

alerts as (
    select * from {{ ref('alerts') }}
    where rule = 'source_late'
)

select
    late_sources.source,
    alerts.subject
from late_sources
full outer join alerts on late_sources.source = alerts.subject
cross join rules
where late_sources.source is null or alerts.subject is null
