{% macro as_of() -%}
    {#- "Now" for every model, as a UTC timestamp: var('as_of'), else the start of this run, the same in all its models. -#}
    {%- if var('as_of') -%}
        cast(cast('{{ var('as_of') }}' as timestamptz) at time zone 'UTC' as timestamp)
    {%- else -%}
        {{ built_at() }}
    {%- endif -%}
{%- endmacro %}

{% macro built_at() -%}
    {#- The start of this run as a UTC timestamp, whatever var('as_of') says. -#}
    cast('{{ run_started_at.strftime('%Y-%m-%d %H:%M:%S.%f') }}' as timestamp)
{%- endmacro %}

{% macro reporting_date(instant) -%}
    {#- The calendar date of a UTC timestamp in the reporting time zone. -#}
    cast({{ instant }} at time zone 'UTC' at time zone '{{ var('reporting_timezone') }}' as date)
{%- endmacro %}

{% macro utc_timestamp(instant) -%}
    {#-
        An ISO instant as a UTC timestamp; one without an offset is UTC. Null if it is unreadable, or lies outside of the
        years 2000 to 2099: a mistyped year would make a row for each day up to it.
    -#}
    {%- set instant_at = "(try_cast(" ~ instant ~ " as timestamptz) at time zone 'UTC')" -%}
    case when {{ instant_at }} >= '2000-01-01' and {{ instant_at }} < '2100-01-01' then {{ instant_at }} end
{%- endmacro %}
