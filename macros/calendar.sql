{% macro reporting_time(instant) -%}
    {#- A UTC timestamp as clocks in the reporting time zone show it. -#}
    ({{ instant }} at time zone 'UTC' at time zone '{{ var('reporting_timezone') }}')
{%- endmacro %}

{% macro seconds_between(earlier, later) -%}
    {#- Seconds from one timestamp to another, whole ones, so that sums of them do not depend on their order. -#}
    {{ dbt.datediff(earlier, later, 'second') | trim }}
{%- endmacro %}

{% macro days_between(earlier, later) -%}
    {#- Days from one timestamp to another, in parts of a day, to the second. -#}
    ({{ seconds_between(earlier, later) }} / cast(86400 as double))
{%- endmacro %}

{% macro week_start_date(day) -%}
    {#- The Monday of a date's ISO week. -#}
    cast({{ dbt.date_trunc('week', day) }} as date)
{%- endmacro %}

{% macro month_start_date(day) -%}
    {#- The first day of a date's month. -#}
    cast({{ dbt.date_trunc('month', day) }} as date)
{%- endmacro %}

{% macro iso_day_of_week(instant) -%}
    {#- 1 is Monday, 7 is Sunday. -#}
    cast(extract(isodow from {{ instant }}) as integer)
{%- endmacro %}

{% macro dates_between(first_date, last_date, step) -%}
    {#- In a select list: one row per day, week or month from the first date to the last. -#}
    cast(unnest(generate_series({{ first_date }}, {{ last_date }}, interval 1 {{ step }})) as date)
{%- endmacro %}

{% macro seconds_after(instant, seconds) -%}
    {#- A timestamp so many seconds, a number, after another; whole ones. -#}
    {{ dbt.dateadd('second', "cast(floor(" ~ seconds ~ ") as bigint)", instant) | trim }}
{%- endmacro %}

{% macro minutes_of(seconds) -%}
    {#- Whole seconds as minutes. -#}
    ({{ seconds }} / cast(60 as double))
{%- endmacro %}
