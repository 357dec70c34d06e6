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

zoom_instances as (
    select * from {{ ref('stg_zoom__instances') }}
),

zoom_registrants as (
    select * from {{ ref('stg_zoom__registrants') }}
),

zoom_participants as (
    select * from {{ ref('stg_zoom__participants') }}
),

zoom_reports as (
    select * from {{ ref('stg_zoom__attendee_reports') }}
),

bigmarker_registrations as (
    select * from {{ ref('stg_bigmarker__registrations') }}
),

bigmarker_attendees as (
    select * from {{ ref('stg_bigmarker__attendees') }}
),

transactions as (
    select * from {{ ref('stg_stream__transactions') }}
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
    union all
    select
        'zoom' as source,
        'instances' as entity,
        starts_at as record_at,
        {{ reporting_date('starts_at') }} as record_date
    from zoom_instances
    union all
    select
        'zoom' as source,
        'registrants' as entity,
        registered_at as record_at,
        {{ reporting_date('registered_at') }} as record_date
    from zoom_registrants
    union all
    select
        'zoom' as source,
        'participants' as entity,
        joined_at as record_at,
        {{ reporting_date('joined_at') }} as record_date
    from zoom_participants
    union all
    select
        'zoom' as source,
        'attendee_reports' as entity,
        generated_at as record_at,
        {{ reporting_date('generated_at') }} as record_date
    from zoom_reports
    union all
    select
        'bigmarker' as source,
        'registrations' as entity,
        registered_at as record_at,
        {{ reporting_date('registered_at') }} as record_date
    from bigmarker_registrations
    union all
    select
        'bigmarker' as source,
        'attendees' as entity,
        joined_at as record_at,
        {{ reporting_date('joined_at') }} as record_date
    from bigmarker_attendees
    union all
    select
        'stream' as source,
        'transactions' as entity,
        transaction_at as record_at,
        {{ reporting_date('transaction_at') }} as record_date
    from transactions
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
