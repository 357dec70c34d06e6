{{ config(materialized='table') }}

with invitees as (
    select * from {{ ref('int_invitees__resolved') }}
),

scheduled_events as (
    select * from {{ ref('int_scheduled_events__resolved') }}
),

catalogue as (
    select * from {{ ref('int_webinar_catalogue__cleaned') }}
),

instances as (
    select * from {{ ref('int_webinar_platform_instances__resolved') }}
),

webinar_event_types as (
    select distinct event_type_uri
    from catalogue
    where event_type_uri is not null
),

sign_ups as (
    select
        invitees.invitee_uri,
        invitees.scheduled_event_uri,
        invitees.created_at as registered_at,
        invitees.is_rescheduled,
        scheduled_events.event_type_uri,
        scheduled_events.start_at as meeting_start_at,
        scheduled_events.end_at as meeting_end_at,
        {{ email_address('invitees.invitee_email') }} as invitee_email,
        not invitees.is_canceled and not invitees.is_rescheduled as is_active,
        {{ reporting_date('scheduled_events.start_at') }} as meeting_date
    from invitees
    inner join scheduled_events on invitees.scheduled_event_uri = scheduled_events.scheduled_event_uri
    inner join webinar_event_types on scheduled_events.event_type_uri = webinar_event_types.event_type_uri
),

-- Rows are numbered with the dated ones first.
row_ids as (
    select
        sign_ups.invitee_uri,
        min(catalogue.catalogue_row_id) as catalogue_row_id
    from sign_ups
    inner join catalogue
        on
            sign_ups.event_type_uri = catalogue.event_type_uri
            and (catalogue.webinar_date is null or sign_ups.meeting_date = catalogue.webinar_date)
    where sign_ups.meeting_date is not null
    group by sign_ups.invitee_uri
),

rows_of_sign_ups as (
    select
        catalogue.*,
        row_ids.invitee_uri
    from row_ids
    inner join catalogue on row_ids.catalogue_row_id = catalogue.catalogue_row_id
),

ranked_instances as (
    select
        rows_of_sign_ups.invitee_uri,
        instances.webinar_id,
        row_number() over (
            partition by rows_of_sign_ups.invitee_uri
            order by
                abs({{ seconds_between('sign_ups.meeting_start_at', 'instances.starts_at') }}) asc,
                instances.starts_at asc,
                instances.webinar_id asc
        ) as distance_rank
    from rows_of_sign_ups
    inner join sign_ups on rows_of_sign_ups.invitee_uri = sign_ups.invitee_uri
    inner join instances
        on
            rows_of_sign_ups.platform = instances.platform
            and rows_of_sign_ups.platform_webinar_id = instances.platform_webinar_id
            and sign_ups.meeting_date = instances.start_date
),

-- No platform knows of it: not loaded, not held there, or still to be set up. A name may be that of two webinars of one
-- day, in two languages.
catalogue_webinars as (
    select
        sign_ups.invitee_uri,
        coalesce(rows_of_sign_ups.platform, 'catalogue')
        || ':' || coalesce(
            rows_of_sign_ups.platform_webinar_id,
            coalesce(rows_of_sign_ups.webinar, rows_of_sign_ups.event_type_uri)
            || coalesce(' (' || rows_of_sign_ups.language || ')', '')
        )
        || ':' || cast(sign_ups.meeting_date as varchar) as dated_id
    from rows_of_sign_ups
    inner join sign_ups on rows_of_sign_ups.invitee_uri = sign_ups.invitee_uri
    left join ranked_instances on rows_of_sign_ups.invitee_uri = ranked_instances.invitee_uri
    where ranked_instances.invitee_uri is null
),

-- An instance of that number may have the date in its id, which is UTC's, and another in the reporting time zone.
taken_ids as (
    select
        dated_id,
        count(*) as instance_count
    from instances
    group by dated_id
),

matched_sign_ups as (
    select
        sign_ups.invitee_uri,
        sign_ups.scheduled_event_uri,
        sign_ups.invitee_email,
        sign_ups.registered_at,
        sign_ups.is_active,
        sign_ups.is_rescheduled,
        sign_ups.meeting_start_at,
        sign_ups.meeting_end_at,
        sign_ups.meeting_date,
        rows_of_sign_ups.catalogue_row_id,
        ranked_instances.webinar_id is not null as is_known_to_platform,
        coalesce(
            ranked_instances.webinar_id,
            catalogue_webinars.dated_id
            || case
                when taken_ids.instance_count > 0 then ':' || cast(taken_ids.instance_count + 1 as varchar)
                else ''
            end
        ) as webinar_id
    from sign_ups
    left join rows_of_sign_ups on sign_ups.invitee_uri = rows_of_sign_ups.invitee_uri
    left join ranked_instances
        on sign_ups.invitee_uri = ranked_instances.invitee_uri and ranked_instances.distance_rank = 1
    left join catalogue_webinars on sign_ups.invitee_uri = catalogue_webinars.invitee_uri
    left join taken_ids on catalogue_webinars.dated_id = taken_ids.dated_id
)

select * from matched_sign_ups
