{#- How webinar platforms write what they know, and what several models do with it. -#}

{% macro bigmarker_registrant(record, conference_id) -%}
    {#- Whom a record of BigMarker is about: the account's id of the person, else the one that holds in the conference. -#}
    coalesce(nullif(trim({{ record }}.bmid), ''), {{ conference_id }} || ':' || nullif(trim({{ record }}.id), ''))
{%- endmacro %}

{% macro digits_of(text) -%}
    {#- The digits of a text; null if it has none. -#}
    nullif(regexp_replace({{ text }}, '[^0-9]', '', 'g'), '')
{%- endmacro %}

{% macro duration_seconds(duration) -%}
    {#-
        Whole seconds of a duration as BigMarker writes it: 00:45:12, 45:12, PT45M12S, or a number of minutes. Null if it
        is none of these.
    -#}
    {%- set clock = "'^(?:([0-9]{1,4}):)?([0-9]{1,4}):([0-9]{1,2})$'" -%}
    {%- set iso = "'^PT(?:([0-9]{1,4})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,7})(?:[.][0-9]+)?S)?$'" -%}
    case
        {%- for form in [clock, iso] %}
        when regexp_matches(trim({{ duration }}), {{ form }}) and regexp_matches({{ duration }}, '[0-9]')
            then
                {%- for factor in [3600, 60, 1] %}
                coalesce(try_cast(regexp_extract(trim({{ duration }}), {{ form }}, {{ loop.index }}) as bigint), 0)
                * {{ factor }}{{ ' +' if not loop.last }}
                {%- endfor %}
        {%- endfor %}
        when regexp_matches(trim({{ duration }}), '^[0-9]{1,6}([.][0-9]+)?$')
            then cast(floor(cast(trim({{ duration }}) as double) * 60) as bigint)
    end
{%- endmacro %}

{% macro webinar_end(starts_at, ends_at, duration_minutes) -%}
    {#- When a webinar ended or will end: as it is told, else by its scheduled minutes, else an hour after its start. -#}
    greatest(
        {{ starts_at }},
        coalesce({{ ends_at }}, {{ seconds_after(starts_at, 'coalesce(' ~ duration_minutes ~ ', 60) * 60') }})
    )
{%- endmacro %}

{% macro minutes_of_one_start() -%}
    {#- How far apart two sources may tell the start of one and the same instance. -#}
    10
{%- endmacro %}

{% macro true_of_one_start(condition, webinar) -%}
    {#-
        Whether the condition holds of this part of a webinar or of another one with the same start, as two sources tell it.
    -#}
    {{ dbt.bool_or(condition) }} over (
        partition by {{ webinar }}
        order by starts_at
        range between interval '{{ minutes_of_one_start() }} minutes' preceding
        and interval '{{ minutes_of_one_start() }} minutes' following
    )
{%- endmacro %}

{% macro webinar_person_key(email, platform, registrant_id, record_key) -%}
    {#- Who somebody is, over all platforms: the e-mail address, else the platform's registrant, else this record alone. -#}
    coalesce(
        'email:' || {{ email }},
        'registrant:' || {{ platform }} || ':' || {{ registrant_id }},
        'session:' || {{ record_key }}
    )
{%- endmacro %}

{% macro webinar_identifier_key(registrations) -%}
    {#- Which identifier registered: Calendly's invitee, else the one that webinar_person_key names. -#}
    case
        when {{ registrations }}.registration_kind = 'invitee'
            then 'invitee:' || {{ registrations }}.registration_key
        else {{ registrations }}.person_key
    end
{%- endmacro %}

{% macro registration_status(status) -%}
    {#- A platform's word for what became of a registration; one that keeps no such list takes everybody. -#}
    case
        when {{ status }} is null or trim({{ status }}) = '' or lower({{ status }}) like 'approved%' then 'registered'
        when lower({{ status }}) like 'pending%' then 'pending'
        when lower({{ status }}) like 'cancel%' then 'canceled'
        when lower({{ status }}) like 'denied%' or lower({{ status }}) like 'declined%' then 'denied'
        else 'other'
    end
{%- endmacro %}

{% macro platform_label(platform) -%}
    {#- A platform's name as pages show it. -#}
    case {{ platform }}
        when 'zoom' then 'Zoom'
        when 'bigmarker' then 'BigMarker'
        else coalesce({{ channel_label(platform) }}, '(no platform)')
    end
{%- endmacro %}

{% macro same_slice(slice, other) -%}
    {#- Whether two rows are of the same period, course and language; all time has no first day. -#}
    {{ slice }}.period_start_date is not distinct from {{ other }}.period_start_date
    {%- for column in ['period_kind', 'course_label', 'is_all_courses', 'language_label', 'is_all_languages'] %}
    and {{ slice }}.{{ column }} = {{ other }}.{{ column }}
    {%- endfor %}
{%- endmacro %}

{% macro summed_webinar_figures() -%}
    {#- What adds up in webinar_funnel, added up; what only a report tells is null where there is none. -#}
    {%- for column in ['registered', 'registered_reported', 'attended', 'walk_ins', 'attended_seconds'] %}
    cast(sum({{ column }}) as bigint) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro rolled_up_webinar_figures() -%}
    {#- In a select list: what a roll-up of webinar_funnel_by_period takes from it, as it is. -#}
    webinars,
    webinars_held,
    registered,
    registered_reported,
    attended,
    attendance_rate,
    walk_ins,
    attendees,
    average_attended_minutes,
    people
{%- endmacro %}

{% macro registration_statuses() -%}
    {#- What may become of a registration, in order of what it says: who is registered in one place is registered. -#}
    {%- do return(['registered', 'late', 'pending', 'rescheduled', 'canceled', 'denied', 'other']) -%}
{%- endmacro %}
