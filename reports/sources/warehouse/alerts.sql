-- What a person reads of an alert, of its last day: a host is its label there, and every row selected here is shipped. What
-- is open may be older than the recent days, where Calendly was not loaded in them.
select
    rule_label,
    severity_label,
    severity_order,
    sentence,
    days_open,
    is_new,
    is_open,
    is_recent,
    alert_date,
    began_date,
    strftime(began_date, '%-d %B %Y') as began_date_label,
from marts.alerts
where (is_recent or is_open) and is_last_day
