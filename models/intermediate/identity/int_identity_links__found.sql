{{ config(materialized='table') }}

with identifiers as (
    select * from {{ ref('int_identifiers__gathered') }}
),

invitees as (
    select * from {{ ref('int_invitees__resolved') }}
),

booking_links as (
    select * from {{ ref('int_booking_links__chained') }}
    where is_known
),

overrides as (
    select * from {{ ref('int_identity_overrides__cleaned') }}
    where is_known and not is_of_domain
),

contacts as (
    select identifier_value as contact_id
    from identifiers
    where identifier_kind = 'contact'
),

-- Salesforce writes one id in 15 characters, or in 18 of which the last three check the case of the others. Ids that
-- share their first 15 are no ids of Salesforce.
short_contact_ids as (
    select
        left(contact_id, 15) as short_id,
        min(contact_id) as contact_id
    from contacts
    where length(contact_id) = 18
    group by left(contact_id, 15)
    having count(*) = 1
),

contacts_of_uuids as (
    select
        contact_id as salesforce_uuid,
        contact_id
    from contacts
    union
    select
        short_id as salesforce_uuid,
        contact_id
    from short_contact_ids
),

uuid_links as (
    select
        'invitee' as left_kind,
        invitees.invitee_uri as left_id,
        'contact' as right_kind,
        contacts_of_uuids.contact_id as right_id,
        'salesforce_uuid' as evidence,
        invitees.created_at as linked_at
    from invitees
    inner join contacts_of_uuids on invitees.salesforce_uuid = contacts_of_uuids.salesforce_uuid
    union
    select
        'invitee' as left_kind,
        invitees.invitee_uri as left_id,
        'contact' as right_kind,
        contacts.contact_id as right_id,
        'salesforce_uuid' as evidence,
        invitees.created_at as linked_at
    from invitees
    inner join contacts on left(invitees.salesforce_uuid, 15) = contacts.contact_id
    where length(invitees.salesforce_uuid) = 18
),

-- Of a link that is not known the next one is joined to the one before.
chained_links as (
    select
        invitee_uri,
        created_at,
        lag(invitee_uri) over chain as previous_uri,
        lag(created_at) over chain as previous_created_at
    from booking_links
    window chain as (
        partition by booking_id
        order by link_position asc, created_at asc nulls last, invitee_uri asc
    )
),

links as (
    select
        identifier_kind as left_kind,
        identifier_value as left_id,
        'email' as right_kind,
        email as right_id,
        'email' as evidence,
        first_seen_at as linked_at,
        has_left_email
    from identifiers
    where identifier_kind != 'email' and email is not null
    union all
    select
        *,
        false as has_left_email
    from uuid_links
    union all
    select
        'invitee' as left_kind,
        previous_uri as left_id,
        'invitee' as right_kind,
        invitee_uri as right_id,
        'reschedule' as evidence,
        greatest(created_at, previous_created_at) as linked_at,
        false as has_left_email
    from chained_links
    where previous_uri is not null
    union all
    select
        left_kind,
        left_id,
        right_kind,
        right_id,
        'override' as evidence,
        cast(null as timestamp) as linked_at,
        false as has_left_email
    from overrides
    where override_action = 'link'
),

links_of_stars as (
    select
        links.*,
        left_identifiers.star_id as left_star_id,
        right_identifiers.star_id as right_star_id
    from links
    inner join identifiers as left_identifiers
        on
            links.left_kind = left_identifiers.identifier_kind
            and links.left_id = left_identifiers.identifier_value
    inner join identifiers as right_identifiers
        on
            links.right_kind = right_identifiers.identifier_kind
            and links.right_id = right_identifiers.identifier_value
),

unlinked_stars as (
    select distinct
        least(left_identifiers.star_id, right_identifiers.star_id) as one_star_id,
        greatest(left_identifiers.star_id, right_identifiers.star_id) as other_star_id
    from overrides
    inner join identifiers as left_identifiers
        on
            overrides.left_kind = left_identifiers.identifier_kind
            and overrides.left_id = left_identifiers.identifier_value
    inner join identifiers as right_identifiers
        on
            overrides.right_kind = right_identifiers.identifier_kind
            and overrides.right_id = right_identifiers.identifier_value
    where overrides.override_action = 'unlink' and left_identifiers.star_id != right_identifiers.star_id
),

found_links as (
    select
        links_of_stars.left_kind,
        links_of_stars.left_id,
        links_of_stars.right_kind,
        links_of_stars.right_id,
        links_of_stars.evidence,
        links_of_stars.linked_at,
        links_of_stars.left_star_id,
        links_of_stars.right_star_id,
        links_of_stars.has_left_email or unlinked_stars.one_star_id is not null as is_undone
    from links_of_stars
    left join unlinked_stars
        on
            least(links_of_stars.left_star_id, links_of_stars.right_star_id) = unlinked_stars.one_star_id
            and greatest(links_of_stars.left_star_id, links_of_stars.right_star_id) = unlinked_stars.other_star_id
)

select * from found_links
