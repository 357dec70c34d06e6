with people as (
    select * from {{ ref('int_people__resolved') }}
),

records as (
    select * from {{ ref('int_identity_records__unioned') }}
),

people_accounts as (
    select * from {{ ref('int_people_accounts__resolved') }}
),

free_mail_domains as (
    select * from {{ ref('free_mail_domains') }}
),

domains_of_people as (
    select
        people.*,
        {{ email_domain('people.identifier_value') }} as mail_domain
    from people
),

mail_of_people as (
    select
        domains_of_people.*,
        domains_of_people.identifier_kind = 'email' and free_mail_domains.domain is not null as is_personal_email,
        domains_of_people.identifier_kind = 'email'
        and domains_of_people.mail_domain is not null
        and free_mail_domains.domain is null as is_corporate_email
    from domains_of_people
    left join free_mail_domains on domains_of_people.mail_domain = free_mail_domains.domain
),

counted_people as (
    select
        person_id,
        min(first_seen_at) as first_seen_at,
        {% for kind in ['email', 'contact', 'customer', 'invitee', 'registrant'] -%}
            count(*) filter (where identifier_kind = '{{ kind }}') as {{ kind }}_count,
        {% endfor -%}
        count(*) as identifier_count,
        {{ dbt.bool_or('is_over_limit') }} as is_over_limit,
        {{ dbt.bool_or("identifier_kind = 'session'") }} as is_anonymous,
        {{ dbt.bool_or('is_personal_email') }} as has_personal_email,
        {{ dbt.bool_or('is_corporate_email') }} as has_corporate_email,
        min(case when is_personal_email then first_seen_at end) as personal_email_at,
        min(case when is_corporate_email then first_seen_at end) as corporate_email_at
    from mail_of_people
    group by person_id
),

ranked_records as (
    select
        people.person_id,
        records.source,
        row_number() over (
            partition by people.person_id
            order by records.first_seen_at asc nulls last, {{ identity_source_rank('records.source') }} asc
        ) as record_rank
    from records
    inner join people
        on
            records.identifier_kind = people.identifier_kind
            and records.identifier_value = people.identifier_value
),

sources_of_people as (
    select
        person_id,
        max(case when record_rank = 1 then source end) as first_source,
        {{ known_from_sources() }}
    from ranked_records
    group by person_id
),

people_dim as (
    select
        counted_people.person_id,
        counted_people.first_seen_at,
        sources_of_people.first_source,
        people_accounts.account_id,
        people_accounts.account_link,
        people_accounts.contact_id,
        counted_people.is_anonymous,
        counted_people.is_over_limit,
        counted_people.email_count,
        counted_people.contact_count,
        counted_people.customer_count,
        counted_people.invitee_count,
        counted_people.registrant_count,
        counted_people.identifier_count,
        {% for source in identity_sources() -%}
            coalesce(sources_of_people.is_known_from_{{ source }}, false) as is_known_from_{{ source }},
        {% endfor -%}
        counted_people.has_personal_email,
        counted_people.has_corporate_email,
        case
            when counted_people.corporate_email_at > counted_people.personal_email_at
                then counted_people.corporate_email_at
        end as became_corporate_at
    from counted_people
    inner join people_accounts on counted_people.person_id = people_accounts.person_id
    left join sources_of_people on counted_people.person_id = sources_of_people.person_id
)

select * from people_dim
