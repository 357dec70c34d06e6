-- The ledger's grain; an unattributed row has no touchpoint, which no unique key of columns could say.
select
    attribution_model,
    opportunity_id,
    touchpoint_type,
    touchpoint_id
from {{ ref('attribution_credits') }}
group by attribution_model, opportunity_id, touchpoint_type, touchpoint_id
having count(*) > 1
