with guest_sessions as (
    select * from {{ ref('int_webinar_sessions__unioned') }}
    where not is_staff
),

people as (
    select * from {{ ref('int_people__resolved') }}
),

sessions as (
    select
        guest_sessions.*,
        people.person_id
    from guest_sessions
    inner join people on guest_sessions.person_key = people.identifier_key
),

-- What each session adds to those that began before it: nothing where another device was already there.
added_sessions as (
    select
        *,
        greatest(
            joined_at,
            max(left_at) over (
                partition by webinar_id, person_id
                order by joined_at, left_at, session_kind, session_key
                rows between unbounded preceding and 1 preceding
            )
        ) as counted_from
    from sessions
),

attendance as (
    select
        webinar_id,
        person_id,
        min(joined_at) as joined_at,
        max(left_at) as left_at,
        count(*) as session_count,
        coalesce(
            sum(case when left_at > counted_from then {{ seconds_between('counted_from', 'left_at') }} end), 0
        ) as covered_seconds,
        coalesce(max(unplaced_seconds), 0) as unplaced_seconds
    from added_sessions
    group by webinar_id, person_id
),

merged_attendance as (
    select
        webinar_id,
        person_id,
        joined_at,
        left_at,
        session_count,
        cast(greatest(covered_seconds, unplaced_seconds) as bigint) as attended_seconds,
        {{ minutes_of('greatest(covered_seconds, unplaced_seconds)') }} as attended_minutes
    from attendance
)

select * from merged_attendance
