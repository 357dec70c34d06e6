{% macro source_label(source) -%}
    {#- A source's name as pages show it: calendly_webhooks becomes Calendly webhooks. -#}
    case {{ source }}
        when 'crm' then 'CRM'
        when 'bigmarker' then 'BigMarker'
        when 'stream' then 'Stream (billing)'
        else {{ channel_label(source) }}
    end
{%- endmacro %}
