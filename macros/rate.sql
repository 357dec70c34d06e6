{% macro rate(part, whole) -%}
    {#- part ÷ whole as a fraction; null where the whole is 0 or null. -#}
    {#- Adding 0 makes 0 of -0, which is what 0 ÷ a negative total is. -#}
    (cast({{ part }} as double) / nullif(cast({{ whole }} as double), 0) + 0)
{%- endmacro %}
