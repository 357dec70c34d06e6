{% macro channel_label(channel_name) -%}
    {#- A channel's name as pages show it: facebook_paid_ads becomes Facebook paid ads. -#}
    upper(left({{ channel_name }}, 1)) || replace(substr({{ channel_name }}, 2), '_', ' ')
{%- endmacro %}

{% macro campaign_label(campaign) -%}
    {#- A campaign's name where rows without one have theirs, too. -#}
    coalesce({{ campaign }}, '(no campaign)')
{%- endmacro %}
