{% test none_affected(model, check_name) %}
    {#- A data health check found nothing; counts the affected records, so that the warning says how many. -#}
    {{ config(severity='warn', fail_calc='coalesce(sum(affected_records), 0)') }}
    select affected_records
    from {{ model }}
    where check_name = '{{ check_name }}' and affected_records > 0
{% endtest %}
