{% macro channel_label(channel_name) -%}
    {#- A channel's name as pages show it: facebook_paid_ads becomes Facebook paid ads. -#}
    upper(left({{ channel_name }}, 1)) || replace(substr({{ channel_name }}, 2), '_', ' ')
{%- endmacro %}
