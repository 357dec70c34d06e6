{#-
    What alerts are made of: what a rule can look at, how it compares, and the words in which it says so. Numbers in
    sentences are rounded half away from zero: amounts to two decimals, percentages and what is counted on average to one.
-#}

{% macro alert_metrics() -%}
    {#- What a rule can look at. -#}
    {%- do return([
        'bookings',
        'cost_per_booking',
        'held_rate',
        'host_load',
        'source_lateness',
        'spend_without_bookings',
        'unmapped_share',
    ]) -%}
{%- endmacro %}

{% macro alert_comparisons() -%}
    {#- How a rule can compare: the figure ÷ its baseline, the figure − its baseline, or the figure by itself. -#}
    {%- do return(['ratio_above', 'ratio_below', 'difference_above', 'difference_below', 'above', 'below']) -%}
{%- endmacro %}

{% macro alert_severities() -%}
    {#- How urgent an alert can be, the most urgent first. -#}
    {%- do return(['critical', 'warning', 'info']) -%}
{%- endmacro %}

{% macro severity_order(severity) -%}
    {#- 1 for the most urgent; null for what is no severity. -#}
    case {{ severity }}
        {%- for name in alert_severities() %}
        when '{{ name }}' then {{ loop.index }}
        {%- endfor %}
    end
{%- endmacro %}

{% macro is_one_of(name, names) -%}
    {#- Whether a name of a company's seed is one of these, in capitals or not; a blank cell says nothing. -#}
    coalesce(nullif(lower(trim({{ name }})), ''), '{{ names[0] }}') in ('{{ names | join("', '") }}')
{%- endmacro %}

{% macro alert_figure(part, whole, gaps) -%}
    {#-
        The figure of a rule's metric over some days, of which these are the sums; null where nothing can be said. Without
        a whole it is the part itself.
    -#}
    case
        when metric = 'cost_per_booking' and {{ gaps }} = 0
            then cast({{ cost_per(part, whole) }} as double)
        when metric = 'spend_without_bookings' and {{ gaps }} = 0 and {{ whole }} = 0
            then cast({{ part }} as double)
        when metric in ('held_rate', 'unmapped_share')
            then {{ rate(part, whole) }}
        when metric in ('bookings', 'host_load')
            then cast({{ part }} as double)
    end
{%- endmacro %}

{% macro is_beyond_threshold() -%}
    {#- Whether a figure, or its deviation against the baseline, is what its rule looks for; not where it is unknown. -#}
    coalesce(
        case comparison
            {%- for comparison in alert_comparisons() %}
            when '{{ comparison }}'
                then {{ 'deviation' if '_' in comparison else 'figure' }} {{ '>' if comparison.endswith('above') else '<' }} threshold
            {%- endfor %}
        end,
        false
    )
{%- endmacro %}

{% macro number_text(number, digits) -%}
    {#- A number with so many decimals, rounded half away from zero, and commas between thousands. -#}
    {{- return(adapter.dispatch('number_text')(number, digits)) -}}
{%- endmacro %}

{% macro default__number_text(number, digits) -%}
    trim(to_char(
        round(cast({{ number }} as decimal(38, 9)), {{ digits }}),
        'FM999,999,999,999,990{{ '.' if digits }}{{ '0' * digits }}'
    ))
{%- endmacro %}

{% macro duckdb__number_text(number, digits) -%}
    format(
        '{:,.{{ digits }}f}', cast(round(cast({{ number }} as decimal(38, 9)), {{ digits }}) as double)
    )
{%- endmacro %}

{% macro date_text(day) -%}
    {#- A date in words, like 30 June 2026. -#}
    {{- return(adapter.dispatch('date_text')(day)) -}}
{%- endmacro %}

{% macro default__date_text(day) -%}
    to_char({{ day }}, 'FMDD FMMonth YYYY')
{%- endmacro %}

{% macro duckdb__date_text(day) -%}
    strftime({{ day }}, '%-d %B %Y')
{%- endmacro %}

{% macro plain_number(number, digits) -%}
    {#- The same without zeros at its end. -#}
    rtrim(rtrim({{ number_text(number, digits) }}, '0'), '.')
{%- endmacro %}

{% macro quantity_text(quantity) -%}
    {#- A figure, a baseline or a limit in its metric's unit; nobody counts many days in hours. -#}
    case
        when metric in ('cost_per_booking', 'spend_without_bookings')
            then {{ number_text(quantity, 2) }} || ' {{ var("reporting_currency") }}'
        when metric in ('held_rate', 'unmapped_share')
            then {{ number_text(quantity ~ ' * 100', 1) }} || '%'
        when metric = 'source_lateness'
            then
                case
                    when {{ quantity }} >= 48 then {{ plain_number(quantity ~ ' / 24', 1) }} || ' days'
                    else {{ plain_number(quantity, 1) }} || ' hours'
                end
        else {{ plain_number(quantity, 1) }}
    end
{%- endmacro %}

{% macro difference_text(difference) -%}
    {#- The size of a difference in its metric's unit. -#}
    case
        when metric in ('held_rate', 'unmapped_share')
            then {{ number_text('abs(' ~ difference ~ ') * 100', 1) }} || ' percentage points'
        else {{ quantity_text('abs(' ~ difference ~ ')') }}
    end
{%- endmacro %}

{% macro counted_text(number, one, many) -%}
    {#- So many of something, in words that fit the number. -#}
    case {{ number }}
        when 0 then 'no {{ one }}'
        when 1 then '1 {{ one }}'
        else {{ number_text(number, 0) }} || ' {{ many }}'
    end
{%- endmacro %}

{% macro days_text(days) -%}
    {#- So many days, as in "the 28 days before". -#}
    case {{ days }} when 1 then 'day' else {{ number_text(days, 0) }} || ' days' end
{%- endmacro %}

{% macro alert_sentence() -%}
    {#- What an alert says to a person: the figure, of which days, and what it is compared with. -#}
    subject_label || ': '
    || case metric
        when 'cost_per_booking' then 'a booking cost ' || {{ quantity_text('figure') }}
        when 'bookings' then {{ counted_text('figure', 'booking was made', 'bookings were made') }}
        when 'spend_without_bookings'
            then {{ quantity_text('figure') }} || ' were spent without one booking'
        when 'held_rate' then {{ quantity_text('figure') }} || ' of meetings were held'
        when 'host_load' then {{ counted_text('figure', 'meeting', 'meetings') }}
        when 'unmapped_share' then {{ quantity_text('figure') }} || ' of bookings had no channel'
        when 'source_lateness' then
            case
                when late_entity is null then 'the last load was '
                else 'the newest record of ' || late_entity || ' was '
            end
            || {{ quantity_text('figure') }} || ' old'
    end
    || case
        when metric = 'source_lateness' or window_days = 1 then ' on '
        else ' in the ' || {{ days_text('window_days') }} || ' to '
    end
    || {{ date_text('alert_date') }}
    || case
        when metric = 'source_lateness' then '; the limit is ' || {{ quantity_text('baseline') }}
        when comparison in ('above', 'below') then '; the limit is ' || {{ quantity_text('threshold') }}
        else
            case
                when comparison like 'ratio%' and deviation = 0 then ', compared with '
                when comparison like 'ratio%' and deviation >= 1
                    then ', ' || {{ number_text('deviation', 1) }} || ' times '
                when comparison like 'ratio%'
                    then
                        ', ' || {{ number_text('(1 - deviation) * 100', 0) }} || '% '
                        || case when metric in ('bookings', 'host_load') then 'fewer' else 'less' end || ' than '
                else
                    ', ' || {{ difference_text('deviation') }}
                    || case when deviation < 0 then ' below ' else ' above ' end
            end
            || case
                when metric = 'host_load'
                    then
                        'the mean of ' || {{ quantity_text('baseline') }} || ' over '
                        || {{ counted_text('compared_subjects', 'host', 'hosts') }}
                else
                    'the ' || {{ quantity_text('baseline') }}
                    || case
                        when metric in ('bookings', 'spend_without_bookings')
                            then ' per ' || {{ days_text('window_days') }}
                        else ''
                    end
                    || ' of the ' || {{ days_text('baseline_days') }} || ' before'
            end
    end
    || '.'
{%- endmacro %}

{% macro alert_rule_sentence() -%}
    {#- What a rule looks at and from where on it says so. -#}
    {%- set channel -%}
        case subject when 'all' then 'all channels together' else {{ channel_label('subject') }} end
    {%- endset -%}
    case metric
        when 'cost_per_booking' then 'The cost of a booking of ' || coalesce({{ channel }}, 'a channel')
        when 'bookings'
            then 'The number of bookings' || coalesce(' of ' || {{ channel }}, ', of all channels and of each,')
        when 'spend_without_bookings'
            then 'The spend of ' || coalesce({{ channel }}, 'a channel') || ' without one booking'
        when 'held_rate'
            then 'The share of meetings held, of ' || coalesce({{ channel }}, 'all channels and of each') || ','
        when 'host_load' then 'The number of meetings of ' || coalesce(subject, 'a host')
        when 'unmapped_share' then 'The share of bookings without a channel'
        when 'source_lateness'
            then
                'The age of ' || coalesce({{ source_label('subject') }}, 'a source')
                || '''s last load, or of its newest record,'
    end
    || case
        when metric = 'source_lateness' then ''
        else ' in ' || {{ counted_text('window_days', 'day', 'days') }}
    end
    || ' is '
    || case
        when comparison in ('above', 'below') then comparison || ' ' || {{ quantity_text('threshold') }}
        when comparison = 'ratio_below' then 'less than '
        else 'more than '
    end
    || case
        when comparison in ('above', 'below') then ''
        when comparison like 'ratio%' and threshold = 1 then ''
        when comparison like 'ratio%' then {{ plain_number('threshold', 2) }} || ' times '
        else
            {{ difference_text('threshold') }}
            || case comparison when 'difference_below' then ' below ' else ' above ' end
    end
    || case
        when comparison in ('above', 'below') then ''
        when metric = 'host_load' then 'the mean of the hosts'
        when metric = 'source_lateness' then 'its limit'
        when metric in ('bookings', 'spend_without_bookings')
            then 'that of as many of the ' || {{ days_text('baseline_days') }} || ' before'
        else 'that of the ' || {{ days_text('baseline_days') }} || ' before'
    end
    || case
        when minimum = 0 or metric = 'source_lateness' then ''
        when metric = 'spend_without_bookings' then '; from ' || {{ quantity_text('minimum') }} || ' on'
        when metric = 'host_load' then '; from a mean of ' || {{ plain_number('minimum', 1) }} || ' on'
        else
            '; from ' || {{ plain_number('minimum', 1) }}
            || case metric when 'held_rate' then ' meetings on' else ' bookings on' end
    end
    || '.'
{%- endmacro %}
