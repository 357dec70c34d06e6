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

-- In one line by instant, so that an account with many of both is no table of all their pairs. A booking stands before
-- what happens at the same instant.
bookings_and_opportunities as (
    select
        booking_id,
        account_id,
        booked_at as happened_at,
        cast(null as varchar) as opportunity_id
    from bookings_of_people
    where account_id is not null and booked_at is not null
    union all
    select
        cast(null as varchar) as booking_id,
        account_id,
        opportunity_created_at as happened_at,
        opportunity_id
    from opportunities
    where account_id is not null and opportunity_created_at is not null
),

next_opportunities as (
    select
        booking_id,
        first_value(opportunity_id ignore nulls) over (
            partition by account_id
            order by happened_at asc, opportunity_id asc nulls first
            rows between current row and unbounded following
        ) as opportunity_id
    from bookings_and_opportunities
),

opportunities_after_bookings as (
    select
        bookings_of_people.booking_id,
        bookings_of_people.status,
        bookings_of_people.booked_at,
        opportunities.opportunity_id,
        opportunities.pipeline_amount,
        opportunities.opportunity_created_at
    from next_opportunities
    inner join bookings_of_people on next_opportunities.booking_id = bookings_of_people.booking_id
    inner join opportunities on next_opportunities.opportunity_id = opportunities.opportunity_id
    where
        opportunities.opportunity_created_at <= {{ last_day_for_an_opportunity('bookings_of_people.booked_at') }}
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
