select
    opportunity_id,
    account_id,
    pipeline_amount,
    opportunity_created_date as opportunity_created_at,
    sales_segment,
    _loaded_at
from {{ source('crm', 'opportunities') }}
