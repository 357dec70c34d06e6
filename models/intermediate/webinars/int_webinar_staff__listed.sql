with parts as (
    select * from {{ ref('int_webinar_instance_parts__keyed') }}
),

report_rows as (
    select * from {{ ref('stg_zoom__attendee_report_rows') }}
),

panelists as (
    select * from {{ ref('stg_zoom__panelists') }}
),

api_reports as (
    select * from {{ ref('stg_zoom__reports') }}
),

conferences as (
    select * from {{ ref('stg_bigmarker__conferences') }}
),

presenters as (
    select
        conference_id,
        {{ json_records('presenters', {'email': 'VARCHAR', 'presenter_email': 'VARCHAR'}) }} as presenter
    from conferences
),

-- A panelist is listed for a webinar, and whoever hosts one instance of it is no guest of another.
zoom_staff as (
    select
        platform_webinar_id,
        email
    from panelists
    union all
    select
        parts.platform_webinar_id,
        api_reports.host_email as email
    from api_reports
    inner join parts on api_reports.instance_uuid = parts.source_key and parts.part_kind = 'instance'
),

staff_of_instances as (
    select
        parts.webinar_id,
        report_rows.email
    from report_rows
    inner join parts on report_rows.report_key = parts.source_key and parts.part_kind = 'file'
    where report_rows.section in ('host', 'panelist')
    union all
    select
        parts.webinar_id,
        zoom_staff.email
    from zoom_staff
    inner join parts on zoom_staff.platform_webinar_id = parts.platform_webinar_id and parts.platform = 'zoom'
    union all
    select
        parts.webinar_id,
        {{ email_address("coalesce(" ~ json_field('presenters.presenter', 'email') ~ ", "
            ~ json_field('presenters.presenter', 'presenter_email') ~ ")") }} as email
    from presenters
    inner join parts on presenters.conference_id = parts.source_key and parts.part_kind = 'conference'
),

listed_staff as (
    select distinct
        webinar_id,
        email
    from staff_of_instances
    where email is not null
)

select * from listed_staff
