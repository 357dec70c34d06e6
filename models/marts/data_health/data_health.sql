with crm_checks as (
    select * from {{ ref('int_crm_checks__counted') }}
),

calendly_checks as (
    select * from {{ ref('int_calendly_checks__counted') }}
),

ad_spend_checks as (
    select * from {{ ref('int_ad_spend_checks__counted') }}
),

webinar_checks as (
    select * from {{ ref('int_webinar_checks__counted') }}
),

stream_checks as (
    select * from {{ ref('int_stream_checks__counted') }}
),

identity_checks as (
    select * from {{ ref('int_identity_checks__counted') }}
),

descriptions as (
    select * from {{ ref('data_health_checks') }}
),

checks as (
    select * from crm_checks
    union all
    select * from calendly_checks
    union all
    select * from ad_spend_checks
    union all
    select * from webinar_checks
    union all
    select * from stream_checks
    union all
    select * from identity_checks
),

described_checks as (
    select
        checks.source,
        checks.check_name,
        descriptions.description,
        checks.affected_records,
        checks.checked_records,
        {{ rate('checks.affected_records', 'checks.checked_records') }} as affected_rate
    from checks
    left join descriptions
        on
            checks.source = descriptions.source
            and checks.check_name = descriptions.check_name
)

select * from described_checks
