with people as (
    select * from {{ ref('int_webinar_people__resolved') }}
    where is_attended
),

instances as (
    select * from {{ ref('int_webinar_instances__resolved') }}
),

people_accounts as (
    select * from {{ ref('int_people_accounts__resolved') }}
    where contact_id is not null
),

webinar_touchpoints as (
    select
        people.webinar_id,
        'Webinar' as channel_name,
        people_accounts.contact_id,
        'webinar:' || people.webinar_id || ':' || people.person_id as touchpoint_id,
        -- A report may say that somebody came, and not when.
        coalesce(people.joined_at, instances.starts_at) as touchpoint_at
    from people
    inner join instances on people.webinar_id = instances.webinar_id
    inner join people_accounts on people.person_id = people_accounts.person_id
)

select * from webinar_touchpoints
