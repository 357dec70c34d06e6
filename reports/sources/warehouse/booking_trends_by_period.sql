select
    period_kind,
    period_start_date,
    bookings,
    previous_bookings,
    change_rate,
    held,
    no_show,
    canceled,
    scheduled,
    bookings_cumulative,
    is_partial_period,
    is_latest_complete_period,
    case period_kind
        when 'day' then strftime(period_start_date, '%-d %B %Y')
        when 'week' then 'the week of ' || strftime(period_start_date, '%-d %B %Y')
        else strftime(period_start_date, '%B %Y')
    end as period_label,
from marts.booking_trends_by_period
