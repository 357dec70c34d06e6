select
    path_length,
    sort_order,
    opportunities,
from marts.journey_lengths
