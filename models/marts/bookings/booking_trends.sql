with daily_bookings as (
    select
        booked_date,
        sum(bookings) as bookings
    from {{ ref('daily_calls_booked_by_source') }}
    group by booked_date
),

first_and_last_date as (
    select
        min(booked_date) as first_date,
        greatest(max(booked_date), {{ reporting_date(as_of()) }}) as last_date
    from daily_bookings
    having count(*) > 0
),

dates as (
    select {{ dates_between('first_date', 'last_date', 'day') }} as booked_date
    from first_and_last_date
),

bookings_of_every_date as (
    select
        dates.booked_date,
        cast(coalesce(daily_bookings.bookings, 0) as bigint) as bookings
    from dates
    left join daily_bookings on dates.booked_date = daily_bookings.booked_date
),

booking_trends as (
    select
        booked_date,
        bookings,
        cast(sum(bookings) over (order by booked_date) as bigint) as bookings_cumulative,
        -- On the first six days over the days there are.
        avg(bookings) over (order by booked_date rows between 6 preceding and current row) as bookings_7d_avg
    from bookings_of_every_date
)

select * from booking_trends
