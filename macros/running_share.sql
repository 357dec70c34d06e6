{% macro running_share(amount, part, whole, scale) -%}
    {#-
        amount × part / whole, rounded half away from zero to `scale` digits, as decimal(38, scale); exactly the amount
        where part = whole. Shares as differences of running shares therefore add up exactly. |amount| × 10^scale × whole
        must stay below 10^37.
    -#}
    {{- return(adapter.dispatch('running_share')(amount, part, whole, scale)) -}}
{%- endmacro %}

{% macro default__running_share(amount, part, whole, scale) -%}
    cast(round({{ amount }} * {{ part }} / {{ whole }}, {{ scale }}) as decimal(38, {{ scale }}))
{%- endmacro %}

{% macro duckdb__running_share(amount, part, whole, scale) -%}
    {#- DuckDB divides decimals as DOUBLE, which has 15 digits; whole numbers of 128 bits keep them all. -#}
    {%- set units = 'cast(' ~ amount ~ ' * ' ~ 10 ** scale ~ ' as hugeint)' -%}
    cast(
        sign({{ amount }}) * ((2 * abs({{ units }}) * {{ part }} + {{ whole }}) // (2 * {{ whole }}))
        as decimal(38, 0)
    ) * cast(1e-{{ scale }} as decimal({{ scale }}, {{ scale }}))
{%- endmacro %}
