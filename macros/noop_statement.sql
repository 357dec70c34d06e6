{% macro noop_statement(name=none, message=none, code=none, rows_affected=none, res=none) -%}
    {#-
        Replaces dbt's macro of this name, which only seeds call, in one respect: it does not write the SQL of a seed
        below target/. dbt joins that folder with the seed's path, and with an absolute path, as THROUGHLINE_SEEDS may
        be, that is the seed itself: the company's file would be overwritten.
    -#}
    {%- do caller() -%}
    {%- if name is not none -%}
        {%- do store_raw_result(name, message=message, code=code, rows_affected=rows_affected, agate_table=res) -%}
    {%- endif -%}
{%- endmacro %}
