with funnel_by_period as (
    select * from {{ ref('webinar_funnel_by_period') }}
    where period_kind = 'month' and is_all_courses and is_all_languages
),

webinar_funnel_by_month as (
    select
        period_start_date as month_start_date,
        {{ rolled_up_webinar_figures() }}
    from funnel_by_period
)

select * from webinar_funnel_by_month
