with deliveries as (
    select * from {{ ref('int_webhook_invitees__parsed') }}
    where invitee_uri is not null
),

invitees as (
    select * from {{ ref('int_invitees__resolved') }}
),

scheduled_events as (
    select * from {{ ref('int_scheduled_events__resolved') }}
),

event_type_channels as (
    select * from {{ ref('int_event_type_channels__dated') }}
),

-- Calendly numbers no deliveries: what was delivered is told by what it is about. A repeat may differ in its bytes.
identified_deliveries as (
    select
        *,
        coalesce(
            no_show_uri, cast(canceled_at as varchar), cast(updated_at as varchar), '(unknown)'
        ) as occurrence_key
    from deliveries
),

ranked_deliveries as (
    select
        *,
        row_number() over (
            partition by webhook_event, invitee_uri, occurrence_key
            order by delivered_at desc nulls last, delivery_id desc
        ) as repeat_rank,
        count(*) over (partition by webhook_event, invitee_uri, occurrence_key) as delivery_count,
        first_value(received_at) over in_order_of_arrival as first_received_at,
        first_value(delivered_at) over in_order_of_arrival as first_delivered_at
    from identified_deliveries
    window in_order_of_arrival as (
        partition by webhook_event, invitee_uri, occurrence_key
        order by coalesce(received_at, delivered_at) asc nulls last, delivery_id asc
    )
),

-- The last of them says what happened, the first when we knew.
distinct_deliveries as (
    select
        *,
        coalesce(first_received_at, first_delivered_at) as real_time_ingestion_timestamp,
        {{ dbt.datediff('first_delivered_at', 'first_received_at', 'millisecond') | trim }}
        / cast(1000 as double) as delivery_lag_seconds
    from ranked_deliveries
    where repeat_rank = 1
),

-- An invitee may be delivered without its event, which another delivery or the API tells.
webhook_invitee_fact as (
    select
        distinct_deliveries.webhook_event,
        distinct_deliveries.invitee_uri,
        distinct_deliveries.occurrence_key,
        distinct_deliveries.delivery_id,
        distinct_deliveries.scheduled_event_uri,
        distinct_deliveries.invitee_name,
        distinct_deliveries.invitee_email,
        distinct_deliveries.real_time_ingestion_timestamp,
        {{ reporting_date('distinct_deliveries.real_time_ingestion_timestamp') }} as real_time_ingestion_date,
        distinct_deliveries.first_delivered_at as delivered_at,
        distinct_deliveries.first_received_at as received_at,
        distinct_deliveries.delivery_lag_seconds,
        scheduled_events.event_type_uri,
        coalesce(event_type_channels.channel, 'unmapped') as channel,
        event_type_channels.campaign,
        distinct_deliveries.is_canceled,
        distinct_deliveries.is_rescheduled,
        distinct_deliveries.old_invitee_uri,
        distinct_deliveries.new_invitee_uri,
        distinct_deliveries.created_at as invitee_created_at,
        distinct_deliveries.updated_at as invitee_updated_at,
        cast(distinct_deliveries.delivery_count as integer) as delivery_count
    from distinct_deliveries
    inner join invitees on distinct_deliveries.invitee_uri = invitees.invitee_uri
    left join scheduled_events
        on
            coalesce(distinct_deliveries.scheduled_event_uri, invitees.scheduled_event_uri)
            = scheduled_events.scheduled_event_uri
    left join event_type_channels
        on
            scheduled_events.event_type_key = event_type_channels.event_type_key
            and {{ holds_at('coalesce(distinct_deliveries.created_at, invitees.created_at)', 'event_type_channels') }}
)

select * from webhook_invitee_fact
