-- What a person reads of an alert, of its last day: a host is its label there, and every row selected here is shipped.
select
    rule_label,
    severity_label,
    severity_order,
    sentence,
    days_open,
    is_new,
    is_open,
    alert_date,
    began_date,
    strftime(began_date, '%-d %B %Y') as began_date_label,
from marts.alerts
where is_recent and is_last_day
