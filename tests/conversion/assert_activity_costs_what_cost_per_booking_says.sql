-- By month and channel the funnel's basis activity and the mart of costs are one and the same.
{% set figures = [
    'spend', 'is_rate_missing', 'bookings', 'bookings_with_spend', 'cost_per_booking', 'held', 'held_with_spend',
    'cost_per_held_meeting',
] %}
with funnel as (
    select *
    from {{ ref('lead_funnel_by_channel') }}
    where
        basis = 'activity'
        and period_kind = 'month'
        and not is_all_channels
        and month_start_date is not null
        -- Other things happen in months without a booking or spend.
        and (bookings > 0 or spend is not null or is_rate_missing)
)

select
    funnel.month_start_date,
    funnel.channel,
    funnel.cost_per_booking,
    booking_costs.month_start_date as costs_month_start_date,
    booking_costs.channel as costs_channel,
    booking_costs.cost_per_booking as costs_cost_per_booking
from funnel
full outer join {{ ref('cost_per_booking') }} as booking_costs
    on
        funnel.month_start_date = booking_costs.month_start_date
        and funnel.channel = booking_costs.channel
        and funnel.is_linked
where
    funnel.channel is null
    or booking_costs.channel is null
    {%- for figure in figures %}
        or funnel.{{ figure }} is distinct from booking_costs.{{ figure }}
    {%- endfor %}
