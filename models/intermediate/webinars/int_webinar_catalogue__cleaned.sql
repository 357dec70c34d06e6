with catalogue as (
    select * from {{ ref('webinar_catalogue') }}
),

filled_rows as (
    select
        nullif(trim(catalogue.webinar), '') as webinar,
        nullif(trim(catalogue.course), '') as course,
        nullif(trim(catalogue.language), '') as language,
        nullif(lower(trim(catalogue.platform)), '') as platform,
        nullif(trim(catalogue.platform_id), '') as platform_id,
        {{ calendly_uri('catalogue.event_type_uri') }} as event_type_uri,
        cast(nullif(trim(catalogue.date), '') as date) as webinar_date
    from catalogue
),

cleaned_catalogue as (
    select
        webinar,
        course,
        language,
        platform,
        event_type_uri,
        webinar_date,
        row_number() over (
            order by
                webinar_date asc nulls last,
                webinar asc nulls last,
                language asc nulls last,
                course asc nulls last,
                platform asc nulls last,
                platform_id asc nulls last,
                event_type_uri asc nulls last
        ) as catalogue_row_id,
        -- Zoom shows its numbers in groups of digits.
        case
            when platform = 'zoom' then {{ digits_of('platform_id') }}
            else platform_id
        end as platform_webinar_id
    from filled_rows
)

select * from cleaned_catalogue
