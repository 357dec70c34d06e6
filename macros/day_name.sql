{% macro day_name(iso_day_of_week) -%}
    {#- The name of an ISO day of the week; null where it is null. -#}
    case {{ iso_day_of_week }}
        when 1 then 'Monday'
        when 2 then 'Tuesday'
        when 3 then 'Wednesday'
        when 4 then 'Thursday'
        when 5 then 'Friday'
        when 6 then 'Saturday'
        when 7 then 'Sunday'
    end
{%- endmacro %}
