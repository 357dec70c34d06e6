with overrides as (
    select * from {{ ref('identity_overrides') }}
),

records as (
    select * from {{ ref('int_identity_records__unioned') }}
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

known_identifiers as (
    select
        identifier_kind,
        identifier_value,
        email
    from records
    where identifier_kind not in ('email', 'session')
    union
    select
        'email' as identifier_kind,
        email as identifier_value,
        email
    from records
    where email is not null
    union
    select
        'account' as identifier_kind,
        account_id as identifier_value,
        cast(null as varchar) as email
    from contacts
    where account_id is not null
    union
    select
        'account' as identifier_kind,
        account_id as identifier_value,
        cast(null as varchar) as email
    from opportunities
    where account_id is not null
),

named_kinds as (
    select
        left_id,
        right_id,
        nullif(lower(trim(left_kind)), '') as left_kind,
        nullif(lower(trim(right_kind)), '') as right_kind,
        nullif(lower(trim(action)), '') as override_action
    from overrides
),

written_overrides as (
    select distinct
        left_kind,
        right_kind,
        override_action,
        {{ written_identifier('left_kind', 'left_id') }} as left_id,
        {{ written_identifier('right_kind', 'right_id') }} as right_id
    from named_kinds
),

understood_overrides as (
    select
        *,
        {{ is_override_understood() }} as is_understood,
        coalesce(left_kind = 'domain', false) as is_of_domain
    from written_overrides
),

cleaned_overrides as (
    select
        written.left_kind,
        written.left_id,
        written.right_kind,
        written.right_id,
        written.override_action,
        written.is_of_domain,
        written.is_understood,
        left_identifiers.email as left_email,
        right_identifiers.email as right_email,
        -- A domain may be one that nobody has yet.
        written.is_understood
        and (written.is_of_domain or left_identifiers.identifier_kind is not null)
        and (written.right_kind is null or right_identifiers.identifier_kind is not null) as is_known
    from understood_overrides as written
    left join known_identifiers as left_identifiers
        on
            written.left_kind = left_identifiers.identifier_kind
            and written.left_id = left_identifiers.identifier_value
    left join known_identifiers as right_identifiers
        on
            written.right_kind = right_identifiers.identifier_kind
            and written.right_id = right_identifiers.identifier_value
)

select * from cleaned_overrides
