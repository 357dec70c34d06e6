with event_type_channels as (
    select * from {{ ref('int_event_type_channels__dated') }}
),

event_type_dim as (
    select
        event_type_key,
        event_type_uri,
        event_type_name,
        channel,
        {{ channel_label('channel') }} as channel_label,
        {{ is_mapped('channel') }} as is_mapped,
        campaign,
        valid_from,
        valid_to,
        is_active
    from event_type_channels
)

select * from event_type_dim
