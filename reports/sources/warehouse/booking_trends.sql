select
    booked_date,
    bookings,
    bookings_7d_avg,
    bookings_cumulative,
    strftime(booked_date, '%-d %B %Y') as booked_date_label,
from marts.booking_trends
