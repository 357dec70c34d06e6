select
    marketing_touchpoint_id as touchpoint_id,
    channel_name,
    contact_id,
    marketing_touchpoint_date as touchpoint_at,
    _loaded_at
from {{ source('crm', 'marketing_touchpoints') }}
