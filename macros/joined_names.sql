{% macro joined_names(names, separator) -%}
    {#- The names whose condition holds, joined; `names` is pairs of condition and name. -#}
    substr(
        {%- for condition, name in names %}
        case when {{ condition }} then '{{ separator }}{{ name }}' else '' end{{ ' ||' if not loop.last }}
        {%- endfor %},
        {{ separator | length + 1 }}
    )
{%- endmacro %}
