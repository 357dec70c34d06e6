with people as (
    select * from {{ ref('int_people__resolved') }}
),

identifiers as (
    select * from {{ ref('int_identifiers__gathered') }}
),

person_identifiers as (
    select
        people.person_id,
        people.identifier_kind,
        people.identifier_value,
        nullif({{
            joined_names([
                ('identifiers.is_known_from_crm', 'crm'),
                ('identifiers.is_known_from_calendly', 'calendly'),
                ('identifiers.is_known_from_webinars', 'webinars'),
                ('identifiers.is_known_from_stream', 'stream'),
            ], '+')
        }}, '') as source,
        people.first_seen_at,
        people.is_over_limit
    from people
    inner join identifiers
        on
            people.identifier_kind = identifiers.identifier_kind
            and people.identifier_value = identifiers.identifier_value
)

select * from person_identifiers
