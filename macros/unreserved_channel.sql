{% macro unreserved_channel(channel_name, source_label) -%}
    {#- A source's channel; what it calls unattributed itself is marked, as that stands for what no channel has earned. -#}
    case
        when {{ channel_name }} = 'unattributed' then 'unattributed ({{ source_label }})'
        else {{ channel_name }}
    end
{%- endmacro %}
