select
    attribution_model,
    attribution_model_label,
    sort_order,
    description
from {{ ref('attribution_models') }}
