select
    opportunities,
    opportunities_with_path,
    median_path_length,
    median_days_to_opportunity,
from marts.journey_summary
