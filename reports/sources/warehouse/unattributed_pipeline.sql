select
    unattributed_reason,
    reason_label,
    opportunities,
    pipeline_amount::double as pipeline_amount,
    share_of_pipeline,
from marts.unattributed_pipeline
