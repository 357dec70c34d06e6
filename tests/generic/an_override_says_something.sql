{% test an_override_says_something(model) %}
    {#- Each row of identity_overrides has kinds, identifiers and an action that mean something together. -#}
    {%- set columns = ['left_kind', 'right_kind', 'action'] %}
    with named as (
        select
            {%- for column in columns %}
            nullif(lower(trim({{ column }})), '') as {{ 'override_' if column == 'action' }}{{ column }},
            {%- endfor %}
            nullif(trim(left_id), '') as left_id,
            nullif(trim(right_id), '') as right_id
        from {{ model }}
    ),

    written as (
        select
            left_kind,
            right_kind,
            override_action,
            {{ written_identifier('left_kind', 'left_id') }} as left_id,
            {{ written_identifier('right_kind', 'right_id') }} as right_id
        from named
    )

    select *
    from written
    where not {{ is_override_understood() }}
{% endtest %}
