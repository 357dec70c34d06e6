select
    cast('{{ var("reporting_currency") }}' as varchar) as reporting_currency,
    cast('{{ var("reporting_timezone") }}' as varchar) as reporting_timezone,
    cast({{ var('attribution_window_days') }} as integer) as attribution_window_days,
    {{ as_of() }} as as_of
