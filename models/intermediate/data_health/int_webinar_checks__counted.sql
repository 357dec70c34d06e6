{% set platforms = ['zoom', 'bigmarker'] %}
with catalogue as (
    select * from {{ ref('int_webinar_catalogue__cleaned') }}
),

instances as (
    select * from {{ ref('int_webinar_instances__resolved') }}
),

people as (
    select
        instances.platform,
        webinar_people.is_attended,
        webinar_people.is_walk_in
    from {{ ref('int_webinar_people__resolved') }} as webinar_people
    inner join instances on webinar_people.webinar_id = instances.webinar_id
),

-- A row of the day itself holds, and does not contradict those without a day.
rows_of_instances as (
    select
        instances.webinar_id,
        catalogue.webinar,
        catalogue.course,
        catalogue.language,
        rank() over (
            partition by instances.webinar_id
            order by case when catalogue.webinar_date is null then 1 else 0 end
        ) as date_rank
    from instances
    inner join catalogue
        on
            instances.platform = catalogue.platform
            and instances.platform_webinar_id = catalogue.platform_webinar_id
            and (catalogue.webinar_date is null or instances.start_date = catalogue.webinar_date)
),

answers_of_catalogue as (
    select distinct
        webinar_id,
        webinar,
        course,
        language
    from rows_of_instances
    where date_rank = 1
),

contradictions as (
    select webinar_id
    from answers_of_catalogue
    group by webinar_id
    having count(*) > 1
),

checked_instances as (
    select
        instances.platform,
        instances.catalogue_row_id is null as is_without_row,
        contradictions.webinar_id is not null as is_contradicted,
        instances.ends_at <= {{ as_of() }} or instances.is_report_loaded as has_taken_place,
        not instances.is_report_loaded and instances.ends_at <= {{ as_of() }} as is_without_report
    from instances
    left join contradictions on instances.webinar_id = contradictions.webinar_id
),

starts as (
    select
        'zoom' as platform,
        coalesce(zoom_reports.starts_at, zoom_instances.starts_at) as starts_at
    from {{ ref('stg_zoom__instances') }} as zoom_instances
    left join {{ ref('stg_zoom__reports') }} as zoom_reports
        on zoom_instances.instance_uuid = zoom_reports.instance_uuid
    union all
    select
        'zoom' as platform,
        starts_at
    from {{ ref('stg_zoom__attendee_reports') }}
    union all
    select
        'bigmarker' as platform,
        starts_at
    from {{ ref('stg_bigmarker__conferences') }}
),

sessions as (
    select
        platform,
        starts_with(person_key, 'session:') as is_anonymous
    from {{ ref('int_webinar_sessions__unioned') }}
    where not is_staff
),

registrations as (
    select
        registration_source as platform,
        email
    from {{ ref('int_webinar_registrations__unioned') }}
),

sign_ups as (
    select * from {{ ref('int_webinar_sign_ups__matched') }}
    where is_active
),

known_event_types as (
    select event_type_uri
    from {{ ref('stg_calendly__event_types') }}
    union
    select event_type_uri
    from {{ ref('int_scheduled_events__resolved') }}
),

catalogue_event_types as (
    select known_event_types.event_type_uri is null as is_unknown
    from catalogue
    left join known_event_types on catalogue.event_type_uri = known_event_types.event_type_uri
    -- Before anything of Calendly is loaded nobody can tell.
    where
        catalogue.event_type_uri is not null
        and exists (select any_known.event_type_uri from known_event_types as any_known)
),

loaded_records as (
    {% for entity in [
        'webinars', 'instances', 'registrants', 'panelists', 'participants', 'reports',
        'attendee_reports', 'attendee_report_rows', 'rejected_records',
    ] %}
        select
            'zoom' as platform,
            {{ 'true' if entity == 'rejected_records' else 'false' }} as is_rejected
        from {{ ref('stg_zoom__' ~ entity) }}
        union all
    {% endfor %}
    {% for entity in ['conferences', 'registrations', 'attendees', 'attendance_lists', 'rejected_records'] %}
        select
            'bigmarker' as platform,
            {{ 'true' if entity == 'rejected_records' else 'false' }} as is_rejected
        from {{ ref('stg_bigmarker__' ~ entity) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

checks as (
    {% for platform in platforms %}
        {% for check_name, records, is_affected, is_checked in [
            ('past_webinars_without_report', 'checked_instances', 'is_without_report', 'has_taken_place'),
            ('webinars_without_start', 'starts', 'starts_at is null', 'true'),
            ('webinars_without_catalogue_row', 'checked_instances', 'is_without_row', 'true'),
            ('webinars_with_contradictory_rows', 'checked_instances', 'is_contradicted', 'not is_without_row'),
            ('registrations_without_email', 'registrations', 'email is null', 'true'),
            ('anonymous_sessions', 'sessions', 'is_anonymous', 'true'),
            ('walk_ins', 'people', 'is_walk_in', 'is_attended'),
            ('rejected_records', 'loaded_records', 'is_rejected', 'true'),
        ] %}
            select
                '{{ platform }}' as source,
                '{{ check_name }}' as check_name,
                count(*) filter (where {{ is_affected }}) as affected_records,
                count(*) filter (where {{ is_checked }}) as checked_records
            from {{ records }}
            where platform = '{{ platform }}'
            union all
        {% endfor %}
    {% endfor %}
    select
        'calendly' as source,
        'catalogue_rows_without_event_type' as check_name,
        count(*) filter (where is_unknown) as affected_records,
        count(*) as checked_records
    from catalogue_event_types
    union all
    select
        'calendly' as source,
        'sign_ups_without_webinar' as check_name,
        count(*) filter (where webinar_id is null) as affected_records,
        count(*) as checked_records
    from sign_ups
)

select * from checks
