-- What counts as a link has both of its ends in one person; and nobody, but for who is flagged, has more addresses,
-- contacts, customers and records without an address than a person may have.
with links as (
    select * from {{ ref('identity_links') }}
    where is_trusted
),

identifiers as (
    select * from {{ ref('person_identifiers') }}
),

addresses_of_records as (
    select
        left_kind,
        left_id
    from {{ ref('identity_links') }}
    where evidence = 'email' and not is_undone
),

torn_links as (
    select
        left_identifiers.person_id,
        'a trusted link joins two people' as fault
    from links
    inner join identifiers as left_identifiers
        on
            links.left_kind = left_identifiers.identifier_kind
            and links.left_id = left_identifiers.identifier_value
    inner join identifiers as right_identifiers
        on
            links.right_kind = right_identifiers.identifier_kind
            and links.right_id = right_identifiers.identifier_value
    where left_identifiers.person_id != right_identifiers.person_id
),

large_people as (
    select
        identifiers.person_id,
        'a person is too large, and not flagged' as fault
    from identifiers
    left join addresses_of_records
        on
            identifiers.identifier_kind = addresses_of_records.left_kind
            and identifiers.identifier_value = addresses_of_records.left_id
    where
        not identifiers.is_over_limit
        and (
            identifiers.identifier_kind in ('email', 'contact', 'customer')
            or addresses_of_records.left_kind is null
        )
    group by identifiers.person_id
    having count(*) > {{ var('max_identifiers_per_person') }}
)

select * from torn_links
union all
select * from large_people
