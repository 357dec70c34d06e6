{{ config(materialized='table') }}

with account_events as (
    select * from {{ ref('int_account_events__unioned') }}
),

ranked_events as (
    select
        *,
        case event_kind
            {% for event_kind in journey_event_kinds() %}
                when '{{ event_kind }}' then {{ loop.index }}
            {% endfor %}
        end as kind_rank
    from account_events
),

placed_events as (
    select
        *,
        row_number() over (partition by account_id order by event_at, kind_rank, event_id) as journey_position,
        lag(event_at) over (partition by account_id order by event_at, kind_rank, event_id) as previous_event_at,
        min(event_at) over (partition by account_id) as first_event_at
    from ranked_events
),

account_journeys as (
    select
        account_id,
        journey_position,
        event_kind,
        event_id,
        event_at,
        channel,
        event_label,
        person_id,
        amount,
        {{ reporting_date('event_at') }} as event_date,
        {{ channel_label('channel') }} as channel_label,
        {{ days_between('previous_event_at', 'event_at') }} as days_since_previous,
        {{ days_between('first_event_at', 'event_at') }} as days_since_first
    from placed_events
)

select * from account_journeys
