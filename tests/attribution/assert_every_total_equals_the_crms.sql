-- Each mart of amounts, unattributed rows included, adds up to the CRM's pipeline under each model that it holds.
{% set marts = {
    'attribution_credits': none,
    'first_touch_attribution': 'first_touch',
    'last_touch_attribution': 'last_touch',
    'linear_attribution': 'linear',
    'channel_pipeline': none,
    'channel_pipeline_by_segment': none,
} %}
with pipeline as (
    select coalesce(sum(pipeline_amount), 0) as pipeline_amount from {{ ref('stg_crm__opportunities') }}
),

models as (
    select attribution_model from {{ ref('attribution_models_dim') }}
),

totals as (
    {% for mart, model in marts.items() -%}
        select
            '{{ mart }}' as mart,
            models.attribution_model,
            sum(amounts.attributed_amount) as attributed_amount
        from models
        left join {{ ref(mart) }} as amounts on models.attribution_model = amounts.attribution_model
        {% if model -%}
            where models.attribution_model = '{{ model }}'
        {% endif -%}
        group by models.attribution_model
        union all
    {% endfor -%}
    {% for period in ['is null', 'is not null'] -%}
        select
            'channel_roi where month_start_date {{ period }}' as mart,
            models.attribution_model,
            sum(amounts.attributed_amount) as attributed_amount
        from models
        left join {{ ref('channel_roi') }} as amounts
            on
                models.attribution_model = amounts.attribution_model
                and amounts.month_start_date {{ period }}
        group by models.attribution_model
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    totals.mart,
    totals.attribution_model,
    totals.attributed_amount,
    pipeline.pipeline_amount
from totals
cross join pipeline
where coalesce(totals.attributed_amount, 0) != pipeline.pipeline_amount
