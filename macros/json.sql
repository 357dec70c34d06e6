{#- What DuckDB does with JSON, in one place: another engine needs other macros here and no other models. -#}

{% macro json_record(document, fields) -%}
    {#-
        A JSON object as a record of the named fields, read in one pass: a field read alone costs a pass of its own. A
        field that is missing, or not of its type, is null.
    -#}
    json_transform({{ document }}, {{ dbt.string_literal(tojson(fields)) }})
{%- endmacro %}

{% macro json_array_length(items) -%}
    {#- How many elements a JSON array has; null if there is none. -#}
    case when json_type({{ items }}) = 'ARRAY' then json_array_length({{ items }}) end
{%- endmacro %}

{% macro json_records(items, fields) -%}
    {#- A JSON array of objects as one row of the select list per element, each a record of the named fields. -#}
    unnest(json_transform({{ items }}, {{ dbt.string_literal(tojson([fields])) }}))
{%- endmacro %}

{% macro json_field(record, field) -%}
    {#- A field of a record that is one row's element of an array. -#}
    struct_extract({{ record }}, '{{ field }}')
{%- endmacro %}
