select
    period_kind,
    period_start_date,
    period_end_date,
    course_label,
    is_all_courses,
    language_label,
    is_all_languages,
    webinars,
    registered,
    registered_reported,
    registered_unreported,
    attended,
    attendance_rate,
    walk_ins,
    average_attended_minutes,
    case period_kind
        when 'all_time' then 'All time'
        when 'last_12_months' then 'Last 12 months'
        when 'last_90_days' then 'Last 90 days'
        else strftime(period_start_date, '%B %Y')
    end as period_label,
    case period_kind
        when 'all_time' then 'in all'
        when 'last_12_months' then 'in the last 12 months'
        when 'last_90_days' then 'in the last 90 days'
        else 'in ' || strftime(period_start_date, '%B %Y')
    end as period_phrase,
from marts.webinar_funnel_by_period
