{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- The warehouse's schemas have exactly the names that people query; only a developer's own target prefixes them. -#}
    {%- set name = custom_schema_name | trim if custom_schema_name else target.schema -%}
    {{- name if target.name == 'prod' or not custom_schema_name else target.schema ~ '_' ~ name -}}
{%- endmacro %}
