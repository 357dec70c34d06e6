-- What has no date is in no month, only in all time.
select
    basis,
    period_kind,
    month_start_date,
    channel_label,
    is_all_channels,
    is_linked,
    is_mature,
    leads,
    booked_leads,
    held_leads,
    opportunity_leads,
    paying_leads,
    booked_rate,
    held_rate,
    opportunity_rate,
    paying_rate,
    median_days_to_booking,
    median_days_to_held,
    median_days_to_opportunity,
    median_days_to_payment,
    bookings,
    held,
    opportunities,
    customers,
    leads_with_spend,
    bookings_with_spend,
    held_with_spend,
    opportunities_with_spend,
    customers_with_spend,
    pipeline_amount::double as pipeline_amount,
    revenue::double as revenue,
    spend::double as spend,
    cost_per_lead::double as cost_per_lead,
    cost_per_booking::double as cost_per_booking,
    cost_per_held_meeting::double as cost_per_held_meeting,
    cost_per_opportunity::double as cost_per_opportunity,
    customer_acquisition_cost::double as customer_acquisition_cost,
    sort_order,
    rank_by_customer_acquisition_cost,
    case
        when period_kind != 'month' then period_kind
        else strftime(month_start_date, '%Y-%m')
    end as period_key,
    case
        when period_kind = 'mature' then 'Mature months'
        when period_kind = 'all_time' then 'All time'
        else strftime(month_start_date, '%B %Y')
    end as period_label,
    strftime(first_month_start_date, '%B %Y') as first_month_label,
    strftime(last_month_start_date, '%B %Y') as last_month_label,
from marts.lead_funnel_by_channel
where period_kind != 'month' or month_start_date is not null
