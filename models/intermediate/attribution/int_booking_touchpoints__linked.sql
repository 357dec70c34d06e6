with bookings as (
    select * from {{ ref('int_bookings__resolved') }}
),

booking_people as (
    select * from {{ ref('int_booking_people__resolved') }}
),

-- What was booked through nobody knows which channel could credit none.
mapped_bookings as (
    select * from bookings
    where {{ is_mapped('channel') }} and booked_at is not null
),

booking_touchpoints as (
    select
        mapped_bookings.booking_id,
        booking_people.contact_id,
        booking_people.account_id,
        mapped_bookings.booked_at as touchpoint_at,
        'booking:' || mapped_bookings.booking_id as touchpoint_id,
        {{ unreserved_channel('mapped_bookings.channel', 'Calendly') }} as channel_name
    from mapped_bookings
    left join booking_people on mapped_bookings.booking_id = booking_people.booking_id
)

select * from booking_touchpoints
