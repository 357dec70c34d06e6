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
        ) as instance_topic,
        {{ true_of_one_start('has_report', 'webinar_id') }} as is_start_reported,
        {{ true_of_one_start('is_end_known', 'webinar_id') }} as is_start_ended,
        rank() over (partition by webinar_id order by starts_at desc) as rank_from_last
    from parts
),

-- Of what was begun again the report of the first part tells of half the people only.
instances as (
    select
        webinar_id,
        dated_id,
        platform,
        platform_webinar_id,
        instance_topic as topic,
        min(starts_at) as starts_at,
        max(ends_at) as expected_end_at,
        max(case when is_end_known then ends_at end) as told_end_at,
        {{ dbt.bool_or('rank_from_last = 1 and is_start_reported') }} as is_report_loaded,
        {{ dbt.bool_or('rank_from_last = 1 and is_start_ended') }} as is_end_known
    from named_parts
    group by webinar_id, dated_id, platform, platform_webinar_id, instance_topic
),

resolved_instances as (
    select
        webinar_id,
        dated_id,
        platform,
        platform_webinar_id,
        topic,
        starts_at,
        is_end_known,
        is_report_loaded,
        case when is_end_known then told_end_at else expected_end_at end as ends_at,
        {{ reporting_date('starts_at') }} as start_date
    from instances
)

select * from resolved_instances
