with bookings as (
    select * from {{ ref('int_bookings__resolved') }}
),

dated_bookings as (
    select
        *,
        {{ reporting_date('booked_at') }} as booked_date
    from bookings
),

bookings_fact as (
    select
        booking_id,
        last_invitee_uri,
        event_type_uri,
        event_type_name,
        channel,
        {{ channel_label('channel') }} as channel_label,
        {{ is_mapped('channel') }} as is_mapped,
        campaign,
        booked_at,
        booked_date,
        {{ month_start_date('booked_date') }} as booked_month_start_date,
        status,
        reschedule_count,
        scheduled_event_uri,
        meeting_start_at,
        meeting_end_at,
        {{ seconds_between('booked_at', 'meeting_start_at') }}
        / 3600.0 as lead_time_hours,
        invitee_time_zone,
        utm_campaign,
        utm_source,
        utm_medium,
        {{
            joined_names([
                ('is_known_from_api', 'api'),
                ('is_known_from_webhook', 'webhook'),
                ('is_known_from_export', 'export'),
            ], '+')
        }} as source,
        has_fork,
        has_loop,
        has_missing_link
    from dated_bookings
)

select * from bookings_fact
