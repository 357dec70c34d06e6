{#- What the models of Stream's revenue have in common. -#}

{% macro unknown_member() -%}
    {#- The key of the row that stands for whatever a file does not say, or says without a parent. -#}
    'unknown'
{%- endmacro %}

{% macro known_id(id) -%}
    {#- An id as a file has it; null where it is blank or the file itself says unknown, in any case of letters. -#}
    case when lower({{ id }}) != {{ unknown_member() }} then {{ id }} end
{%- endmacro %}

{% macro last_not_blank(column) -%}
    {#- The order in which the first row is the last one of the files that has something in the column. -#}
    case when {{ column }} is null then 1 else 0 end, exported_at desc, source_file desc, source_line desc
{%- endmacro %}

{% macro product_line(product) -%}
    {#- What stands before a product's first colon; the product itself where nothing does. -#}
    coalesce(nullif(trim({{ dbt.split_part(product, "':'", 1) | trim }}), ''), {{ product }})
{%- endmacro %}

{% macro summed_revenue() -%}
    {#- In a select list: what is counted of the transactions of a scope, for every span of time it is looked at in. -#}
    {{ sum_if_converted('amount', 'is_unconverted') }} as revenue,
    cast(coalesce(sum(amount), 0) as decimal(38, 9)) as converted_revenue,
    count(*) as transaction_count,
    count(*) filter (where is_unconverted) as unconverted_transaction_count,
    count(distinct paying_customer_id) as active_users,
    cast(
        case
            when not {{ dbt.bool_or('is_refund and is_unconverted') }}
                then coalesce(sum(amount) filter (where is_refund), 0)
        end as decimal(38, 9)
    ) as refund_amount,
    count(*) filter (where is_refund) as refund_count
{%- endmacro %}

{% macro revenue_growth(revenue, before) -%}
    {#- By how much revenue changed, as a fraction of what it was; null where it was unknown or not above zero. -#}
    case when {{ before }} > 0 then {{ rate(revenue ~ ' - ' ~ before, before) }} end
{%- endmacro %}

{% macro rank_of_known(member, amount) -%}
    {#-
        A member's place in its scope: 1 for the largest amount, those without one last; ties go by name. Null for the
        unknown member, which takes no place from others.
    -#}
    case
        when {{ member }} != {{ unknown_member() }}
            then cast(row_number() over (
                partition by is_total, currency, {{ member }} = {{ unknown_member() }}
                order by {{ amount }} desc nulls last, {{ member }} asc
            ) as integer)
    end
{%- endmacro %}
