-- The periods of an event type follow one another without gap or overlap, from the beginning of time to its end.
with periods as (
    select
        event_type_key,
        channel,
        valid_from,
        valid_to,
        row_number() over in_time as period_number,
        lag(valid_to) over in_time as previous_valid_to,
        lead(channel) over in_time is null as is_last
    from {{ ref('event_type_dim') }}
    window in_time as (partition by event_type_key order by valid_from asc nulls first)
)

select *
from periods
where
    (period_number = 1 and valid_from is not null)
    or (period_number > 1 and (previous_valid_to = valid_from) is not true)
    or (is_last and valid_to is not null)
    or valid_from >= valid_to
