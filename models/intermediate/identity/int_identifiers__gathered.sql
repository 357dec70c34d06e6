{{ config(materialized='table') }}

with records as (
    select * from {{ ref('int_identity_records__unioned') }}
),

unlinks as (
    select * from {{ ref('int_identity_overrides__cleaned') }}
    where override_action = 'unlink' and is_known and not is_of_domain
),

-- Of two that one address joins the one named second stands for itself; an address itself cannot.
leaving_records as (
    select distinct
        case when right_kind = 'email' then left_kind else right_kind end as identifier_kind,
        case when right_kind = 'email' then left_id else right_id end as identifier_value
    from unlinks
    where
        left_email = right_email
        and {{ identifier_key('left_kind', 'left_id') }} != {{ identifier_key('right_kind', 'right_id') }}
),

gathered_records as (
    select
        records.identifier_kind,
        records.identifier_value,
        records.source,
        records.email,
        records.first_seen_at,
        leaving_records.identifier_kind is not null as has_left_email,
        case
            when records.email is null or leaving_records.identifier_kind is not null
                then {{ identifier_key('records.identifier_kind', 'records.identifier_value') }}
            else {{ identifier_key("'email'", 'records.email') }}
        end as star_id
    from records
    left join leaving_records
        on
            records.identifier_kind = leaving_records.identifier_kind
            and records.identifier_value = leaving_records.identifier_value
),

-- Somebody books often by one address, and is no more people for it.
star_sizes as (
    select
        star_id,
        count(*) filter (
            where
            identifier_kind in ('contact', 'customer')
            or (identifier_kind != 'email' and {{ identifier_key('identifier_kind', 'identifier_value') }} = star_id)
        )
        + max(case when {{ identifier_key("'email'", 'email') }} = star_id then 1 else 0 end) as star_size
    from gathered_records
    group by star_id
),

sized_records as (
    select
        gathered_records.*,
        star_sizes.star_size,
        -- At an address that is shared by too many each of them is somebody else.
        gathered_records.has_left_email
        or (
            gathered_records.identifier_kind in ('contact', 'customer')
            and star_sizes.star_size > {{ var('max_identifiers_per_person') }}
        ) as is_somebody_else
    from gathered_records
    inner join star_sizes on gathered_records.star_id = star_sizes.star_id
),

-- Who is somebody else says nothing of when an address was seen, and where.
addresses as (
    select
        'email' as identifier_kind,
        email as identifier_value,
        email,
        false as has_left_email,
        {{ identifier_key("'email'", 'email') }} as star_id,
        -- Of an address that everything has left nothing but itself remains.
        coalesce(max(case when not has_left_email then star_size end), 1) as star_size,
        min(case when not is_somebody_else then first_seen_at end) as first_seen_at,
        {{ known_from_sources('not is_somebody_else') }}
    from sized_records
    where email is not null
    group by email
),

gathered_identifiers as (
    select
        identifier_kind,
        identifier_value,
        email,
        star_id,
        star_size,
        has_left_email,
        first_seen_at,
        is_known_from_crm,
        is_known_from_calendly,
        is_known_from_webinars,
        is_known_from_stream
    from addresses
    union all
    select
        identifier_kind,
        identifier_value,
        email,
        star_id,
        star_size,
        has_left_email,
        first_seen_at,
        source = 'crm' as is_known_from_crm,
        source = 'calendly' as is_known_from_calendly,
        source = 'webinars' as is_known_from_webinars,
        source = 'stream' as is_known_from_stream
    from sized_records
    where identifier_kind != 'email'
)

select * from gathered_identifiers
