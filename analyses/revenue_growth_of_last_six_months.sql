-- The six complete months up to the newest complete one: a month that is under way would seem to shrink.
select
    currency,
    month_start_date,
    revenue,
    growth_rate
from {{ ref('monthly_revenue') }}
where is_in_last_six_months
order by currency, month_start_date
