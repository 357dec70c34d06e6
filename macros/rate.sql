{% macro rate(part, whole) -%}
    {#- part ÷ whole as a fraction; null where the whole is 0 or null. -#}
    cast({{ part }} as double) / nullif(cast({{ whole }} as double), 0)
{%- endmacro %}
