{{ config(materialized='table') }}

with identifiers as (
    select * from {{ ref('int_people__resolved') }}
),

people_accounts as (
    select * from {{ ref('int_people_accounts__resolved') }}
),

touchpoints as (
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
),

contacts as (
    select
        person_id,
        identifier_value as contact_id
    from identifiers
    where identifier_kind = 'contact'
),

-- Whom only a session is known of is nobody who could be met again.
known_people as (
    select distinct person_id
    from identifiers
    where identifier_kind != 'session'
),

sights as (
    select
        contacts.person_id,
        'crm' as first_source,
        1 as precedence,
        touchpoints.touchpoint_id as sight_id,
        touchpoints.touchpoint_type as sight_kind,
        touchpoints.channel_name as channel,
        cast(null as varchar) as campaign,
        touchpoints.touchpoint_at as seen_at
    from touchpoints
    inner join contacts on touchpoints.contact_id = contacts.contact_id
    union all
    select
        booking_people.person_id,
        'calendly' as first_source,
        2 as precedence,
        bookings.booking_id as sight_id,
        'booking' as sight_kind,
        bookings.channel,
        bookings.campaign,
        bookings.booked_at as seen_at
    from bookings
    inner join booking_people on bookings.booking_id = booking_people.booking_id
    union all
    select
        person_id,
        'webinars' as first_source,
        3 as precedence,
        webinar_id as sight_id,
        'webinar' as sight_kind,
        channel,
        cast(null as varchar) as campaign,
        coalesce(first_seen_at, came_at) as seen_at
    from webinar_people
),

ranked_sights as (
    select
        sights.*,
        row_number() over (
            partition by sights.person_id
            order by sights.seen_at, sights.precedence, sights.sight_id, sights.sight_kind
        ) as sight_rank
    from sights
    inner join known_people on sights.person_id = known_people.person_id
    where sights.seen_at is not null
),

leads as (
    select
        ranked_sights.person_id,
        people_accounts.account_id,
        ranked_sights.seen_at as first_seen_at,
        {{ reporting_date('ranked_sights.seen_at') }} as first_seen_date,
        ranked_sights.channel,
        ranked_sights.campaign,
        ranked_sights.first_source
    from ranked_sights
    left join people_accounts on ranked_sights.person_id = people_accounts.person_id
    where ranked_sights.sight_rank = 1
),

leads_of_months as (
    select
        *,
        {{ month_start_date('first_seen_date') }} as first_seen_month_start_date
    from leads
)

select * from leads_of_months
