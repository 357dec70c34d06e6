{#- Incremental models that always equal their full refresh: what is new is read, what is gone is deleted. -#}

{% macro keys_not_in_this(relation, columns) -%}
    {#- The rows' keys that this model lacks. Joined back by them, only new rows have their documents parsed. -#}
    select {{ columns | join(', ') }} from {{ relation }}
    except
    select {{ columns | join(', ') }} from {{ this }}
{%- endmacro %}

{% macro delete_rows_gone_from(relation, key) -%}
    {#- As a post-hook: deletes the rows whose key the relation no longer has. -#}
    delete from {{ this }}
    where not exists (
        select 1 from {{ relation }} as remaining where remaining.{{ key }} = {{ this.identifier }}.{{ key }}
    )
{%- endmacro %}
