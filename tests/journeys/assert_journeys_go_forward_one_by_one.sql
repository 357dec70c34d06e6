-- Positions run from 1 without a gap, no event lies before the one whose place it takes, and the days add up.
with events as (
    select
        *,
        lag(journey_position, 1, 0) over (partition by account_id order by journey_position) as position_before,
        lag(event_at) over (partition by account_id order by journey_position) as event_before_at,
        lag(days_since_first) over (partition by account_id order by journey_position) as days_before
    from {{ ref('account_journeys') }}
)

select
    account_id,
    journey_position,
    event_at,
    event_before_at,
    days_since_previous,
    days_since_first
from events
where
    journey_position != position_before + 1
    or event_at < event_before_at
    or (journey_position = 1) != (days_since_previous is null)
    or (journey_position = 1 and days_since_first != 0)
    or days_since_previous < 0
    or round((days_since_first - days_before - days_since_previous) * 86400) != 0
