{% macro summed_channel_costs() -%}
    {#- What adds up in channel_costs_daily, added up: for every grain at which cost per booking is looked at. -#}
    {{ sum_if_converted('spend', 'is_rate_missing') }} as spend,
    coalesce({{ dbt.bool_or('is_rate_missing') }}, false) as is_rate_missing,
    {%- for column in [
        'bookings', 'bookings_with_spend', 'held', 'held_with_spend', 'no_show', 'canceled', 'scheduled'
    ] %}
    cast(coalesce(sum({{ column }}), 0) as bigint) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
