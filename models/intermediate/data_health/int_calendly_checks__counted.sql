with bookings as (
    select
        count(*) as checked_records,
        count(*) filter (where booked_at is null) as without_date,
        count(*) filter (where channel = 'unmapped') as without_channel,
        count(*) filter (where meeting_start_at is null) as without_meeting_time,
        count(*) filter (where has_missing_link) as with_missing_link,
        count(*) filter (where has_fork) as with_fork,
        count(*) filter (where has_loop) as with_loop
    from {{ ref('int_bookings__resolved') }}
),

meetings as (
    select
        count(distinct bookings.scheduled_event_uri) as checked_records,
        count(distinct bookings.scheduled_event_uri) filter (
            where event_hosts.scheduled_event_uri is null
        ) as without_host
    from {{ ref('int_bookings__resolved') }} as bookings
    left join {{ ref('int_event_hosts__listed') }} as event_hosts
        on bookings.scheduled_event_uri = event_hosts.scheduled_event_uri
    where bookings.status != 'canceled'
),

deliveries as (
    select
        count(*) as checked_records,
        count(*) filter (where invitee_uri is null) as without_invitee
    from {{ ref('int_webhook_invitees__parsed') }}
),

api_records as (
    select
        (select count(*) from {{ ref('stg_calendly__rejected_records') }}) as rejected_records,
        (select count(*) from {{ ref('int_api_invitees__parsed') }})
        + (select count(*) from {{ ref('int_api_events__parsed') }}) as kept_records
),

webhook_records as (
    select
        (select count(*) from {{ ref('stg_calendly_webhooks__rejected_records') }}) as rejected_records,
        (select count(*) from {{ ref('stg_calendly_webhooks__deliveries') }}) as kept_records
),

export_records as (
    select
        (select count(*) from {{ ref('stg_calendly_export__rejected_records') }}) as rejected_records,
        (select count(*) from {{ ref('stg_calendly_export__invitees') }}) as kept_records
),

checks as (
    {% for check_name, affected_records in [
        ('bookings_without_date', 'without_date'),
        ('bookings_without_channel', 'without_channel'),
        ('bookings_without_meeting_time', 'without_meeting_time'),
        ('bookings_with_missing_link', 'with_missing_link'),
        ('bookings_with_fork', 'with_fork'),
        ('bookings_with_loop', 'with_loop'),
    ] %}
        select
            'calendly' as source,
            '{{ check_name }}' as check_name,
            {{ affected_records }} as affected_records,
            checked_records
        from bookings
        union all
    {% endfor %}
    select
        'calendly' as source,
        'meetings_without_host' as check_name,
        without_host as affected_records,
        checked_records
    from meetings
    union all
    select
        'calendly_webhooks' as source,
        'deliveries_without_invitee' as check_name,
        without_invitee as affected_records,
        checked_records
    from deliveries
    {% for source, records in [
        ('calendly', 'api_records'),
        ('calendly_webhooks', 'webhook_records'),
        ('calendly_export', 'export_records'),
    ] %}
        union all
        select
            '{{ source }}' as source,
            'rejected_records' as check_name,
            rejected_records as affected_records,
            rejected_records + kept_records as checked_records
        from {{ records }}
    {% endfor %}
)

select * from checks
