-- Hosts by their label only: every row selected here is shipped to the reader.
select
    host_label,
    week_start_date,
    meetings,
    is_partial_week,
from marts.employee_meeting_load
