{% macro create_missing_raw_tables() -%}
    {#-
        SQL that makes the raw tables, and columns of them, that no load has made yet, empty, as the sources declare
        them: so that any subset of the sources is a complete set-up.
    -#}
    {%- if execute and flags.WHICH in ('build', 'run', 'test', 'seed', 'snapshot', 'retry') -%}
        {%- set present = run_query(
            "select table_schema || '.' || table_name, column_name from information_schema.columns"
            ~ " where table_catalog = current_database() and table_schema like 'raw_%'"
        ) -%}
        {%- set columns_of = {} -%}
        {%- for row in present.rows -%}
            {%- do columns_of.setdefault(row[0], []).append(row[1]) -%}
        {%- endfor -%}
        {%- for source in graph.sources.values() -%}
            {%- set name = source.schema ~ '.' ~ source.identifier -%}
            {%- if name not in columns_of %}
                create schema if not exists {{ source.schema }};
                create table {{ name }} (
                    {%- for column in source.columns.values() %}
                    {{ column.name }} {{ column.data_type }}{{ ',' if not loop.last }}
                    {%- endfor %}
                );
            {%- else -%}
                {%- for column in source.columns.values() if column.name not in columns_of[name] %}
                alter table {{ name }} add column {{ column.name }} {{ column.data_type }};
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
