select
    basis,
    slot_kind,
    iso_day_of_week,
    day_name,
    hour_of_day,
    lpad(hour_of_day::varchar, 2, '0') || ':00' as hour_label,
    bookings,
    share_of_bookings,
    rank_by_bookings,
from marts.booking_time_slots
