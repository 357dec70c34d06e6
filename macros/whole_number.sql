{% macro whole_number(number) -%}
    {#- As an integer of so many bits that no amount is too large for it. -#}
    {{- return(adapter.dispatch('whole_number')(number)) -}}
{%- endmacro %}

{% macro default__whole_number(number) -%}
    cast({{ number }} as decimal(38, 0))
{%- endmacro %}

{% macro duckdb__whole_number(number) -%}
    cast({{ number }} as hugeint)
{%- endmacro %}
