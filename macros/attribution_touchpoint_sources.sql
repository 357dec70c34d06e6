{% macro attribution_touchpoint_sources() -%}
    {#-
        The names in var('attribution_touchpoint_sources'), which is a text with commas or a list; none where it is neither,
        which check_variables then says.
    -#}
    {%- set value = var('attribution_touchpoint_sources') -%}
    {%- set names = [] -%}
    {%- if value is string or (value is sequence and value is not mapping) -%}
        {%- for name in (value.split(',') if value is string else value) -%}
            {%- do names.append(name | string | trim | lower) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- do return(names) -%}
{%- endmacro %}
