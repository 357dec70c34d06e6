with channel_slots as (
    select * from {{ ref('booking_volume_by_time_slot') }}
),

week_hours as (
    {{ dbt.generate_series(168) }}
),

bases as (
    select distinct basis from channel_slots
),

hours_of_the_week as (
    select
        cast(floor((generated_number - 1) / 24.0) + 1 as integer) as iso_day_of_week,
        cast(mod(generated_number - 1, 24) as integer) as hour_of_day
    from week_hours
),

-- An hour that nobody wants is 0 there, so that a map of the week has no holes.
bookings_by_hour_of_the_week as (
    select
        bases.basis,
        hours_of_the_week.iso_day_of_week,
        hours_of_the_week.hour_of_day,
        coalesce(sum(channel_slots.bookings), 0) as bookings
    from bases
    cross join hours_of_the_week
    left join channel_slots
        on
            bases.basis = channel_slots.basis
            and hours_of_the_week.iso_day_of_week = channel_slots.iso_day_of_week
            and hours_of_the_week.hour_of_day = channel_slots.hour_of_day
    group by bases.basis, hours_of_the_week.iso_day_of_week, hours_of_the_week.hour_of_day
),

slots as (
    select
        basis,
        'hour_of_week' as slot_kind,
        iso_day_of_week,
        hour_of_day,
        bookings
    from bookings_by_hour_of_the_week
    union all
    select
        basis,
        'day_of_week' as slot_kind,
        iso_day_of_week,
        cast(null as integer) as hour_of_day,
        sum(bookings) as bookings
    from bookings_by_hour_of_the_week
    group by basis, iso_day_of_week
    union all
    select
        basis,
        'hour_of_day' as slot_kind,
        cast(null as integer) as iso_day_of_week,
        hour_of_day,
        sum(bookings) as bookings
    from bookings_by_hour_of_the_week
    group by basis, hour_of_day
),

booking_time_slots as (
    select
        basis,
        slot_kind,
        iso_day_of_week,
        {{ day_name('iso_day_of_week') }} as day_name,
        hour_of_day,
        cast(bookings as bigint) as bookings,
        {{ rate('bookings', 'sum(bookings) over (partition by basis, slot_kind)') }} as share_of_bookings,
        cast(row_number() over (
            partition by basis, slot_kind
            order by bookings desc, iso_day_of_week asc, hour_of_day asc
        ) as integer) as rank_by_bookings
    from slots
)

select * from booking_time_slots
