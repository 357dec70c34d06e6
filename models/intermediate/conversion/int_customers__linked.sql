{{ config(materialized='table') }}

with users as (
    select customer_id from {{ ref('int_users__resolved') }}
),

transactions as (
    select * from {{ ref('int_transactions__resolved') }}
    where paying_customer_id != {{ unknown_member() }}
),

identifiers as (
    select * from {{ ref('int_people__resolved') }}
    where identifier_kind = 'customer'
),

people_accounts as (
    select * from {{ ref('int_people_accounts__resolved') }}
),

leads as (
    select * from {{ ref('int_leads__resolved') }}
),

booking_opportunities as (
    select * from {{ ref('int_booking_opportunities__linked') }}
    where opportunity_id is not null
),

-- Who pays is a customer, whether or not a file of users says so.
customers as (
    select customer_id from users
    union
    select paying_customer_id as customer_id from transactions
),

first_payments as (
    select
        paying_customer_id as customer_id,
        min(transaction_at) as first_paid_at,
        min(transaction_date) as first_paid_date
    from transactions
    where amount > 0
    group by paying_customer_id
),

customers_of_people as (
    select
        customers.customer_id,
        identifiers.person_id,
        people_accounts.account_id,
        first_payments.first_paid_at,
        first_payments.first_paid_date
    from customers
    left join identifiers on customers.customer_id = identifiers.identifier_value
    left join people_accounts on identifiers.person_id = people_accounts.person_id
    left join first_payments on customers.customer_id = first_payments.customer_id
),

opportunities_before_payments as (
    select
        customers_of_people.customer_id,
        booking_opportunities.person_id,
        row_number() over (
            partition by customers_of_people.customer_id
            order by booking_opportunities.opportunity_created_at desc, booking_opportunities.opportunity_id desc
        ) as newest_first
    from customers_of_people
    inner join booking_opportunities
        on
            customers_of_people.account_id = booking_opportunities.account_id
            and customers_of_people.first_paid_at >= booking_opportunities.opportunity_created_at
),

ranked_leads as (
    select
        account_id,
        person_id,
        first_seen_at,
        row_number() over (
            partition by account_id
            order by first_seen_at, person_id
        ) as earliest_first
    from leads
    where account_id is not null
),

customers_with_leads as (
    select
        customers_of_people.customer_id,
        customers_of_people.person_id,
        customers_of_people.account_id,
        customers_of_people.first_paid_at,
        customers_of_people.first_paid_date,
        coalesce(opportunities_before_payments.person_id, first_leads.person_id, own_leads.person_id)
            as lead_person_id,
        case
            when opportunities_before_payments.person_id is not null then 'opportunity'
            when first_leads.person_id is not null then 'account'
            when own_leads.person_id is not null then 'person'
        end as lead_link
    from customers_of_people
    left join opportunities_before_payments
        on
            customers_of_people.customer_id = opportunities_before_payments.customer_id
            and opportunities_before_payments.newest_first = 1
    left join ranked_leads as first_leads
        on
            customers_of_people.account_id = first_leads.account_id
            and customers_of_people.first_paid_at >= first_leads.first_seen_at
            and first_leads.earliest_first = 1
    left join leads as own_leads
        on
            customers_of_people.person_id = own_leads.person_id
            and customers_of_people.first_paid_at >= own_leads.first_seen_at
)

select * from customers_with_leads
