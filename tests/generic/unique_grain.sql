{% test unique_grain(model, columns, nullable=[]) %}
    {#- The columns identify a row: no combination stands twice, and none is null but those named in `nullable`. -#}
    select {{ columns | join(', ') }}
    from {{ model }}
    group by {{ columns | join(', ') }}
    having
        count(*) > 1
        {% for column in columns if column not in nullable %} or {{ column }} is null {% endfor %}
{% endtest %}
