select
    sales_touchpoint_id as touchpoint_id,
    channel_name,
    contact_id,
    sales_touchpoint_date as touchpoint_at,
    _loaded_at
from {{ source('crm', 'sales_touchpoints') }}
