select
    opportunities,
    opportunities_with_path,
    (select count(*) from marts.journey_paths where is_known) as paths,
    top_path_opportunities,
    median_path_length,
    median_days_to_opportunity,
from marts.journey_summary
