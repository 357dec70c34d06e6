with daily_funnel as (
    select * from {{ ref('int_lead_funnel__daily') }}
),

lead_steps as (
    select * from {{ ref('int_lead_steps__measured') }}
),

days_of_slices as (
    {{ funnel_slices('daily_funnel', 'month_start_date') }}
),

-- What stands for all channels is what the sources have, linked or not.
named_days as (
    select
        *,
        is_all_channels or is_linked as is_slice_linked,
        case when basis = 'activity' or leads > 0 then month_start_date end as counted_month_start_date
    from days_of_slices
),

slices as (
    select
        basis,
        period_kind,
        slice_month_start_date as month_start_date,
        slice_channel as channel,
        is_all_channels,
        is_slice_linked as is_linked,
        {{ dbt.bool_or('is_mature') }} and not {{ dbt.bool_or('not is_mature') }} as is_mature,
        min(counted_month_start_date) as first_counted_month_start_date,
        max(counted_month_start_date) as last_counted_month_start_date,
        {{ summed_funnel() }}
    from named_days
    group by basis, period_kind, slice_month_start_date, slice_channel, is_all_channels, is_slice_linked
),

steps_of_slices as (
    {{ funnel_slices('lead_steps', 'first_seen_month_start_date') }}
),

medians as (
    select
        period_kind,
        slice_month_start_date as month_start_date,
        slice_channel as channel,
        is_all_channels,
        {{ median_days() }}
    from steps_of_slices
    group by period_kind, slice_month_start_date, slice_channel, is_all_channels
),

-- One order for all periods and bases, so that a channel keeps its place wherever it is shown.
channels_of_all_time as (
    select
        channel,
        is_all_channels,
        is_linked,
        max(leads) as leads,
        max(bookings) as bookings
    from slices
    where period_kind = 'all_time'
    group by channel, is_all_channels, is_linked
),

channel_order as (
    select
        channel,
        is_all_channels,
        is_linked,
        row_number() over (
            order by
                is_all_channels desc, is_linked desc, {{ is_mapped('channel') }} desc,
                leads desc, bookings desc, channel asc
        ) as sort_order
    from channels_of_all_time
),

measured_slices as (
    select
        slices.basis,
        slices.period_kind,
        slices.month_start_date,
        case
            when slices.period_kind = 'month' then slices.month_start_date
            else slices.first_counted_month_start_date
        end as first_month_start_date,
        case
            when slices.period_kind = 'month' then slices.month_start_date
            else slices.last_counted_month_start_date
        end as last_month_start_date,
        slices.channel,
        case
            when slices.is_all_channels then slices.channel
            else {{ channel_label('slices.channel') }}
        end as channel_label,
        slices.is_all_channels,
        slices.is_linked,
        slices.is_mature,
        {%- for count in funnel_counts() %}
            slices.{{ count }},
        {%- endfor %}
        slices.pipeline_amount,
        slices.revenue,
        slices.converted_revenue,
        slices.has_unconverted_revenue,
        {{ funnel_rates() }},
        {%- for step in funnel_steps() %}
            medians.median_days_to_{{ step }},
        {%- endfor %}
        slices.spend,
        slices.is_rate_missing,
        {{ unit_costs() }},
        cast(channel_order.sort_order as integer) as sort_order
    from slices
    left join medians
        on
            slices.period_kind = medians.period_kind
            and slices.month_start_date is not distinct from medians.month_start_date
            and slices.channel = medians.channel
            and slices.is_all_channels = medians.is_all_channels
            and slices.basis = 'cohort'
            and slices.is_linked
    left join channel_order
        on
            slices.channel = channel_order.channel
            and slices.is_all_channels = channel_order.is_all_channels
            and slices.is_linked = channel_order.is_linked
),

-- Neither all channels together nor what no channel is known of takes a place from a channel.
ranked_slices as (
    select
        *,
        case
            when is_linked and not is_all_channels
                then cast(row_number() over (
                    partition by basis, period_kind, month_start_date, is_linked and not is_all_channels
                    order by leads desc, channel asc
                ) as integer)
        end as rank_by_leads,
        case
            when is_linked and not is_all_channels and customer_acquisition_cost is not null
                then cast(row_number() over (
                    partition by basis, period_kind, month_start_date, is_linked and not is_all_channels
                    order by customer_acquisition_cost asc nulls last, channel asc
                ) as integer)
        end as rank_by_customer_acquisition_cost
    from measured_slices
)

select * from ranked_slices
