with documents as (
    select
        uri as document_uri,
        _loaded_at,
        {{
            json_record('document', {
                'routing_form': 'VARCHAR',
                'submitter': 'VARCHAR',
                'submitter_type': 'VARCHAR',
                'result': {'type': 'VARCHAR'},
                'questions_and_answers': 'JSON',
                'tracking': {
                    'utm_campaign': 'VARCHAR',
                    'utm_source': 'VARCHAR',
                    'utm_medium': 'VARCHAR',
                    'utm_content': 'VARCHAR',
                    'utm_term': 'VARCHAR',
                },
                'created_at': 'VARCHAR',
                'updated_at': 'VARCHAR',
            })
        }} as submission
    from {{ source('calendly', 'routing_form_submissions') }}
),

routing_form_submissions as (
    select
        documents.document_uri,
        submission.submitter_type,
        submission.result.type as result_type,
        submission.questions_and_answers,
        submission.tracking.utm_campaign,
        submission.tracking.utm_source,
        submission.tracking.utm_medium,
        submission.tracking.utm_content,
        submission.tracking.utm_term,
        documents._loaded_at,
        {{ calendly_uri('documents.document_uri') }} as routing_form_submission_uri,
        {{ calendly_uri('submission.routing_form') }} as routing_form_uri,
        {{ calendly_uri('submission.submitter') }} as submitter_uri,
        {{ calendly_timestamp('submission.created_at') }} as created_at,
        {{ calendly_timestamp('submission.updated_at') }} as updated_at
    from documents
)

select * from routing_form_submissions
