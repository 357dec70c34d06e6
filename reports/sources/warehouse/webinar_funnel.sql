select
    topic,
    course_label,
    language_label,
    start_date,
    registered,
    attended,
    attendance_rate,
    walk_ins,
    average_attended_minutes,
    platform_label,
from marts.webinar_funnel
