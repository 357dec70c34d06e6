{% macro squeezed(text) -%}
    {#- A text without blanks at its ends and with single ones inside; null if nothing is left. -#}
    nullif(trim(regexp_replace({{ text }}, '[\s\p{Z}]+', ' ', 'g')), '')
{%- endmacro %}
