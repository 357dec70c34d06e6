-- What no model can attribute is one figure: by reason, in the summary, and as a channel of each model.
with by_reason as (
    select
        coalesce(sum(pipeline_amount), 0) as unattributed_amount,
        coalesce(sum(opportunities), 0) as opportunities
    from {{ ref('unattributed_pipeline') }}
),

by_model as (
    select
        models.attribution_model,
        coalesce(channels.attributed_amount, 0) as unattributed_amount,
        coalesce(channels.opportunities, 0) as opportunities
    from {{ ref('attribution_models_dim') }} as models
    left join {{ ref('channel_pipeline') }} as channels
        on
            models.attribution_model = channels.attribution_model
            and not channels.is_attributed
)

select
    by_model.attribution_model,
    by_model.unattributed_amount,
    by_reason.unattributed_amount as unattributed_amount_by_reason,
    pipeline_summary.unattributed_amount as unattributed_amount_in_summary
from by_model
cross join by_reason
cross join {{ ref('pipeline_summary') }} as pipeline_summary
where
    by_model.unattributed_amount != by_reason.unattributed_amount
    or by_model.opportunities != by_reason.opportunities
    or pipeline_summary.unattributed_amount != by_reason.unattributed_amount
    or pipeline_summary.unattributed_opportunities != by_reason.opportunities
