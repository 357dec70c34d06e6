with touchpoints as (
    select
        count(*) as checked_records,
        count(*) filter (where contact_id is null) as without_contact,
        count(*) filter (where contact_id is not null and not is_contact_known) as of_unknown_contacts
    from {{ ref('int_crm_touchpoints__unioned') }}
),

contacts as (
    select
        count(*) as checked_records,
        count(*) filter (where account_id is null) as without_account
    from {{ ref('stg_crm__contacts') }}
),

opportunities as (
    select
        count(*) as checked_records,
        count(*) filter (where account_id is null) as without_account,
        count(*) filter (where pipeline_amount is null) as without_amount
    from {{ ref('stg_crm__opportunities') }}
),

unattributed_opportunities as (
    select count(*) as affected_records from {{ ref('int_opportunities__unattributed') }}
),

rejected_records as (
    select count(*) as affected_records from {{ ref('stg_crm__rejected_records') }}
),

checks as (
    select
        'touches_without_contact' as check_name,
        without_contact as affected_records,
        checked_records
    from touchpoints
    union all
    select
        'touches_of_unknown_contacts' as check_name,
        of_unknown_contacts as affected_records,
        checked_records
    from touchpoints
    union all
    select
        'contacts_without_account' as check_name,
        without_account as affected_records,
        checked_records
    from contacts
    union all
    select
        'opportunities_without_account' as check_name,
        without_account as affected_records,
        checked_records
    from opportunities
    union all
    select
        'opportunities_without_amount' as check_name,
        without_amount as affected_records,
        checked_records
    from opportunities
    union all
    select
        'opportunities_without_touch' as check_name,
        unattributed_opportunities.affected_records,
        opportunities.checked_records
    from unattributed_opportunities
    cross join opportunities
    union all
    select
        'rejected_records' as check_name,
        rejected_records.affected_records,
        rejected_records.affected_records
        + touchpoints.checked_records + contacts.checked_records + opportunities.checked_records as checked_records
    from rejected_records
    cross join touchpoints
    cross join contacts
    cross join opportunities
)

select
    'crm' as source,
    check_name,
    affected_records,
    checked_records
from checks
