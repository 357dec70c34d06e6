{% macro cost_per(spend, number) -%}
    {#- spend ÷ number as money, exact to nine decimals; null without either. -#}
    case when {{ number }} > 0 then {{ running_share(spend, 1, number, 9) }} end
{%- endmacro %}
