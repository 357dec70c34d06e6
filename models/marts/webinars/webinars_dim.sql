with instances as (
    select * from {{ ref('int_webinar_instances__resolved') }}
),

webinars_dim as (
    select
        webinar_id,
        platform,
        {{ platform_label('platform') }} as platform_label,
        platform_webinar_id,
        topic,
        webinar,
        course,
        language,
        coalesce(course, '(no course)') as course_label,
        coalesce(language, '(no language)') as language_label,
        starts_at,
        ends_at,
        start_date,
        is_report_loaded or coalesce(ends_at <= {{ as_of() }}, false) as has_taken_place,
        is_report_loaded,
        catalogue_row_id is not null as is_in_catalogue
    from instances
)

select * from webinars_dim
