select
    attribution_model,
    channel_name,
    month_start_date
from {{ ref('channel_roi') }}
group by attribution_model, channel_name, month_start_date
having count(*) > 1
