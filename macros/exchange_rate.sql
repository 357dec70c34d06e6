{#- How an amount of a day is converted: join int_exchange_rates__dated as exchange_rates where rate_holds. -#}

{% macro rate_holds(records, date) -%}
    {#- Whether a rate is that of the day of a record; at most one is. -#}
    {{ records }}.currency = exchange_rates.currency
    and {{ records }}.{{ date }} >= exchange_rates.valid_from_date
    and {{ records }}.{{ date }} < exchange_rates.valid_to_date
{%- endmacro %}

{% macro exchange_rate(records, amount) -%}
    {#-
        By what a record's amount is converted to the reporting currency: 1 for itself, null where no rate holds. Amounts
        from 10^15 are rejected when they are loaded; one that would come to as much by its rate is left without it, lest
        what is no amount stop every build.
    -#}
    case
        when {{ records }}.currency = '{{ var("reporting_currency") }}' then cast(1 as decimal(38, 9))
        when coalesce(abs(cast({{ records }}.{{ amount }} as double) * exchange_rates.rate) < 1e15, true)
            then exchange_rates.rate
    end
{%- endmacro %}
