-- Whatever a record gives, with its address, is somebody's once; and nobody has anything that no record gives.
with records as (
    select * from {{ ref('int_identity_records__unioned') }}
),

given_identifiers as (
    select
        identifier_kind,
        identifier_value
    from records
    union
    select
        'email' as identifier_kind,
        email as identifier_value
    from records
    where email is not null
),

identifiers as (
    select * from {{ ref('person_identifiers') }}
)

select
    given_identifiers.identifier_kind,
    given_identifiers.identifier_value,
    identifiers.identifier_kind as kind_of_person,
    identifiers.identifier_value as value_of_person,
    identifiers.person_id
from given_identifiers
full outer join identifiers
    on
        given_identifiers.identifier_kind = identifiers.identifier_kind
        and given_identifiers.identifier_value = identifiers.identifier_value
where
    given_identifiers.identifier_kind is null
    or identifiers.person_id is null
