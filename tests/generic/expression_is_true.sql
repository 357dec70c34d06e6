{% test expression_is_true(model, expression) %}
    {#- The expression holds in every row; null does not count as holding. -#}
    select *
    from {{ model }}
    where ({{ expression }}) is not true
{% endtest %}
