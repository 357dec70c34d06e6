with funnel_by_period as (
    select * from {{ ref('webinar_funnel_by_period') }}
    where period_kind = 'all_time' and is_all_courses and not is_all_languages
),

webinar_funnel_by_language as (
    select
        language_label,
        {{ rolled_up_webinar_figures() }}
    from funnel_by_period
)

select * from webinar_funnel_by_language
