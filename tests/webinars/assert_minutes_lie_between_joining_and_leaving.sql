-- Nobody is there longer than from joining first to leaving last, nor shorter than the longest session. What is known
-- only to have lasted, and not when, is left out.
with sessions as (
    select
        webinar_id,
        person_key,
        max({{ seconds_between('joined_at', 'left_at') }}) as longest_seconds
    from {{ ref('int_webinar_sessions__unioned') }}
    where not is_staff
    group by webinar_id, person_key
    having count(unplaced_seconds) = 0
),

people as (
    select
        webinar_id,
        person_key,
        attended_seconds,
        {{ seconds_between('joined_at', 'left_at') }} as present_seconds
    from {{ ref('int_webinar_people__resolved') }}
    where is_attended
)

select people.*
from people
inner join sessions on people.webinar_id = sessions.webinar_id and people.person_key = sessions.person_key
where (people.attended_seconds between sessions.longest_seconds and people.present_seconds) is not true
