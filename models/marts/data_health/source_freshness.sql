with loads as (
    select * from {{ ref('stg_meta__loads') }}
    where finished_at is not null
),

record_days as (
    select * from {{ ref('int_source_records__dated') }}
),

limits as (
    select * from {{ ref('int_freshness_limits__declared') }}
),

now as (
    select
        {{ as_of() }} as as_of,
        {{ reporting_date(as_of()) }} as as_of_date
),

-- A load that finds nothing new names no entity, and yet has looked at all of its source.
sources as (
    select
        source,
        max(finished_at) as last_loaded_at
    from loads
    group by source
),

entities as (
    select
        source,
        entity,
        max(case when records_new + records_changed > 0 then finished_at end) as last_changed_at
    from loads
    where entity is not null
    group by source, entity
),

record_spans as (
    select
        record_days.source,
        record_days.entity,
        min(record_days.record_date) as first_record_date,
        max(record_days.newest_record_at) as newest_record_at,
        count(
            case
                when
                    record_days.record_date <= now.as_of_date
                    and record_days.record_date > {{ dbt.dateadd('day', -30, 'now.as_of_date') }}
                    then 1
            end
        ) as recent_days_with_records
    from record_days
    cross join now
    group by record_days.source, record_days.entity
),

dated_entities as (
    select
        entities.source,
        entities.entity,
        sources.last_loaded_at,
        entities.last_changed_at,
        record_spans.first_record_date,
        record_spans.newest_record_at,
        record_spans.recent_days_with_records,
        limits.max_load_age_hours,
        limits.max_record_age_hours,
        now.as_of,
        now.as_of_date
    from entities
    cross join now
    inner join sources on entities.source = sources.source
    left join record_spans
        on
            entities.source = record_spans.source
            and entities.entity = record_spans.entity
    left join limits
        on
            entities.source = limits.source
            and entities.entity = limits.entity
),

-- What came after `as_of` is not late, and not early either.
aged_entities as (
    select
        *,
        {{ dbt.datediff('first_record_date', 'as_of_date', 'day') | trim }}
        + 1 as days_since_first_record,
        {{ hours_between('last_loaded_at', 'as_of') }} as hours_since_load,
        case
            when newest_record_at is not null
                then {{ hours_between('newest_record_at', 'as_of') }}
        end as hours_since_newest_record
    from dated_entities
),

source_freshness as (
    select
        source,
        entity,
        last_loaded_at,
        last_changed_at,
        newest_record_at,
        hours_since_load,
        hours_since_newest_record,
        max_load_age_hours,
        max_record_age_hours,
        case
            when newest_record_at is not null
                then cast(greatest(0, least(30, days_since_first_record)) - recent_days_with_records as integer)
        end as recent_days_without_records,
        coalesce(hours_since_load > max_load_age_hours, false)
        or coalesce(hours_since_newest_record > max_record_age_hours, false) as is_late
    from aged_entities
)

select * from source_freshness
