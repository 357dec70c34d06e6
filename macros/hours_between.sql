{% macro hours_between(earlier, later) -%}
    {#- Hours from one timestamp to another, to the minute; 0 where the second one comes first. -#}
    greatest(
        0,
        {{ dbt.datediff(earlier, later, 'minute') | trim }}
        / cast(60 as double)
    )
{%- endmacro %}
