with spend as (
    select * from {{ ref('stg_ad_spend__spend') }}
),

marketing_touchpoints as (
    select * from {{ ref('stg_crm__marketing_touchpoints') }}
),

sales_touchpoints as (
    select * from {{ ref('stg_crm__sales_touchpoints') }}
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

invitees as (
    select * from {{ ref('int_api_invitees__parsed') }}
),

scheduled_events as (
    select * from {{ ref('int_api_events__parsed') }}
),

deliveries as (
    select * from {{ ref('int_webhook_invitees__parsed') }}
),

exported_invitees as (
    select * from {{ ref('stg_calendly_export__invitees') }}
),

-- A file of spend is as good as its as-of day, whichever days are in it.
records as (
    select
        'ad_spend' as source,
        'spend' as entity,
        cast(as_of_date as timestamp) as record_at,
        as_of_date as record_date
    from spend
    union all
    select
        'crm' as source,
        'marketing_touchpoints' as entity,
        touchpoint_at as record_at,
        {{ reporting_date('touchpoint_at') }} as record_date
    from marketing_touchpoints
    union all
    select
        'crm' as source,
        'sales_touchpoints' as entity,
        touchpoint_at as record_at,
        {{ reporting_date('touchpoint_at') }} as record_date
    from sales_touchpoints
    union all
    select
        'crm' as source,
        'opportunities' as entity,
        opportunity_created_at as record_at,
        {{ reporting_date('opportunity_created_at') }} as record_date
    from opportunities
    union all
    select
        'calendly' as source,
        'invitees' as entity,
        created_at as record_at,
        {{ reporting_date('created_at') }} as record_date
    from invitees
    union all
    select
        'calendly' as source,
        'scheduled_events' as entity,
        created_at as record_at,
        {{ reporting_date('created_at') }} as record_date
    from scheduled_events
    union all
    select
        'calendly_webhooks' as source,
        'deliveries' as entity,
        delivered_at as record_at,
        {{ reporting_date('delivered_at') }} as record_date
    from deliveries
    union all
    select
        'calendly_export' as source,
        'invitees' as entity,
        created_at as record_at,
        {{ reporting_date('created_at') }} as record_date
    from exported_invitees
),

record_days as (
    select
        source,
        entity,
        record_date,
        max(record_at) as newest_record_at,
        count(*) as records
    from records
    where record_date is not null
    group by source, entity, record_date
)

select * from record_days
