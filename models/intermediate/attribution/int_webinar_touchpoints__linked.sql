with people as (
    select * from {{ ref('int_webinar_people__resolved') }}
    where is_attended and email is not null
),

instances as (
    select * from {{ ref('int_webinar_instances__resolved') }}
),

contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

-- Of several contacts with one address one is touched, as one person came.
contacts_by_email as (
    select
        email,
        min(contact_id) as contact_id
    from contacts
    where email is not null
    group by email
),

webinar_touchpoints as (
    select
        people.webinar_id,
        'Webinar' as channel_name,
        contacts_by_email.contact_id,
        'webinar:' || people.webinar_id || ':' || {{ dbt.hash('people.person_key') }} as touchpoint_id,
        -- A report may say that somebody came, and not when.
        coalesce(people.joined_at, instances.starts_at) as touchpoint_at
    from people
    inner join instances on people.webinar_id = instances.webinar_id
    inner join contacts_by_email on people.email = contacts_by_email.email
)

select * from webinar_touchpoints
