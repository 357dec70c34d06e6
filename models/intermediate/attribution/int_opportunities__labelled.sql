select
    opportunity_id,
    account_id,
    pipeline_amount,
    opportunity_created_at,
    {{ month_start_date(reporting_date('opportunity_created_at')) }} as created_month_start_date,
    coalesce(sales_segment, '(no segment)') as sales_segment
from {{ ref('stg_crm__opportunities') }}
