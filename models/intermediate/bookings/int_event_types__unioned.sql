{{ config(materialized='table') }}

with listed_event_types as (
    select * from {{ ref('stg_calendly__event_types') }}
),

scheduled_events as (
    select * from {{ ref('int_scheduled_events__resolved') }}
),

export_invitees as (
    select * from {{ ref('stg_calendly_export__invitees') }}
),

mapped_event_types as (
    select * from {{ ref('event_type_channels') }}
),

mentions as (
    select
        event_type_uri,
        event_type_name,
        updated_at as mentioned_at,
        is_active and deleted_at is null as is_active,
        1 as source_rank
    from listed_event_types
    union all
    select
        event_type_uri,
        event_name as event_type_name,
        created_at as mentioned_at,
        cast(null as boolean) as is_active,
        2 as source_rank
    from scheduled_events
    union all
    select
        cast(null as varchar) as event_type_uri,
        event_type_name,
        created_at as mentioned_at,
        cast(null as boolean) as is_active,
        3 as source_rank
    from export_invitees
    union all
    select
        {{ calendly_uri('event_type_uri') }} as event_type_uri,
        event_type_name,
        cast(null as timestamp) as mentioned_at,
        cast(null as boolean) as is_active,
        4 as source_rank
    from mapped_event_types
),

keyed_mentions as (
    select
        event_type_uri,
        mentioned_at,
        is_active,
        source_rank,
        nullif(trim(event_type_name), '') as event_type_name,
        {{ event_type_key('event_type_uri', 'event_type_name') }} as event_type_key
    from mentions
),

-- Calendly's list knows the name of today, an event the one it was booked under, the seed what somebody wrote.
ranked_mentions as (
    select
        event_type_key,
        event_type_uri,
        row_number() over best_first as mention_rank,
        first_value(event_type_name ignore nulls) over best_first as event_type_name,
        first_value(is_active ignore nulls) over best_first as is_active
    from keyed_mentions
    where event_type_key is not null
    window best_first as (
        partition by event_type_key
        order by source_rank asc, mentioned_at desc nulls last, event_type_name asc, is_active asc
        rows between unbounded preceding and unbounded following
    )
),

event_types as (
    select
        event_type_key,
        event_type_uri,
        event_type_name,
        is_active
    from ranked_mentions
    where mention_rank = 1
)

select * from event_types
