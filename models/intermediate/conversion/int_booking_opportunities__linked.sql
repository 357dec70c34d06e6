{{ config(materialized='table') }}

with bookings as (
    select * from {{ ref('int_bookings__resolved') }}
),

booking_people as (
    select * from {{ ref('int_booking_people__resolved') }}
),

opportunities as (
    select * from {{ ref('int_opportunities__labelled') }}
),

bookings_of_people as (
    select
        bookings.booking_id,
        booking_people.person_id,
        booking_people.account_id,
        bookings.booked_at,
        bookings.status,
        bookings.channel,
        bookings.campaign,
        bookings.meeting_start_at,
        {{ reporting_date('bookings.booked_at') }} as booked_date
    from bookings
    left join booking_people on bookings.booking_id = booking_people.booking_id
),

opportunities_after_bookings as (
    select
        bookings_of_people.booking_id,
        bookings_of_people.status,
        bookings_of_people.booked_at,
        opportunities.opportunity_id,
        opportunities.pipeline_amount,
        opportunities.opportunity_created_at,
        row_number() over (
            partition by bookings_of_people.booking_id
            order by opportunities.opportunity_created_at, opportunities.opportunity_id
        ) as opportunity_rank
    from bookings_of_people
    inner join opportunities
        on
            bookings_of_people.account_id = opportunities.account_id
            and bookings_of_people.booked_at <= opportunities.opportunity_created_at
            and {{ last_day_for_an_opportunity('bookings_of_people.booked_at') }}
            >= opportunities.opportunity_created_at
),

-- A meeting that took place is a better reason for an opportunity than an earlier one that did not.
candidates as (
    select
        *,
        row_number() over (
            partition by opportunity_id
            order by case when status = 'held' then 0 else 1 end, booked_at, booking_id
        ) as booking_rank
    from opportunities_after_bookings
    where opportunity_rank = 1
),

booking_opportunities as (
    select
        bookings_of_people.booking_id,
        bookings_of_people.person_id,
        bookings_of_people.account_id,
        bookings_of_people.booked_at,
        bookings_of_people.booked_date,
        bookings_of_people.status,
        bookings_of_people.channel,
        bookings_of_people.campaign,
        bookings_of_people.meeting_start_at,
        given.opportunity_id,
        given.pipeline_amount,
        given.opportunity_created_at,
        case
            when given.opportunity_id is not null then null
            when bookings_of_people.account_id is null then 'no_account'
            when candidates.opportunity_id is null then 'no_opportunity'
            else 'given_to_another_booking'
        end as unlinked_reason
    from bookings_of_people
    left join candidates on bookings_of_people.booking_id = candidates.booking_id
    left join candidates as given
        on
            bookings_of_people.booking_id = given.booking_id
            and given.booking_rank = 1
)

select * from booking_opportunities
