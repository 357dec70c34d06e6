select
    first_channel_label,
    last_channel_label,
    opportunities,
from marts.journey_ends
