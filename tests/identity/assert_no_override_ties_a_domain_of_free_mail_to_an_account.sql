-- Whoever has an address at gmail.com works for anybody: such a row would give all of them to one account.
with overrides as (
    select * from {{ ref('identity_overrides') }}
    where lower(trim(left_kind)) = 'domain' and lower(trim(action)) = 'link'
),

free_mail_domains as (
    select * from {{ ref('free_mail_domains') }}
)

select
    free_mail_domains.domain,
    overrides.right_id
from overrides
inner join free_mail_domains on {{ written_identifier("'domain'", 'overrides.left_id') }} = free_mail_domains.domain
