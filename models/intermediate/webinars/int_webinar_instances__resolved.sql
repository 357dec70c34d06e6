{{ config(materialized='table') }}

with platform_instances as (
    select * from {{ ref('int_webinar_platform_instances__resolved') }}
),

sign_ups as (
    select * from {{ ref('int_webinar_sign_ups__matched') }}
),

catalogue as (
    select * from {{ ref('int_webinar_catalogue__cleaned') }}
),

-- Rows are numbered with the dated ones first, so that the least of those that fit is the one that counts.
rows_of_instances as (
    select
        platform_instances.webinar_id,
        min(catalogue.catalogue_row_id) as catalogue_row_id
    from platform_instances
    inner join catalogue
        on
            platform_instances.platform = catalogue.platform
            and platform_instances.platform_webinar_id = catalogue.platform_webinar_id
            and (catalogue.webinar_date is null or platform_instances.start_date = catalogue.webinar_date)
    group by platform_instances.webinar_id
),

-- The meetings that people booked tell when it is.
catalogue_instances as (
    select
        webinar_id,
        min(meeting_date) as start_date,
        min(catalogue_row_id) as catalogue_row_id,
        min(meeting_start_at) as starts_at,
        max(meeting_end_at) as ends_at
    from sign_ups
    where webinar_id is not null and not is_known_to_platform
    group by webinar_id
),

instances as (
    select
        platform_instances.webinar_id,
        platform_instances.platform,
        platform_instances.platform_webinar_id,
        platform_instances.topic,
        platform_instances.starts_at,
        platform_instances.ends_at,
        platform_instances.start_date,
        platform_instances.is_report_loaded,
        rows_of_instances.catalogue_row_id
    from platform_instances
    left join rows_of_instances on platform_instances.webinar_id = rows_of_instances.webinar_id
    union all
    select
        catalogue_instances.webinar_id,
        catalogue.platform,
        catalogue.platform_webinar_id,
        cast(null as varchar) as topic,
        catalogue_instances.starts_at,
        {{ webinar_end('catalogue_instances.starts_at', 'catalogue_instances.ends_at', 'null') }} as ends_at,
        catalogue_instances.start_date,
        false as is_report_loaded,
        catalogue_instances.catalogue_row_id
    from catalogue_instances
    inner join catalogue on catalogue_instances.catalogue_row_id = catalogue.catalogue_row_id
),

resolved_instances as (
    select
        instances.webinar_id,
        instances.platform,
        instances.platform_webinar_id,
        catalogue.webinar,
        catalogue.course,
        catalogue.language,
        instances.starts_at,
        instances.ends_at,
        instances.start_date,
        instances.is_report_loaded,
        instances.catalogue_row_id,
        coalesce(instances.topic, catalogue.webinar) as topic
    from instances
    left join catalogue on instances.catalogue_row_id = catalogue.catalogue_row_id
)

select * from resolved_instances
