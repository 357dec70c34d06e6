select
    attribution_model,
    attribution_model_label,
    sort_order,
    description,
from marts.attribution_models_dim
