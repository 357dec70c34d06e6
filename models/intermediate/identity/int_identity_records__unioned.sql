{{ config(materialized='table') }}

with contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

users as (
    select * from {{ ref('int_users__resolved') }}
),

transactions as (
    select * from {{ ref('stg_stream__transactions') }}
),

invitees as (
    select * from {{ ref('int_invitees__resolved') }}
),

registrations as (
    select * from {{ ref('int_webinar_registrations__unioned') }}
),

sessions as (
    select * from {{ ref('int_webinar_sessions__unioned') }}
    where not is_staff
),

touchpoints as (
    select
        contact_id,
        touchpoint_at
    from {{ ref('stg_crm__marketing_touchpoints') }}
    union all
    select
        contact_id,
        touchpoint_at
    from {{ ref('stg_crm__sales_touchpoints') }}
),

first_touches as (
    select
        contact_id,
        min(touchpoint_at) as first_seen_at
    from touchpoints
    group by contact_id
),

paid_transactions as (
    select
        transaction_at,
        {{ known_id('customer_id') }} as customer_id
    from transactions
),

first_transactions as (
    select
        customer_id,
        min(transaction_at) as first_seen_at
    from paid_transactions
    where customer_id is not null
    group by customer_id
),

-- Who signed up by Calendly is an invitee already.
webinar_records as (
    select
        person_key,
        registered_at as seen_at
    from registrations
    where registration_source != 'calendly'
    union all
    select
        person_key,
        joined_at as seen_at
    from sessions
),

webinar_people as (
    select
        person_key,
        min(seen_at) as first_seen_at
    from webinar_records
    group by person_key
),

-- Who gives no address here may have given one elsewhere, as the same registrant.
registrant_addresses as (
    select
        platform,
        registrant_id,
        email
    from sessions
    union all
    select
        'zoom' as platform,
        registrant_id,
        email
    from {{ ref('stg_zoom__registrants') }}
    union all
    select
        'bigmarker' as platform,
        registrant_id,
        email
    from {{ ref('stg_bigmarker__registrations') }}
),

addresses_of_registrants as (
    select
        'registrant:' || platform || ':' || registrant_id as person_key,
        min(email) as email
    from registrant_addresses
    where registrant_id is not null and email is not null
    group by platform, registrant_id
    having count(distinct email) = 1
),

records as (
    select
        'contact' as identifier_kind,
        contacts.contact_id as identifier_value,
        'crm' as source,
        {{ email_address('contacts.email') }} as email,
        first_touches.first_seen_at
    from contacts
    left join first_touches on contacts.contact_id = first_touches.contact_id
    union all
    -- Who is in no file of users is a customer all the same.
    select
        'customer' as identifier_kind,
        coalesce(users.customer_id, first_transactions.customer_id) as identifier_value,
        'stream' as source,
        {{ email_address('users.customer_email') }} as email,
        first_transactions.first_seen_at
    from users
    full outer join first_transactions on users.customer_id = first_transactions.customer_id
    union all
    select
        'invitee' as identifier_kind,
        invitee_uri as identifier_value,
        'calendly' as source,
        {{ email_address('invitee_email') }} as email,
        created_at as first_seen_at
    from invitees
    union all
    select
        {{ kind_of_key('webinar_people.person_key') }} as identifier_kind,
        {{ value_of_key('webinar_people.person_key') }} as identifier_value,
        'webinars' as source,
        coalesce(
            addresses_of_registrants.email,
            case
                when webinar_people.person_key like 'email:%' then {{ value_of_key('webinar_people.person_key') }}
            end
        ) as email,
        webinar_people.first_seen_at
    from webinar_people
    left join addresses_of_registrants on webinar_people.person_key = addresses_of_registrants.person_key
)

select * from records
