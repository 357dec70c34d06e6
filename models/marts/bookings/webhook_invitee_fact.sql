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
        count(*) over (partition by webhook_event, invitee_uri, occurrence_key) as delivery_count
    from identified_deliveries
),

-- An invitee may be delivered without its event, which another delivery or the API tells.
webhook_invitee_fact as (
    select
        ranked_deliveries.webhook_event,
        ranked_deliveries.invitee_uri,
        ranked_deliveries.occurrence_key,
        ranked_deliveries.delivery_id,
        ranked_deliveries.scheduled_event_uri,
        ranked_deliveries.invitee_name,
        ranked_deliveries.invitee_email,
        ranked_deliveries.delivered_at as real_time_ingestion_timestamp,
        {{ reporting_date('ranked_deliveries.delivered_at') }} as real_time_ingestion_date,
        scheduled_events.event_type_uri,
        coalesce(event_type_channels.channel, 'unmapped') as channel,
        event_type_channels.campaign,
        ranked_deliveries.is_canceled,
        ranked_deliveries.is_rescheduled,
        ranked_deliveries.old_invitee_uri,
        ranked_deliveries.new_invitee_uri,
        ranked_deliveries.created_at as invitee_created_at,
        ranked_deliveries.updated_at as invitee_updated_at,
        cast(ranked_deliveries.delivery_count as integer) as delivery_count
    from ranked_deliveries
    inner join invitees on ranked_deliveries.invitee_uri = invitees.invitee_uri
    left join scheduled_events
        on
            coalesce(ranked_deliveries.scheduled_event_uri, invitees.scheduled_event_uri)
            = scheduled_events.scheduled_event_uri
    left join event_type_channels
        on
            scheduled_events.event_type_key = event_type_channels.event_type_key
            and {{ holds_at('coalesce(ranked_deliveries.created_at, invitees.created_at)', 'event_type_channels') }}
    where ranked_deliveries.repeat_rank = 1
)

select * from webhook_invitee_fact
