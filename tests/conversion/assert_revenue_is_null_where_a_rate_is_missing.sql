-- What is left of a sum would look like all of it.
{% for mart in ['lead_funnel', 'lead_funnel_by_channel'] -%}
    select
        '{{ mart }}' as mart,
        basis,
        month_start_date,
        channel,
        revenue,
        converted_revenue
    from {{ ref(mart) }}
    where revenue is distinct from case when not has_unconverted_revenue then converted_revenue end
    {{ 'union all' if not loop.last }}
{% endfor %}
