-- Hosts by their label only: every row selected here is shipped to the reader.
select
    host_label,
    team,
    meetings,
    meeting_minutes,
    weeks,
    meetings_per_week,
    most_meetings_in_a_week,
    fewest_meetings_in_a_week,
    share_of_mean,
    is_overloaded,
    is_idle,
    held_rate,
from marts.host_load_summary
