-- Every row selected here is shipped to the reader, so only what a chart shows: periods that are over, and of the days
-- the newest quarter of a year.
select
    period_kind,
    period_start_date,
    channel_label,
    bookings,
from marts.booking_trends_by_channel
where
    not is_partial_period
    and (
        period_kind != 'day'
        or period_start_date > (select max(booked_date) - 92 from marts.booking_trends)
    )
