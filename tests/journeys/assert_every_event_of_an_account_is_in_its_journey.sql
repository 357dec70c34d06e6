-- Each source has as many events of a known account as the journeys, counted without them; and none twice.
with counted as (
    select
        event_kind,
        count(*) as events,
        count(distinct event_id) as distinct_events,
        sum(amount) as amount
    from {{ ref('account_journeys') }}
    group by event_kind
),

accounts_of_people as (
    select * from {{ ref('int_people_accounts__resolved') }}
    where account_id is not null
),

contacts_with_account as (
    select contact_id from {{ ref('stg_crm__contacts') }}
    where account_id is not null
),

touchpoints as (
    select contact_id from {{ ref('stg_crm__marketing_touchpoints') }}
    union all
    select contact_id from {{ ref('stg_crm__sales_touchpoints') }}
),

expected as (
    select
        'touch' as event_kind,
        count(*) as events,
        cast(null as decimal(38, 9)) as amount
    from touchpoints
    inner join contacts_with_account on touchpoints.contact_id = contacts_with_account.contact_id
    union all
    select
        'booking' as event_kind,
        count(*) as events,
        null as amount
    from {{ ref('bookings_fact') }} as bookings
    inner join {{ ref('int_booking_people__resolved') }} as booking_people
        on bookings.booking_id = booking_people.booking_id
    where booking_people.account_id is not null and bookings.booked_at is not null
    union all
    select
        'webinar' as event_kind,
        count(*) as events,
        null as amount
    from {{ ref('webinar_registrations_fact') }} as registrations
    inner join accounts_of_people on registrations.person_id = accounts_of_people.person_id
    inner join {{ ref('webinars_dim') }} as webinars on registrations.webinar_id = webinars.webinar_id
    where
        (registrations.is_registered or registrations.is_attended)
        and coalesce(
            case when registrations.is_attended then registrations.joined_at else registrations.registered_at end,
            webinars.starts_at
        ) is not null
    union all
    select
        'opportunity' as event_kind,
        count(*) as events,
        sum(pipeline_amount) as amount
    from {{ ref('stg_crm__opportunities') }}
    where account_id is not null
    union all
    select
        'payment' as event_kind,
        count(*) as events,
        sum(payments.amount_in_reporting_currency) as amount
    from {{ ref('transactions_fact') }} as payments
    inner join {{ ref('int_people__resolved') }} as people
        on payments.customer_id_as_written = people.identifier_value and people.identifier_kind = 'customer'
    inner join accounts_of_people on people.person_id = accounts_of_people.person_id
)

select
    expected.event_kind,
    expected.events,
    expected.amount,
    counted.events as events_in_journeys,
    counted.amount as amount_in_journeys
from expected
left join counted on expected.event_kind = counted.event_kind
where
    expected.events != coalesce(counted.events, 0)
    or expected.events != coalesce(counted.distinct_events, 0)
    or expected.amount is distinct from counted.amount
