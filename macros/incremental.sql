{#- Incremental models that always equal their full refresh: what is new is read, what is gone is deleted. -#}

{% macro rows_not_in_this(relation, columns) -%}
    {#-
        The relation's rows that an incremental model lacks, by the columns that identify their content; all of them in
        a full refresh. Joined back by the first column, the key, only new rows have their documents parsed.
    -#}
    select source_rows.*
    from {{ relation }} as source_rows
    {%- if is_incremental() %}
    inner join (
        select {{ columns | join(', ') }} from {{ relation }}
        except
        select {{ columns | join(', ') }} from {{ this }}
    ) as new_keys on source_rows.{{ columns[0] }} = new_keys.{{ columns[0] }}
    {%- endif %}
{%- endmacro %}

{% macro delete_rows_gone_from(relation, key) -%}
    {#- As a post-hook: deletes the rows whose key the relation no longer has. -#}
    delete from {{ this }}
    where not exists (
        select 1 from {{ relation }} as remaining where remaining.{{ key }} = {{ this.identifier }}.{{ key }}
    )
{%- endmacro %}
