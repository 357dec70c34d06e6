with bookings as (
    select * from {{ ref('bookings_fact') }}
),

spend as (
    select * from {{ ref('marketing_spend_fact') }}
),

daily_bookings as (
    select
        booked_date as day_date,
        channel,
        {{ campaign_label('campaign') }} as campaign,
        count(*) as bookings,
        {{ counts_by_status() }}
    from bookings
    group by booked_date, channel, {{ campaign_label('campaign') }}
),

daily_spend as (
    select
        spend_date as day_date,
        channel,
        {{ campaign_label('campaign') }} as campaign,
        {{ sum_if_converted('spend_in_reporting_currency', 'is_rate_missing') }} as spend,
        {{ dbt.bool_or('is_rate_missing') }} as is_rate_missing
    from spend
    group by spend_date, channel, {{ campaign_label('campaign') }}
),

days_with_spend as (
    select distinct
        day_date,
        channel
    from daily_spend
),

-- Money may bring no booking, and bookings may cost nothing; a booking without a date meets no spend.
days as (
    select
        daily_spend.spend,
        coalesce(daily_bookings.day_date, daily_spend.day_date) as day_date,
        coalesce(daily_bookings.channel, daily_spend.channel) as channel,
        coalesce(daily_bookings.campaign, daily_spend.campaign) as campaign,
        coalesce(daily_bookings.bookings, 0) as bookings,
        coalesce(daily_bookings.held, 0) as held,
        coalesce(daily_bookings.no_show, 0) as no_show,
        coalesce(daily_bookings.canceled, 0) as canceled,
        coalesce(daily_bookings.scheduled, 0) as scheduled,
        coalesce(daily_spend.is_rate_missing, false) as is_rate_missing
    from daily_bookings
    full outer join daily_spend
        on
            daily_bookings.day_date = daily_spend.day_date
            and daily_bookings.channel = daily_spend.channel
            and daily_bookings.campaign = daily_spend.campaign
),

-- Whether a booking has spend to be compared with is asked of its channel: no file says what a campaign did not cost.
channel_costs as (
    select
        days.day_date,
        {{ month_start_date('days.day_date') }} as month_start_date,
        days.channel,
        {{ channel_label('days.channel') }} as channel_label,
        days.campaign,
        days.spend,
        days.is_rate_missing,
        days_with_spend.channel is not null as is_spend_known,
        days.bookings,
        case when days_with_spend.channel is not null then days.bookings else 0 end as bookings_with_spend,
        days.held,
        case when days_with_spend.channel is not null then days.held else 0 end as held_with_spend,
        days.no_show,
        days.canceled,
        days.scheduled
    from days
    left join days_with_spend
        on
            days.day_date = days_with_spend.day_date
            and days.channel = days_with_spend.channel
)

select * from channel_costs
