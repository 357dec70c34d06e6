{#- How Calendly writes its documents, for the API, webhooks and exports alike. -#}

{% macro calendly_uri(uri) -%}
    {#-
        A Calendly URI as api.calendly.com writes it, without a slash at its end. Calendly names the same resource by hosts calendly.com and
        api.calendly.com, with and without /api/v2; a URI of another host stays as it is, and a blank one is none.
    -#}
    regexp_replace(nullif(rtrim(trim({{ uri }}), '/'), ''), '^https?://(api[.])?calendly[.]com(/api/v2)?/', 'https://api.calendly.com/')
{%- endmacro %}

{% macro calendly_timestamp(instant) -%}
    {#- An instant as Calendly writes it (0, 3 or 6 digits after the second) as a UTC timestamp. -#}
    {{ utc_timestamp(instant) }}
{%- endmacro %}

{% macro calendly_event_of_invitee(invitee_uri) -%}
    {#- The scheduled event in an invitee's URI; null if the URI has none. -#}
    nullif(regexp_extract({{ invitee_uri }}, '^(.*/scheduled_events/[^/]+)/invitees/', 1), '')
{%- endmacro %}

{% macro calendly_invitee_fields() -%}
    {%- do return({
        'uri': 'VARCHAR',
        'event': 'VARCHAR',
        'email': 'VARCHAR',
        'name': 'VARCHAR',
        'first_name': 'VARCHAR',
        'last_name': 'VARCHAR',
        'timezone': 'VARCHAR',
        'status': 'VARCHAR',
        'canceled': 'BOOLEAN',
        'rescheduled': 'BOOLEAN',
        'old_invitee': 'VARCHAR',
        'new_invitee': 'VARCHAR',
        'created_at': 'VARCHAR',
        'updated_at': 'VARCHAR',
        'cancellation': {'canceled_by': 'VARCHAR', 'canceler_type': 'VARCHAR', 'reason': 'VARCHAR', 'created_at': 'VARCHAR'},
        'no_show': {'uri': 'VARCHAR', 'created_at': 'VARCHAR'},
        'tracking': {
            'utm_campaign': 'VARCHAR',
            'utm_source': 'VARCHAR',
            'utm_medium': 'VARCHAR',
            'utm_content': 'VARCHAR',
            'utm_term': 'VARCHAR',
            'salesforce_uuid': 'VARCHAR',
        },
        'routing_form_submission': 'VARCHAR',
        'questions_and_answers': 'JSON',
    }) -%}
{%- endmacro %}

{% macro calendly_event_fields() -%}
    {%- do return({
        'uri': 'VARCHAR',
        'name': 'VARCHAR',
        'status': 'VARCHAR',
        'start_time': 'VARCHAR',
        'end_time': 'VARCHAR',
        'event_type': 'VARCHAR',
        'created_at': 'VARCHAR',
        'updated_at': 'VARCHAR',
        'location': {'type': 'VARCHAR'},
        'invitees_counter': {'total': 'BIGINT', 'active': 'BIGINT'},
        'event_memberships': 'JSON',
    }) -%}
{%- endmacro %}

{% macro event_type_key(event_type_uri, event_type_name) -%}
    {#- What identifies an event type where not every source has its URI: the URI, else its name. -#}
    coalesce({{ event_type_uri }}, 'name:' || nullif(trim({{ event_type_name }}), ''))
{%- endmacro %}

{% macro holds_at(instant, period) -%}
    {#- The period [valid_from, valid_to), open where blank, contains the instant. -#}
    (
        ({{ period }}.valid_from is null or {{ instant }} >= {{ period }}.valid_from)
        and ({{ period }}.valid_to is null or {{ instant }} < {{ period }}.valid_to)
    )
{%- endmacro %}

{% macro is_rescheduled() -%}
    {#-
        Whether an invitee is the old half of a reschedule. The flag tells only of canceled ones: on the new half, which
        has an old_invitee, it is false.
    -#}
    ((is_canceled and coalesce(is_marked_rescheduled, false)) or new_invitee_uri is not null)
{%- endmacro %}
