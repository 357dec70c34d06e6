{{ config(materialized='table') }}

with event_types as (
    select * from {{ ref('int_event_types__unioned') }}
),

channel_map as (
    select
        {{ calendly_uri('event_type_uri') }} as event_type_uri,
        nullif(trim(event_type_name), '') as event_type_name,
        nullif(trim(channel), '') as channel,
        nullif(trim(campaign), '') as campaign,
        cast(valid_from at time zone 'UTC' as timestamp) as valid_from,
        cast(valid_to at time zone 'UTC' as timestamp) as valid_to
    from {{ ref('event_type_channels') }}
),

channel_aliases as (
    select * from {{ ref('channel_aliases') }}
    where source = 'calendly'
),

-- Where only a name is known, a row with the name alone maps it; rows with URIs do if they all mean one event type.
rows_of_names as (
    select
        event_type_name,
        count(*) filter (where event_type_uri is null) as rows_without_uri,
        count(distinct event_type_uri) as event_types
    from channel_map
    where event_type_name is not null
    group by event_type_name
),

keyed_map as (
    select
        event_type_uri as event_type_key,
        channel,
        campaign,
        valid_from,
        valid_to
    from channel_map
    where event_type_uri is not null
    union all
    select
        'name:' || channel_map.event_type_name as event_type_key,
        channel_map.channel,
        channel_map.campaign,
        channel_map.valid_from,
        channel_map.valid_to
    from channel_map
    inner join rows_of_names on channel_map.event_type_name = rows_of_names.event_type_name
    where
        channel_map.event_type_uri is null
        or (rows_of_names.rows_without_uri = 0 and rows_of_names.event_types = 1)
),

mapped_periods as (
    select
        keyed_map.event_type_key,
        keyed_map.campaign,
        keyed_map.valid_from,
        keyed_map.valid_to,
        coalesce(channel_aliases.channel, keyed_map.channel, 'unmapped') as channel,
        row_number() over in_time as period_number,
        lead(keyed_map.valid_from) over in_time as next_valid_from
    from keyed_map
    left join channel_aliases on keyed_map.channel = channel_aliases.source_channel
    window in_time as (partition by keyed_map.event_type_key order by keyed_map.valid_from asc nulls first)
),

-- Gaps are rows too, so that exactly one row holds at any instant.
periods as (
    select
        event_type_key,
        channel,
        campaign,
        valid_from,
        valid_to
    from mapped_periods
    union all
    select
        event_type_key,
        'unmapped' as channel,
        cast(null as varchar) as campaign,
        cast(null as timestamp) as valid_from,
        valid_from as valid_to
    from mapped_periods
    where period_number = 1 and valid_from is not null
    union all
    select
        event_type_key,
        'unmapped' as channel,
        cast(null as varchar) as campaign,
        valid_to as valid_from,
        next_valid_from as valid_to
    from mapped_periods
    where valid_to is not null and (next_valid_from is null or valid_to < next_valid_from)
),

event_type_periods as (
    select
        event_types.event_type_key,
        event_types.event_type_uri,
        event_types.event_type_name,
        event_types.is_active,
        periods.campaign,
        periods.valid_from,
        periods.valid_to,
        coalesce(periods.channel, 'unmapped') as channel
    from event_types
    left join periods on event_types.event_type_key = periods.event_type_key
)

select * from event_type_periods
