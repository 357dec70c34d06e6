with documents as (
    select
        delivery_id,
        received_at,
        _loaded_at,
        {{
            json_record('document', {
                'event': 'VARCHAR',
                'created_at': 'VARCHAR',
                'payload': dict(calendly_invitee_fields(), scheduled_event=calendly_event_fields()),
            })
        }} as delivery
    from {{ source('calendly_webhooks', 'deliveries') }}
),

deliveries as (
    select
        documents.delivery_id,
        documents.received_at,
        delivery.event as webhook_event,
        delivery.payload.name as invitee_name,
        delivery.payload.first_name as invitee_first_name,
        delivery.payload.last_name as invitee_last_name,
        delivery.payload.timezone as invitee_time_zone,
        delivery.payload.status,
        delivery.payload.rescheduled as is_marked_rescheduled,
        delivery.payload.cancellation.canceled_by,
        delivery.payload.cancellation.canceler_type,
        delivery.payload.cancellation.reason as cancellation_reason,
        delivery.payload.tracking.utm_campaign,
        delivery.payload.tracking.utm_source,
        delivery.payload.tracking.utm_medium,
        delivery.payload.tracking.utm_content,
        delivery.payload.tracking.utm_term,
        delivery.payload.tracking.salesforce_uuid,
        delivery.payload.questions_and_answers,
        delivery.payload.scheduled_event.name as event_name,
        delivery.payload.scheduled_event.status as event_status,
        delivery.payload.scheduled_event.location.type as event_location_type,
        delivery.payload.scheduled_event.invitees_counter.total as event_invitee_count,
        delivery.payload.scheduled_event.invitees_counter.active as event_active_invitee_count,
        delivery.payload.scheduled_event.event_memberships,
        documents._loaded_at,
        {{ calendly_timestamp('delivery.created_at') }} as delivered_at,
        {{ calendly_uri('delivery.payload.uri') }} as payload_uri,
        {{ calendly_uri('delivery.payload.event') }} as scheduled_event_uri,
        lower(trim(delivery.payload.email)) as invitee_email,
        coalesce(delivery.payload.status = 'canceled', delivery.payload.canceled, false) as is_canceled,
        {{ calendly_uri('delivery.payload.old_invitee') }} as old_invitee_uri,
        {{ calendly_uri('delivery.payload.new_invitee') }} as new_invitee_uri,
        {{ calendly_uri('delivery.payload.routing_form_submission') }} as routing_form_submission_uri,
        {{ calendly_timestamp('delivery.payload.created_at') }} as created_at,
        {{ calendly_timestamp('delivery.payload.updated_at') }} as updated_at,
        {{ calendly_timestamp('delivery.payload.cancellation.created_at') }} as canceled_at,
        {{ calendly_uri('delivery.payload.no_show.uri') }} as no_show_uri,
        {{ calendly_timestamp('delivery.payload.no_show.created_at') }} as no_show_at,
        {{ calendly_uri('delivery.payload.scheduled_event.uri') }} as embedded_event_uri,
        {{ calendly_uri('delivery.payload.scheduled_event.event_type') }} as event_type_uri,
        {{ calendly_timestamp('delivery.payload.scheduled_event.created_at') }} as event_created_at,
        {{ calendly_timestamp('delivery.payload.scheduled_event.updated_at') }} as event_updated_at,
        {{ calendly_timestamp('delivery.payload.scheduled_event.start_time') }} as event_start_at,
        {{ calendly_timestamp('delivery.payload.scheduled_event.end_time') }} as event_end_at
    from documents
)

select * from deliveries
