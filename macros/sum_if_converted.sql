{% macro sum_if_converted(amount, is_rate_missing) -%}
    {#-
        The sum of converted amounts; null if any of them lacks its rate. What is left of such a sum would look like all
        of it.
    -#}
    cast(case when not {{ dbt.bool_or(is_rate_missing) }} then sum({{ amount }}) end as decimal(38, 9))
{%- endmacro %}
