{% macro email_address(email) -%}
    {#- An e-mail address as every source writes it: trimmed and lower-cased; null if it is blank. -#}
    nullif(lower(trim({{ email }})), '')
{%- endmacro %}
