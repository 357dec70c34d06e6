{% macro email_address(email) -%}
    {#-
        An e-mail address as every source writes it: trimmed and lower-cased; null unless something stands on both sides of
        its @. People type "none", or their name, where they are asked for one, and are not one person for that.
    -#}
    case when trim({{ email }}) like '%_@_%' then lower(trim({{ email }})) end
{%- endmacro %}
