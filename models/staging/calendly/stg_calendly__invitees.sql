with documents as (
    select
        uri as document_uri,
        _loaded_at,
        {{ json_record('document', calendly_invitee_fields()) }} as invitee
    from {{ source('calendly', 'invitees') }}
),

invitees as (
    select
        documents.document_uri,
        invitee.name as invitee_name,
        invitee.first_name as invitee_first_name,
        invitee.last_name as invitee_last_name,
        invitee.timezone as invitee_time_zone,
        invitee.status,
        invitee.rescheduled as is_marked_rescheduled,
        invitee.cancellation.canceled_by,
        invitee.cancellation.canceler_type,
        invitee.cancellation.reason as cancellation_reason,
        invitee.no_show.uri as no_show_uri,
        invitee.tracking.utm_campaign,
        invitee.tracking.utm_source,
        invitee.tracking.utm_medium,
        invitee.tracking.utm_content,
        invitee.tracking.utm_term,
        invitee.tracking.salesforce_uuid,
        invitee.questions_and_answers,
        documents._loaded_at,
        {{ calendly_uri('documents.document_uri') }} as invitee_uri,
        {{ calendly_uri('invitee.event') }} as scheduled_event_uri,
        lower(trim(invitee.email)) as invitee_email,
        coalesce(invitee.status = 'canceled', invitee.canceled, false) as is_canceled,
        {{ calendly_uri('invitee.old_invitee') }} as old_invitee_uri,
        {{ calendly_uri('invitee.new_invitee') }} as new_invitee_uri,
        {{ calendly_uri('invitee.routing_form_submission') }} as routing_form_submission_uri,
        {{ calendly_timestamp('invitee.created_at') }} as created_at,
        {{ calendly_timestamp('invitee.updated_at') }} as updated_at,
        {{ calendly_timestamp('invitee.cancellation.created_at') }} as canceled_at,
        {{ calendly_timestamp('invitee.no_show.created_at') }} as no_show_at
    from documents
)

select * from invitees
