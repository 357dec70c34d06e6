{{ config(materialized='table') }}

with people as (
    select * from {{ ref('int_people__resolved') }}
),

contacts as (
    select * from {{ ref('stg_crm__contacts') }}
    where account_id is not null
),

domain_overrides as (
    select * from {{ ref('int_identity_overrides__cleaned') }}
    where is_of_domain and is_known
),

free_mail_domains as (
    select * from {{ ref('free_mail_domains') }}
),

domains_of_contacts as (
    select
        {{ email_domain(email_address('email')) }} as mail_domain,
        account_id
    from contacts
),

-- What the company itself says of a domain goes before what its contacts do.
accounts_of_domains as (
    select
        domains_of_contacts.mail_domain,
        domains_of_contacts.account_id
    from domains_of_contacts
    left join free_mail_domains on domains_of_contacts.mail_domain = free_mail_domains.domain
    left join domain_overrides on domains_of_contacts.mail_domain = domain_overrides.left_id
    where
        domains_of_contacts.mail_domain is not null
        and free_mail_domains.domain is null
        and domain_overrides.left_id is null
    union all
    select
        links.left_id as mail_domain,
        links.right_id as account_id
    from domain_overrides as links
    left join domain_overrides as unlinks on links.left_id = unlinks.left_id and unlinks.override_action = 'unlink'
    left join free_mail_domains on links.left_id = free_mail_domains.domain
    where links.override_action = 'link' and unlinks.left_id is null and free_mail_domains.domain is null
),

domains_of_accounts as (
    select
        mail_domain,
        min(account_id) as account_id
    from accounts_of_domains
    group by mail_domain
    having count(distinct account_id) = 1
),

ranked_contacts as (
    select
        people.person_id,
        contacts.account_id,
        contacts.contact_id,
        row_number() over (partition by people.person_id order by contacts.contact_id) as contact_rank
    from people
    inner join contacts on people.identifier_kind = 'contact' and people.identifier_value = contacts.contact_id
),

people_of_domains as (
    select
        people.person_id,
        min(domains_of_accounts.account_id) as account_id
    from people
    inner join domains_of_accounts on {{ email_domain('people.identifier_value') }} = domains_of_accounts.mail_domain
    where people.identifier_kind = 'email'
    group by people.person_id
    having count(distinct domains_of_accounts.account_id) = 1
),

distinct_people as (
    select distinct person_id
    from people
),

people_accounts as (
    select
        distinct_people.person_id,
        ranked_contacts.contact_id,
        coalesce(ranked_contacts.account_id, people_of_domains.account_id) as account_id,
        case
            when ranked_contacts.account_id is not null then 'contact'
            when people_of_domains.account_id is not null then 'domain'
        end as account_link
    from distinct_people
    left join ranked_contacts
        on distinct_people.person_id = ranked_contacts.person_id and ranked_contacts.contact_rank = 1
    left join people_of_domains on distinct_people.person_id = people_of_domains.person_id
)

select * from people_accounts
