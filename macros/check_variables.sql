{% macro check_variables() -%}
    {#- Stops a run whose variables mean nothing, with a sentence for each of them, before it builds anything. -#}
    {%- if execute and flags.WHICH in ('build', 'run', 'test', 'seed', 'snapshot', 'retry') -%}
        {%- set wrong = [] -%}
        {%- for name in ['attribution_window_days', 'max_exchange_rate_age_days', 'booking_to_opportunity_days'] -%}
            {%- set days = var(name) -%}
            {%- if days is not integer or days < 0 -%}
                {%- do wrong.append(name ~ ' is ' ~ days ~ '; it must be a whole number of days, 0 or more.') -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set identifiers = var('max_identifiers_per_person') -%}
        {%- if identifiers is not integer or identifiers < 1 -%}
            {%- do wrong.append(
                'max_identifiers_per_person is ' ~ identifiers ~ '; it must be a whole number, 1 or more.'
            ) -%}
        {%- endif -%}
        {%- set minutes = var('webinar_restart_minutes') -%}
        {%- if minutes is not integer or minutes < 0 -%}
            {%- do wrong.append(
                'webinar_restart_minutes is ' ~ minutes ~ '; it must be a whole number of minutes, 0 or more.'
            ) -%}
        {%- endif -%}
        {%- if var('webinar_attendance_is_touch') is not boolean -%}
            {%- do wrong.append(
                'webinar_attendance_is_touch is ' ~ var('webinar_attendance_is_touch') ~ '; it must be true or false.'
            ) -%}
        {%- endif -%}
        {%- set touchpoint_sources = attribution_touchpoint_sources() -%}
        {%- if not touchpoint_sources or touchpoint_sources | reject('in', ['crm', 'bookings']) | list -%}
            {%- do wrong.append(
                'attribution_touchpoint_sources is ' ~ var('attribution_touchpoint_sources')
                ~ '; it must be crm, bookings, or both with a comma between them.'
            ) -%}
        {%- endif -%}
        {%- if not modules.re.fullmatch('[A-Z]{3}', var('reporting_currency') | string) -%}
            {%- do wrong.append(
                'reporting_currency is ' ~ var('reporting_currency') ~ '; it must be a code of three letters, like USD.'
            ) -%}
        {%- endif -%}
        {%- set time_zone = dbt.string_literal(dbt.escape_single_quotes(var('reporting_timezone') | string)) -%}
        {%- if run_query('select 1 from pg_timezone_names() where name = ' ~ time_zone).rows | length == 0 -%}
            {%- do wrong.append(
                'reporting_timezone is ' ~ var('reporting_timezone') ~ '; it must be a time zone like Europe/Berlin.'
            ) -%}
        {%- endif -%}
        {%- set instant = dbt.string_literal(dbt.escape_single_quotes(var('as_of') | string)) -%}
        {%- if var('as_of') and run_query('select try_cast(' ~ instant ~ ' as timestamptz)').rows[0][0] is none -%}
            {%- do wrong.append(
                'as_of is ' ~ var('as_of') ~ '; it must be an ISO date or instant, like 2026-06-30T12:00:00Z.'
            ) -%}
        {%- endif -%}
        {%- if wrong -%}
            {%- do exceptions.raise_compiler_error(wrong | join('\n')) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
