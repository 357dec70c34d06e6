-- Two channels of one event type at one instant would count its bookings twice: nothing is built from such a map.
with channel_map as (
    select
        channel,
        valid_from,
        valid_to,
        coalesce(
            {{ calendly_uri("nullif(trim(event_type_uri), '')") }}, 'name:' || trim(event_type_name)
        ) as event_type_key
    from {{ ref('event_type_channels') }}
),

periods as (
    select
        event_type_key,
        channel,
        valid_from,
        valid_to,
        -- Where a row is open at its end, whatever follows overlaps.
        lead(coalesce(valid_from, cast('0001-01-01' as timestamp))) over (
            partition by event_type_key
            order by valid_from asc nulls first
        ) as next_valid_from
    from channel_map
)

select *
from periods
where next_valid_from is not null and (valid_to is null or valid_to > next_valid_from)
