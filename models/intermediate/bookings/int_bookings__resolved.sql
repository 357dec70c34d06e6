{{ config(materialized='table') }}

with links as (
    select * from {{ ref('int_booking_links__chained') }}
),

invitees as (
    select * from {{ ref('int_invitees__resolved') }}
),

scheduled_events as (
    select * from {{ ref('int_scheduled_events__resolved') }}
),

event_types as (
    select * from {{ ref('int_event_types__unioned') }}
),

event_type_channels as (
    select * from {{ ref('int_event_type_channels__dated') }}
),

sign_ups as (
    select * from {{ ref('int_webinar_sign_ups__settled') }}
),

ranked_links as (
    select
        links.booking_id,
        links.invitee_uri,
        links.is_known,
        links.is_fork,
        links.is_in_loop,
        invitees.is_known_from_api,
        invitees.is_known_from_webhook,
        invitees.is_known_from_export,
        row_number() over (
            partition by links.booking_id, links.is_known
            order by links.link_position asc, links.created_at asc nulls last, links.invitee_uri asc
        ) as rank_from_first,
        row_number() over (
            partition by links.booking_id, links.is_known
            order by links.link_position desc, links.created_at desc nulls last, links.invitee_uri desc
        ) as rank_from_last,
        row_number() over (
            partition by links.booking_id
            order by links.link_position desc, links.created_at desc nulls last, links.invitee_uri desc
        ) as rank_from_last_of_all,
        first_value(links.created_at ignore nulls) over (
            partition by links.booking_id
            order by links.link_position asc, links.created_at asc nulls last, links.invitee_uri asc
            rows between unbounded preceding and unbounded following
        ) as booked_at
    from links
    left join invitees on links.invitee_uri = invitees.invitee_uri
),

chains as (
    select
        booking_id,
        booked_at,
        cast(count(*) - 1 as integer) as reschedule_count,
        max(case when rank_from_last_of_all = 1 then invitee_uri end) as last_invitee_uri,
        max(case when is_known and rank_from_first = 1 then invitee_uri end) as first_known_uri,
        max(case when is_known and rank_from_last = 1 then invitee_uri end) as last_known_uri,
        coalesce({{ dbt.bool_or('is_known_from_api') }}, false) as is_known_from_api,
        coalesce({{ dbt.bool_or('is_known_from_webhook') }}, false) as is_known_from_webhook,
        coalesce({{ dbt.bool_or('is_known_from_export') }}, false) as is_known_from_export,
        {{ dbt.bool_or('is_fork') }} as has_fork,
        {{ dbt.bool_or('is_in_loop') }} as has_loop,
        {{ dbt.bool_or('not is_known') }} as has_missing_link
    from ranked_links
    group by booking_id, booked_at
),

-- The channel is that of the first known link's event type when the booking was made.
booked_chains as (
    select
        chains.*,
        first_events.event_type_uri,
        event_types.event_type_name,
        event_type_channels.campaign,
        first_invitees.invitee_time_zone,
        first_invitees.utm_campaign,
        first_invitees.utm_source,
        first_invitees.utm_medium,
        coalesce(event_type_channels.channel, 'unmapped') as channel
    from chains
    inner join invitees as first_invitees on chains.first_known_uri = first_invitees.invitee_uri
    left join scheduled_events as first_events
        on first_invitees.scheduled_event_uri = first_events.scheduled_event_uri
    left join event_types on first_events.event_type_key = event_types.event_type_key
    left join event_type_channels
        on
            first_events.event_type_key = event_type_channels.event_type_key
            and {{ holds_at('chains.booked_at', 'event_type_channels') }}
),

bookings as (
    select
        booked_chains.booking_id,
        booked_chains.last_invitee_uri,
        booked_chains.event_type_uri,
        booked_chains.event_type_name,
        booked_chains.channel,
        booked_chains.campaign,
        booked_chains.booked_at,
        booked_chains.reschedule_count,
        last_invitees.scheduled_event_uri,
        last_events.start_at as meeting_start_at,
        last_events.end_at as meeting_end_at,
        booked_chains.invitee_time_zone,
        booked_chains.utm_campaign,
        booked_chains.utm_source,
        booked_chains.utm_medium,
        booked_chains.has_fork,
        booked_chains.has_loop,
        booked_chains.has_missing_link,
        booked_chains.is_known_from_api,
        booked_chains.is_known_from_webhook,
        booked_chains.is_known_from_export,
        case
            -- To an invitee who is not known: the meeting is still to come, for all that is known.
            when last_invitees.is_rescheduled and not coalesce(last_links.is_outdone, false) then 'scheduled'
            when last_invitees.is_canceled then 'canceled'
            -- Who came to a webinar its platform knows better than who set a mark, or none.
            when last_sign_ups.is_attended then 'held'
            when not last_sign_ups.is_attended then 'no_show'
            when last_invitees.is_no_show then 'no_show'
            when last_events.start_at <= {{ as_of() }} then 'held'
            else 'scheduled'
        end as status
    from booked_chains
    inner join invitees as last_invitees on booked_chains.last_known_uri = last_invitees.invitee_uri
    inner join links as last_links on booked_chains.last_known_uri = last_links.invitee_uri
    left join scheduled_events as last_events
        on last_invitees.scheduled_event_uri = last_events.scheduled_event_uri
    left join sign_ups as last_sign_ups on last_invitees.invitee_uri = last_sign_ups.invitee_uri
)

select * from bookings
