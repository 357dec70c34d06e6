-- No more of them than the page lists: every row selected here is shipped to the reader.
select
    channel_path,
    opportunities,
    pipeline_amount::double as pipeline_amount,
    average_path_length,
    median_days_to_opportunity,
    rank_by_opportunities,
from marts.journey_paths
where is_known and rank_by_opportunities <= 25
