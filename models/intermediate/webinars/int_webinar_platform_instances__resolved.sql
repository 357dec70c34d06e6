with parts as (
    select * from {{ ref('int_webinar_instance_parts__keyed') }}
),

-- Who reports on an instance knows its topic then, the list of webinars that of today.
named_parts as (
    select
        *,
        first_value(topic ignore nulls) over (
            partition by webinar_id
            order by is_topic_of_report desc, starts_at desc, part_kind desc, source_key asc
            rows between unbounded preceding and unbounded following
        ) as instance_topic
    from parts
),

instances as (
    select
        webinar_id,
        platform,
        platform_webinar_id,
        instance_topic as topic,
        min(starts_at) as starts_at,
        coalesce(max(case when is_end_known then ends_at end), max(ends_at)) as ends_at,
        {{ dbt.bool_or('has_report') }} as is_report_loaded
    from named_parts
    group by webinar_id, platform, platform_webinar_id, instance_topic
),

resolved_instances as (
    select
        webinar_id,
        platform,
        platform_webinar_id,
        topic,
        starts_at,
        ends_at,
        is_report_loaded,
        {{ reporting_date('starts_at') }} as start_date
    from instances
)

select * from resolved_instances
