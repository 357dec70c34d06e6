with crm_touchpoints as (
    select * from {{ ref('int_crm_touchpoints__unioned') }}
),

bookings as (
    select * from {{ ref('int_bookings__resolved') }}
),

booking_people as (
    select * from {{ ref('int_booking_people__resolved') }}
),

webinar_people as (
    select * from {{ ref('int_webinar_people__resolved') }}
    where is_registered or is_attended
),

webinar_instances as (
    select * from {{ ref('int_webinar_instances__resolved') }}
),

opportunities as (
    select * from {{ ref('int_opportunities__labelled') }}
),

transactions as (
    select * from {{ ref('int_transactions__resolved') }}
),

people as (
    select * from {{ ref('int_people__resolved') }}
),

contact_people as (
    select
        identifier_value as contact_id,
        person_id
    from people
    where identifier_kind = 'contact'
),

customer_people as (
    select
        identifier_value as customer_id,
        person_id
    from people
    where identifier_kind = 'customer'
),

people_accounts as (
    select * from {{ ref('int_people_accounts__resolved') }}
),

-- Of the CRM's own: a booking or a webinar is an event whether or not it counts as a touch.
touches as (
    select
        crm_touchpoints.account_id,
        'touch' as event_kind,
        crm_touchpoints.touchpoint_at as event_at,
        crm_touchpoints.channel_name as channel,
        contact_people.person_id,
        cast(null as decimal(38, 9)) as amount,
        -- Marketing and sales number theirs apart.
        crm_touchpoints.touchpoint_type || ':' || crm_touchpoints.touchpoint_id as event_id,
        case crm_touchpoints.touchpoint_type when 'sales' then 'Sales touch' else 'Marketing touch' end as event_label
    from crm_touchpoints
    left join contact_people on crm_touchpoints.contact_id = contact_people.contact_id
),

account_bookings as (
    select
        booking_people.account_id,
        'booking' as event_kind,
        bookings.booking_id as event_id,
        bookings.booked_at as event_at,
        bookings.channel,
        booking_people.person_id,
        cast(null as decimal(38, 9)) as amount,
        case bookings.status
            when 'held' then 'Booking, held'
            when 'no_show' then 'Booking, no-show'
            when 'canceled' then 'Booking, canceled'
            when 'scheduled' then 'Booking, scheduled'
        end as event_label
    from bookings
    inner join booking_people on bookings.booking_id = booking_people.booking_id
),

webinars as (
    select
        people_accounts.account_id,
        'webinar' as event_kind,
        webinar_people.channel,
        webinar_people.person_id,
        cast(null as decimal(38, 9)) as amount,
        webinar_people.webinar_id || ':' || webinar_people.person_id as event_id,
        -- A registrant's time may be in no source.
        coalesce(webinar_people.came_at, webinar_people.registered_at, webinar_instances.starts_at) as event_at,
        case
            when webinar_people.is_attended then 'Webinar, attended'
            when not webinar_people.is_attended then 'Webinar, missed'
            else 'Webinar, registered'
        end as event_label
    from webinar_people
    inner join webinar_instances on webinar_people.webinar_id = webinar_instances.webinar_id
    inner join people_accounts on webinar_people.person_id = people_accounts.person_id
),

account_opportunities as (
    select
        account_id,
        'opportunity' as event_kind,
        opportunity_id as event_id,
        opportunity_created_at as event_at,
        'Opportunity' as event_label,
        pipeline_amount as amount,
        cast(null as varchar) as channel,
        cast(null as varchar) as person_id
    from opportunities
),

payments as (
    select
        people_accounts.account_id,
        'payment' as event_kind,
        transactions.transaction_id as event_id,
        transactions.transaction_at as event_at,
        customer_people.person_id,
        transactions.amount_in_reporting_currency as amount,
        cast(null as varchar) as channel,
        case
            when transactions.is_refund then 'Refund'
            when transactions.is_zero then 'Charge of 0'
            else 'Payment'
        end as event_label
    from transactions
    inner join customer_people on transactions.paying_customer_id = customer_people.customer_id
    inner join people_accounts on customer_people.person_id = people_accounts.person_id
),

events as (
    {% for name in ['touches', 'account_bookings', 'webinars', 'account_opportunities', 'payments'] -%}
        select
            account_id,
            event_kind,
            event_id,
            event_at,
            channel,
            event_label,
            person_id,
            amount
        from {{ name }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- What has no instant stands nowhere in a journey; each source's checks count it.
account_events as (
    select * from events
    where account_id is not null and event_at is not null
)

select * from account_events
