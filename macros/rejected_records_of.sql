{% macro rejected_records_of(source_name) -%}
    {#- What could not be loaded of a source, whose table of that is like every other source's. -#}
    select
        entity,
        source_file,
        source_line,
        source_key,
        record_text,
        reason,
        _loaded_at
    from {{ source(source_name, 'rejected_records') }}
{%- endmacro %}
