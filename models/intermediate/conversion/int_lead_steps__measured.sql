{{ config(materialized='table') }}

with leads as (
    select * from {{ ref('int_leads__resolved') }}
),

booking_opportunities as (
    select * from {{ ref('int_booking_opportunities__linked') }}
),

customers as (
    select * from {{ ref('int_customers__linked') }}
),

bookings_of_leads as (
    select
        person_id,
        min(booked_at) as first_booked_at,
        min(case when status = 'held' then meeting_start_at end) as first_held_at,
        min(opportunity_created_at) as first_opportunity_at,
        {{ dbt.bool_or("status = 'held'") }} as is_held,
        {{ dbt.bool_or('opportunity_id is not null') }} as has_opportunity
    from booking_opportunities
    group by person_id
),

payments_of_leads as (
    select
        lead_person_id as person_id,
        min(first_paid_at) as first_paid_at
    from customers
    where lead_person_id is not null and first_paid_at is not null
    group by lead_person_id
),

lead_steps as (
    select
        leads.person_id,
        leads.first_seen_at,
        leads.first_seen_date,
        leads.first_seen_month_start_date,
        leads.channel,
        {{ campaign_label('leads.campaign') }} as campaign,
        bookings_of_leads.first_booked_at,
        bookings_of_leads.first_held_at,
        bookings_of_leads.first_opportunity_at,
        payments_of_leads.first_paid_at,
        bookings_of_leads.person_id is not null as is_booked,
        coalesce(bookings_of_leads.is_held, false) as is_held,
        coalesce(bookings_of_leads.has_opportunity, false) as has_opportunity,
        payments_of_leads.person_id is not null as is_paying
    from leads
    left join bookings_of_leads on leads.person_id = bookings_of_leads.person_id
    left join payments_of_leads on leads.person_id = payments_of_leads.person_id
),

measured_steps as (
    select
        *,
        {{ is_mature_cohort('first_seen_month_start_date', reporting_date(as_of())) }} as is_mature,
        {{ days_of_step('first_seen_at', 'first_booked_at') }} as days_to_booking,
        {{ days_of_step('first_booked_at', 'first_held_at') }} as days_to_held,
        {{ days_of_step('first_held_at', 'first_opportunity_at') }} as days_to_opportunity,
        {{ days_of_step('first_opportunity_at', 'first_paid_at') }} as days_to_payment
    from lead_steps
)

select * from measured_steps
