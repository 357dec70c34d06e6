select
    opportunities,
    pipeline_amount::double as pipeline_amount,
    attributed_opportunities,
    attributed_amount::double as attributed_amount,
    unattributed_opportunities,
    unattributed_amount::double as unattributed_amount,
    unattributed_share,
    opportunities_without_amount,
from marts.pipeline_summary
