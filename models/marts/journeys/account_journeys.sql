select
    account_id,
    journey_position,
    event_kind,
    event_id,
    event_at,
    event_date,
    channel,
    channel_label,
    event_label,
    person_id,
    amount,
    days_since_previous,
    days_since_first
from {{ ref('int_account_journeys__ordered') }}
