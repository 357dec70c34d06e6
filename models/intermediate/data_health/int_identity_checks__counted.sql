with overrides as (
    select * from {{ ref('int_identity_overrides__cleaned') }}
),

people as (
    select * from {{ ref('int_people__resolved') }}
),

booking_people as (
    select * from {{ ref('int_booking_people__resolved') }}
),

contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

invitees as (
    select * from {{ ref('int_invitees__resolved') }}
    where salesforce_uuid is not null
),

uuid_links as (
    select distinct left_id as invitee_uri
    from {{ ref('int_identity_links__found') }}
    where evidence = 'salesforce_uuid'
),

free_mail_domains as (
    select * from {{ ref('free_mail_domains') }}
),

limited_people as (
    select
        person_id,
        {{ dbt.bool_or('is_over_limit') }} as is_over_limit
    from people
    group by person_id
),

checked_uuids as (
    select uuid_links.invitee_uri is null as is_unknown
    from invitees
    left join uuid_links on invitees.invitee_uri = uuid_links.invitee_uri
),

unlinks as (
    select left_people.person_id = right_people.person_id as is_without_effect
    from overrides
    inner join people as left_people
        on overrides.left_kind = left_people.identifier_kind and overrides.left_id = left_people.identifier_value
    inner join people as right_people
        on overrides.right_kind = right_people.identifier_kind and overrides.right_id = right_people.identifier_value
    where overrides.override_action = 'unlink' and overrides.is_known
),

accounts_of_people as (
    select
        people.person_id,
        count(distinct contacts.account_id) as account_count
    from people
    inner join contacts on people.identifier_kind = 'contact' and people.identifier_value = contacts.contact_id
    where contacts.account_id is not null
    group by people.person_id
),

contact_domains as (
    select
        account_id,
        {{ email_domain(email_address('email')) }} as mail_domain
    from contacts
    where account_id is not null
),

accounts_of_domains as (
    select
        contact_domains.mail_domain,
        count(distinct contact_domains.account_id) as account_count
    from contact_domains
    left join free_mail_domains on contact_domains.mail_domain = free_mail_domains.domain
    left join overrides on overrides.is_of_domain and contact_domains.mail_domain = overrides.left_id
    where
        contact_domains.mail_domain is not null
        and free_mail_domains.domain is null
        and overrides.left_id is null
    group by contact_domains.mail_domain
),

checks as (
    {% for check_name, records, is_affected in [
        ('people_above_the_limit', 'limited_people', 'is_over_limit'),
        ('people_of_several_accounts', 'accounts_of_people', 'account_count > 1'),
        ('domains_of_several_accounts', 'accounts_of_domains', 'account_count > 1'),
        ('bookings_without_account', 'booking_people', 'account_id is null'),
        ('bookings_of_unknown_contacts', 'checked_uuids', 'is_unknown'),
        ('overrides_of_unknown_identifiers', 'overrides', 'not is_known'),
        ('unlinks_without_effect', 'unlinks', 'is_without_effect'),
    ] -%}
        select
            'identity' as source,
            '{{ check_name }}' as check_name,
            count(*) filter (where {{ is_affected }}) as affected_records,
            count(*) as checked_records
        from {{ records }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from checks
