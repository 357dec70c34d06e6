-- Read from the sources' YAML, where `dbt source freshness` reads them too, so that no limit is written down twice.
{% set hours_in = {'minute': 1 / 60, 'hour': 1, 'day': 24} %}
with limits as (
    {% for source in (graph.sources.values() if execute else []) -%}
        {%- set load_limit = (source.freshness or {}).get('warn_after') or {} -%}
        {%- set max_load_age_hours = load_limit.count * hours_in[load_limit.period] if load_limit.count else none -%}
        {%- set max_record_age_hours = source.config.meta.get('max_record_age_hours') -%}
        {%- if max_load_age_hours or max_record_age_hours -%}
            select
                '{{ source.source_name }}' as source,
                '{{ source.name }}' as entity,
                cast({{ max_load_age_hours or 'null' }} as double) as max_load_age_hours,
                cast({{ max_record_age_hours or 'null' }} as double) as max_record_age_hours
            union all
        {% endif -%}
    {% endfor -%}
    select
        cast(null as varchar) as source,
        cast(null as varchar) as entity,
        cast(null as double) as max_load_age_hours,
        cast(null as double) as max_record_age_hours
    where false
)

select * from limits
