{#- What is asked of bookings in several models. -#}

{% macro is_mapped(channel) -%}
    {#- Whether the channel map has a channel. -#}
    {{ channel }} != 'unmapped'
{%- endmacro %}

{% macro counts_by_status(status='status') -%}
    {#- In a select list: how many rows have each status of a booking. -#}
    count(*) filter (where {{ status }} = 'held') as held,
    count(*) filter (where {{ status }} = 'no_show') as no_show,
    count(*) filter (where {{ status }} = 'canceled') as canceled,
    count(*) filter (where {{ status }} = 'scheduled') as scheduled
{%- endmacro %}

{% macro share_of_outcomes(part) -%}
    {#- part ÷ the bookings that are no longer scheduled, beside the counts of each status. -#}
    {{ rate(part, 'held + no_show + canceled') }}
{%- endmacro %}
