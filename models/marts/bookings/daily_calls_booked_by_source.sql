with bookings as (
    select * from {{ ref('bookings_fact') }}
    where booked_date is not null
),

daily_calls_booked_by_source as (
    select
        booked_date,
        channel,
        channel_label,
        count(*) as bookings
    from bookings
    group by booked_date, channel, channel_label
)

select * from daily_calls_booked_by_source
