-- Between the day on which an alert began and its last day it was there on each: a run is as many rows as it has days.
-- Of a source only the day of as_of is known.
with alerts as (
    select * from {{ ref('alerts') }}
    where subject_kind != 'source'
)

select
    rule,
    subject_kind,
    subject,
    began_date,
    count(*) as alert_days,
    max(days_open) as days_open
from alerts
group by rule, subject_kind, subject, began_date
having
    count(*) != max(days_open)
    or count(*) filter (where is_new) != 1
    or count(*) filter (where is_last_day) != 1
    or max(alert_date) filter (where is_last_day) != max(alert_date)
