{{ config(materialized='table') }}

with api_invitees as (
    select * from {{ ref('int_api_invitees__parsed') }}
),

webhook_invitees as (
    select * from {{ ref('int_webhook_invitees__parsed') }}
),

export_invitees as (
    select * from {{ ref('int_export_invitees__unmatched') }}
),

zone_aliases as (
    select * from {{ ref('zone_aliases') }}
),

versions as (
    select
        invitee_uri,
        scheduled_event_uri,
        invitee_name,
        invitee_email,
        invitee_time_zone,
        is_canceled,
        canceled_at,
        is_rescheduled,
        is_no_show,
        no_show_at,
        old_invitee_uri,
        new_invitee_uri,
        created_at,
        updated_at,
        utm_campaign,
        utm_source,
        utm_medium,
        salesforce_uuid,
        document_uri as version_key,
        1 as source_rank
    from api_invitees
    union all
    select
        invitee_uri,
        scheduled_event_uri,
        invitee_name,
        invitee_email,
        invitee_time_zone,
        is_canceled,
        canceled_at,
        is_rescheduled,
        is_no_show,
        no_show_at,
        old_invitee_uri,
        new_invitee_uri,
        created_at,
        updated_at,
        utm_campaign,
        utm_source,
        utm_medium,
        salesforce_uuid,
        delivery_id as version_key,
        2 as source_rank
    from webhook_invitees
    where invitee_uri is not null
    union all
    select
        invitee_uri,
        scheduled_event_uri,
        invitee_name,
        invitee_email,
        invitee_time_zone,
        coalesce(is_canceled, false) as is_canceled,
        cast(null as timestamp) as canceled_at,
        false as is_rescheduled,
        coalesce(is_no_show, false) as is_no_show,
        cast(null as timestamp) as no_show_at,
        cast(null as varchar) as old_invitee_uri,
        cast(null as varchar) as new_invitee_uri,
        created_at,
        cast(null as timestamp) as updated_at,
        utm_campaign,
        utm_source,
        utm_medium,
        salesforce_uuid,
        invitee_uri as version_key,
        3 as source_rank
    from export_invitees
),

-- A total order, so that the outcome depends neither on the order of loading nor on which source came first.
ranked_versions as (
    select
        *,
        row_number() over newest_first as version_rank,
        -- A link once told stays one, though a newer version leaves it out.
        first_value(old_invitee_uri ignore nulls) over newest_first as known_old_invitee_uri,
        first_value(new_invitee_uri ignore nulls) over newest_first as known_new_invitee_uri,
        first_value(nullif(trim(salesforce_uuid), '') ignore nulls) over newest_first as known_salesforce_uuid
    from versions
    window newest_first as (
        partition by invitee_uri
        order by
            -- An export says nothing of links or changes: it counts only where nothing else knows the invitee.
            (source_rank = 3) asc,
            updated_at desc nulls last,
            is_canceled desc,
            no_show_at desc nulls last,
            source_rank asc,
            version_key asc
        rows between unbounded preceding and unbounded following
    )
),

sources_of_invitees as (
    select
        invitee_uri,
        min(created_at) as first_created_at,
        min(scheduled_event_uri) as any_scheduled_event_uri,
        {{ dbt.bool_or('source_rank = 1') }} as is_known_from_api,
        {{ dbt.bool_or('source_rank = 2') }} as is_known_from_webhook,
        {{ dbt.bool_or('source_rank = 3') }} as is_known_from_export
    from versions
    group by invitee_uri
),

resolved_invitees as (
    select
        ranked_versions.invitee_uri,
        ranked_versions.invitee_name,
        ranked_versions.invitee_email,
        ranked_versions.is_canceled,
        ranked_versions.canceled_at,
        ranked_versions.is_rescheduled,
        ranked_versions.is_no_show,
        ranked_versions.no_show_at,
        ranked_versions.known_old_invitee_uri as old_invitee_uri,
        ranked_versions.known_new_invitee_uri as new_invitee_uri,
        ranked_versions.updated_at,
        ranked_versions.utm_campaign,
        ranked_versions.utm_source,
        ranked_versions.utm_medium,
        ranked_versions.known_salesforce_uuid as salesforce_uuid,
        sources_of_invitees.is_known_from_api,
        sources_of_invitees.is_known_from_webhook,
        sources_of_invitees.is_known_from_export,
        coalesce(
            ranked_versions.scheduled_event_uri, sources_of_invitees.any_scheduled_event_uri
        ) as scheduled_event_uri,
        coalesce(ranked_versions.created_at, sources_of_invitees.first_created_at) as created_at,
        coalesce(zone_aliases.time_zone, ranked_versions.invitee_time_zone) as invitee_time_zone
    from ranked_versions
    inner join sources_of_invitees on ranked_versions.invitee_uri = sources_of_invitees.invitee_uri
    left join zone_aliases on ranked_versions.invitee_time_zone = zone_aliases.zone_name
    where ranked_versions.version_rank = 1
)

select * from resolved_invitees
