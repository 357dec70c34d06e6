{{ config(materialized='table') }}

with webinars as (
    select * from {{ ref('stg_zoom__webinars') }}
),

api_instances as (
    select * from {{ ref('stg_zoom__instances') }}
),

api_reports as (
    select * from {{ ref('stg_zoom__reports') }}
),

attendee_reports as (
    select * from {{ ref('stg_zoom__attendee_reports') }}
),

conferences as (
    select * from {{ ref('stg_bigmarker__conferences') }}
),

attendance_lists as (
    select * from {{ ref('stg_bigmarker__attendance_lists') }}
),

api_parts as (
    select
        'instance' as part_kind,
        coalesce(api_instances.instance_uuid, api_reports.instance_uuid) as source_key,
        coalesce(api_instances.platform_webinar_id, api_reports.platform_webinar_id) as platform_webinar_id,
        api_reports.topic,
        coalesce(api_reports.starts_at, api_instances.starts_at) as starts_at,
        api_reports.ends_at,
        api_reports.instance_uuid is not null as has_report
    from api_instances
    full outer join api_reports on api_instances.instance_uuid = api_reports.instance_uuid
),

-- The same report exported again says when the webinar began as the first one did; only the newest of them counts. A
-- webinar that was begun again has another start.
ranked_files as (
    select
        *,
        row_number() over (
            partition by platform_webinar_id, {{ dbt.date_trunc('minute', 'starts_at') }}
            order by generated_at desc nulls last, _source_modified_at desc, report_key desc
        ) as export_rank
    from attendee_reports
),

file_parts as (
    select
        'file' as part_kind,
        report_key as source_key,
        platform_webinar_id,
        topic,
        starts_at,
        {{ seconds_after('starts_at', 'duration_minutes * 60') }} as ends_at,
        true as has_report
    from ranked_files
    where export_rank = 1
),

past_parts as (
    select * from api_parts
    union all
    select * from file_parts
),

dated_parts as (
    select
        past_parts.part_kind,
        past_parts.source_key,
        past_parts.platform_webinar_id,
        past_parts.starts_at,
        past_parts.has_report,
        past_parts.ends_at is not null as is_end_known,
        coalesce(past_parts.topic, webinars.topic) as topic,
        past_parts.topic is not null as is_topic_of_report,
        {{ webinar_end('past_parts.starts_at', 'past_parts.ends_at', 'webinars.duration_minutes') }} as ends_at
    from past_parts
    left join webinars on past_parts.platform_webinar_id = webinars.platform_webinar_id
    where past_parts.starts_at is not null and past_parts.platform_webinar_id is not null
),

-- Two sources tell the start of one instance within minutes; and who loses the line begins again soon.
reopened_parts as (
    select
        *,
        greatest(
            {{ dbt.dateadd('minute', minutes_of_one_start(), 'starts_at') }},
            {{ dbt.dateadd('minute', var('webinar_restart_minutes'), 'ends_at') }}
        ) as reopens_until
    from dated_parts
),

last_reopenings as (
    select
        platform_webinar_id,
        max(reopens_until) as reopens_until
    from reopened_parts
    group by platform_webinar_id
),

-- A webinar keeps its scheduled start after it took place; only a later one is still to come.
scheduled_parts as (
    select
        'scheduled' as part_kind,
        webinars.platform_webinar_id as source_key,
        webinars.platform_webinar_id,
        webinars.starts_at,
        false as has_report,
        false as is_end_known,
        webinars.topic,
        false as is_topic_of_report,
        {{ webinar_end('webinars.starts_at', 'null', 'webinars.duration_minutes') }} as ends_at,
        webinars.starts_at as reopens_until
    from webinars
    left join last_reopenings on webinars.platform_webinar_id = last_reopenings.platform_webinar_id
    where
        webinars.starts_at is not null
        and (last_reopenings.reopens_until is null or webinars.starts_at > last_reopenings.reopens_until)
),

zoom_parts as (
    select * from reopened_parts
    union all
    select * from scheduled_parts
),

marked_parts as (
    select
        *,
        coalesce(
            starts_at > max(reopens_until) over (
                partition by platform_webinar_id
                order by starts_at, part_kind, source_key
                rows between unbounded preceding and 1 preceding
            ),
            true
        ) as begins_instance
    from zoom_parts
),

numbered_parts as (
    select
        *,
        sum(case when begins_instance then 1 else 0 end) over (
            partition by platform_webinar_id
            order by starts_at, part_kind, source_key
            rows between unbounded preceding and current row
        ) as instance_number,
        {{ true_of_one_start("has_report and part_kind = 'instance'", 'platform_webinar_id') }} as is_told_by_api
    from marked_parts
),

zoom_instances as (
    select
        platform_webinar_id,
        instance_number,
        'zoom:' || platform_webinar_id || ':' || cast(cast(min(starts_at) as date) as varchar) as dated_id
    from numbered_parts
    group by platform_webinar_id, instance_number
),

ranked_instances as (
    select
        *,
        row_number() over (partition by dated_id order by instance_number) as rank_on_date
    from zoom_instances
),

keyed_parts as (
    select
        numbered_parts.part_kind,
        numbered_parts.source_key,
        'zoom' as platform,
        numbered_parts.platform_webinar_id,
        numbered_parts.topic,
        numbered_parts.is_topic_of_report,
        numbered_parts.starts_at,
        numbered_parts.ends_at,
        numbered_parts.is_end_known,
        numbered_parts.has_report,
        numbered_parts.is_told_by_api,
        ranked_instances.dated_id,
        ranked_instances.dated_id
        || case
            when ranked_instances.rank_on_date > 1 then ':' || cast(ranked_instances.rank_on_date as varchar)
            else ''
        end as webinar_id
    from numbered_parts
    inner join ranked_instances
        on
            numbered_parts.platform_webinar_id = ranked_instances.platform_webinar_id
            and numbered_parts.instance_number = ranked_instances.instance_number
    union all
    select
        'conference' as part_kind,
        conferences.conference_id as source_key,
        'bigmarker' as platform,
        conferences.conference_id as platform_webinar_id,
        conferences.title as topic,
        true as is_topic_of_report,
        conferences.starts_at,
        {{ webinar_end('conferences.starts_at', 'conferences.ends_at', 'null') }} as ends_at,
        conferences.ends_at is not null as is_end_known,
        -- A list that was read before the conference was put off is of nothing that took place.
        attendance_lists.conference_id is not null
        and coalesce(attendance_lists.ends_at >= conferences.starts_at, true) as has_report,
        attendance_lists.conference_id is not null as is_told_by_api,
        'bigmarker:' || conferences.conference_id as dated_id,
        'bigmarker:' || conferences.conference_id as webinar_id
    from conferences
    left join attendance_lists on conferences.conference_id = attendance_lists.conference_id
)

select * from keyed_parts
