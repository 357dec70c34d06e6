with links as (
    select * from {{ ref('int_identity_links__found') }}
),

people as (
    select * from {{ ref('int_people__resolved') }}
),

identity_links as (
    select
        links.left_kind,
        links.left_id,
        links.right_kind,
        links.right_id,
        links.evidence,
        links.linked_at,
        links.is_undone,
        case
            when links.is_undone then false
            -- Above the limit an address is trusted, unless it is the address alone that is shared by too many.
            when links.evidence = 'email' then left_people.person_id = right_people.person_id
            else not left_people.is_over_limit
        end as is_trusted
    from links
    inner join people as left_people
        on links.left_kind = left_people.identifier_kind and links.left_id = left_people.identifier_value
    inner join people as right_people
        on links.right_kind = right_people.identifier_kind and links.right_id = right_people.identifier_value
)

select * from identity_links
