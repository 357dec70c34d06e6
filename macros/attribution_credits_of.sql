{% macro attribution_credits_of(attribution_model) -%}
    {#- The ledger's rows of one attribution model, for the marts that show a single one. -#}
    select
        attribution_model,
        opportunity_id,
        opportunity_created_at,
        created_month_start_date,
        sales_segment,
        touchpoint_id,
        touchpoint_type,
        channel_name,
        credit_weight,
        attributed_amount,
        unattributed_reason
    from {{ ref('attribution_credits') }}
    where attribution_model = '{{ attribution_model }}'
{%- endmacro %}
