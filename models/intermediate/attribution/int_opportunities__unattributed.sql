with opportunities as (
    select * from {{ ref('int_opportunities__labelled') }}
),

linked_opportunities as (
    select distinct opportunity_id from {{ ref('int_opportunity_touchpoints__linked') }}
),

accounts_with_contact as (
    select distinct account_id from {{ ref('stg_crm__contacts') }}
),

accounts_with_touch as (
    select distinct account_id from {{ ref('int_touchpoints__unioned') }}
),

unattributed_opportunities as (
    select
        opportunities.opportunity_id,
        opportunities.pipeline_amount,
        opportunities.opportunity_created_at,
        opportunities.created_month_start_date,
        opportunities.sales_segment,
        case
            when opportunities.account_id is null then 'no_account'
            -- Somebody who booked may belong to an account by the mail domain alone, and be no contact of it.
            when accounts_with_touch.account_id is not null then 'no_touch_in_window'
            when accounts_with_contact.account_id is null then 'no_contact'
            else 'no_touch'
        end as unattributed_reason
    from opportunities
    left join linked_opportunities on opportunities.opportunity_id = linked_opportunities.opportunity_id
    left join accounts_with_contact on opportunities.account_id = accounts_with_contact.account_id
    left join accounts_with_touch on opportunities.account_id = accounts_with_touch.account_id
    where linked_opportunities.opportunity_id is null
)

select * from unattributed_opportunities
