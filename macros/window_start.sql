{% macro window_start(created_at) -%}
    {#- The first instant at which a touch still counts for what was created then. -#}
    {{ dbt.dateadd('day', -(var('attribution_window_days') | int), created_at) }}
{%- endmacro %}
