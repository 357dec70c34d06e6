with people as (
    select * from {{ ref('int_webinar_people__resolved') }}
    where is_attended
),

people_accounts as (
    select * from {{ ref('int_people_accounts__resolved') }}
    where account_id is not null
),

webinar_touchpoints as (
    select
        people.webinar_id,
        people_accounts.contact_id,
        people_accounts.account_id,
        people.came_at as touchpoint_at,
        'webinar:' || people.webinar_id || ':' || people.person_id as touchpoint_id,
        {{ unreserved_channel('people.channel', 'webinars') }} as channel_name
    from people
    inner join people_accounts on people.person_id = people_accounts.person_id
)

select * from webinar_touchpoints
