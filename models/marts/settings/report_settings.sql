select
    cast('{{ var("reporting_currency") }}' as varchar) as reporting_currency,
    cast('{{ var("reporting_timezone") }}' as varchar) as reporting_timezone,
    cast({{ var('attribution_window_days') }} as integer) as attribution_window_days,
    cast({{ var('booking_to_opportunity_days') }} as integer) as booking_to_opportunity_days,
    cast({{ var('overload_share_of_mean') }} as double) as overload_share_of_mean,
    cast({{ var('idle_share_of_mean') }} as double) as idle_share_of_mean,
    {{ as_of() }} as as_of,
    {{ built_at() }} as built_at
