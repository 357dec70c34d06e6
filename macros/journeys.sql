{#- What is asked of accounts' journeys in several models. -#}

{% macro journey_event_kinds() -%}
    {#- What can happen in a journey; of what happens at one instant the earlier in this list comes first. -#}
    {%- do return(['touch', 'booking', 'webinar', 'opportunity', 'payment']) -%}
{%- endmacro %}

{% macro most_steps_shown() -%}
    {#- How many steps of a path are spelled out: longer ones are read by nobody, and are all alike in being long. -#}
    8
{%- endmacro %}

{% macro path_text(label, step, steps_begun, order_by) -%}
    {#-
        An aggregate: the labels of the rows that begin a step, in order, with an arrow between; an ellipsis stands for what
        comes after the steps that are shown. Null where there are none.
    -#}
    {{ dbt.listagg(
        'case when ' ~ steps_begun ~ ' = 1 and ' ~ step ~ ' <= ' ~ most_steps_shown() ~ ' then ' ~ label ~ ' end',
        "' › '",
        'order by ' ~ order_by
    ) | trim }}
    || case when max({{ step }}) > {{ most_steps_shown() }} then ' › …' else '' end
{%- endmacro %}

{% macro nothing_known() -%}
    {#- The path, and the first channel, of opportunities before which nothing happened that anybody knows of. -#}
    '(nothing known)'
{%- endmacro %}

{% macro path_measures() -%}
    {#- In a select list: what is asked of opportunities that have a path, or its beginning, in common. -#}
    count(*) as opportunities,
    cast(coalesce(sum(pipeline_amount), 0) as decimal(38, 9)) as pipeline_amount,
    avg(case when path_length > 0 then path_length end) as average_path_length,
    percentile_cont(0.5) within group (order by case when path_length > 0 then path_length end) as median_path_length,
    percentile_cont(0.5) within group (order by days_to_opportunity) as median_days_to_opportunity
{%- endmacro %}

{% macro rank_by_opportunities(names, is_ranked=none) -%}
    {#-
        1 for the most opportunities, ties by the names. Where there is a condition, rows for which it does not hold have
        no rank, and take no place from others.
    -#}
    {%- set order %}order by opportunities desc, {{ names | join(' asc, ') }} asc{% endset -%}
    {%- if is_ranked -%}
        case
            when {{ is_ranked }}
                then cast(row_number() over (partition by {{ is_ranked }} {{ order }}) as integer)
        end
    {%- else -%}
        cast(row_number() over ({{ order }}) as integer)
    {%- endif -%}
{%- endmacro %}
