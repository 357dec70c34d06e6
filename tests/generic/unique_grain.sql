{% test unique_grain(model, columns) %}
    {#- The columns identify a row: none is null, no combination stands twice. -#}
    select {{ columns | join(', ') }}
    from {{ model }}
    group by {{ columns | join(', ') }}
    having
        count(*) > 1
        {% for column in columns %} or {{ column }} is null {% endfor %}
{% endtest %}
