{% test an_override_says_something(model) %}
    {#- Each row of identity_overrides has kinds, identifiers and an action that mean something together. -#}
    {%- set columns = ['left_kind', 'left_id', 'right_kind', 'right_id'] %}
    with written as (
        select
            {%- for column in columns %}
            nullif(lower(trim({{ column }})), '') as {{ column }},
            {%- endfor %}
            nullif(lower(trim(action)), '') as override_action
        from {{ model }}
    )

    select *
    from written
    where not {{ is_override_understood() }}
{% endtest %}
