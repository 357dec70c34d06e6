{#-
    Attribution depends only on what counts in it. Where a CRM has touchpoints of its own for who came to a webinar, or who
    booked, those of the webinars or bookings would be the second; and a refresh leaves attribution alone when somebody signs
    up or books.
-#}
{%- set sources = attribution_touchpoint_sources() -%}
{%- set with_webinars = var('webinar_attendance_is_touch') -%}
with
{% if 'crm' in sources -%}
    crm_touchpoints as (
        select * from {{ ref('int_crm_touchpoints__unioned') }}
    ),

{% endif -%}
{% if 'bookings' in sources -%}
    booking_touchpoints as (
        select * from {{ ref('int_booking_touchpoints__linked') }}
    ),

{% endif -%}
{% if with_webinars -%}
    webinar_touchpoints as (
        select * from {{ ref('int_webinar_touchpoints__linked') }}
    ),

{% endif -%}
touchpoints as (
    {% if 'crm' in sources -%}
        select
            'crm' as source,
            touchpoint_type,
            touchpoint_id,
            contact_id,
            account_id,
            touchpoint_at,
            is_contact_known,
            channel_name
        from crm_touchpoints
        {{ 'union all' if 'bookings' in sources or with_webinars }}
    {% endif -%}
    {% if 'bookings' in sources -%}
        select
            'bookings' as source,
            'marketing' as touchpoint_type,
            touchpoint_id,
            contact_id,
            account_id,
            touchpoint_at,
            contact_id is not null as is_contact_known,
            channel_name
        from booking_touchpoints
        {{ 'union all' if with_webinars }}
    {% endif -%}
    {% if with_webinars -%}
        select
            'webinars' as source,
            'marketing' as touchpoint_type,
            touchpoint_id,
            contact_id,
            account_id,
            touchpoint_at,
            contact_id is not null as is_contact_known,
            channel_name
        from webinar_touchpoints
    {%- endif %}
)

select * from touchpoints
