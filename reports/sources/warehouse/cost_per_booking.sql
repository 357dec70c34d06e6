select
    month_start_date,
    channel_label,
    cost_per_booking::double as cost_per_booking,
from marts.cost_per_booking
