{{ config(materialized='table') }}

with links as (
    select * from {{ ref('int_booking_links__chained') }}
    where is_known
),

people as (
    select * from {{ ref('int_people__resolved') }}
    where identifier_kind = 'invitee'
),

people_accounts as (
    select * from {{ ref('int_people_accounts__resolved') }}
),

ranked_links as (
    select
        booking_id,
        invitee_uri,
        row_number() over (
            partition by booking_id
            order by link_position asc, created_at asc nulls last, invitee_uri asc
        ) as rank_from_first
    from links
),

booking_people as (
    select
        ranked_links.booking_id,
        people.person_id,
        people_accounts.account_id,
        people_accounts.contact_id
    from ranked_links
    inner join people on ranked_links.invitee_uri = people.identifier_value
    inner join people_accounts on people.person_id = people_accounts.person_id
    where ranked_links.rank_from_first = 1
)

select * from booking_people
