-- Nobody is there longer than from joining first to leaving last, nor shorter than the longest session. What is known
-- only to have lasted, and not when, is left out.
with sessions as (
    select
        guest_sessions.webinar_id,
        known_people.person_id,
        max({{ seconds_between('guest_sessions.joined_at', 'guest_sessions.left_at') }}) as longest_seconds
    from {{ ref('int_webinar_sessions__unioned') }} as guest_sessions
    inner join {{ ref('int_people__resolved') }} as known_people
        on guest_sessions.person_key = known_people.identifier_key
    where not guest_sessions.is_staff
    group by guest_sessions.webinar_id, known_people.person_id
    having count(guest_sessions.unplaced_seconds) = 0
),

people as (
    select
        webinar_id,
        person_id,
        attended_seconds,
        {{ seconds_between('joined_at', 'left_at') }} as present_seconds
    from {{ ref('int_webinar_people__resolved') }}
    where is_attended
)

select people.*
from people
inner join sessions on people.webinar_id = sessions.webinar_id and people.person_id = sessions.person_id
where (people.attended_seconds between sessions.longest_seconds and people.present_seconds) is not true
