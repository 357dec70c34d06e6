{% macro cheapest_first() -%}
    {#- The order of ranks by cost per booking: rows without one come last, and among them what has no channel. -#}
    cost_per_booking asc nulls last, channel = 'unmapped' asc, bookings desc, channel asc
{%- endmacro %}
