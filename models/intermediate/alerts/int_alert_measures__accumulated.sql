{{ config(materialized='table') }}

with bookings as (
    select * from {{ ref('int_bookings__resolved') }}
),

spend as (
    select * from {{ ref('int_spend__converted') }}
),

host_meetings as (
    select * from {{ ref('int_host_meetings__counted') }}
),

hosts as (
    select * from {{ ref('int_hosts__labelled') }}
),

loads as (
    select * from {{ ref('stg_meta__loads') }}
),

-- An export tells nothing of what came after it was made, however late it is read, or read again; a load that found no
-- newer one has no file, and has seen nothing.
last_look as (
    select
        max(
            case
                when source in ('calendly', 'calendly_webhooks') then finished_at
                when source = 'calendly_export' and file_modified_at is not null
                    then least(finished_at, file_modified_at)
            end
        ) as looked_at
    from loads
    where finished_at is not null
),

-- Days that were not loaded yet are not days without bookings.
first_incomplete_day as (
    select
        least(
            {{ reporting_date(as_of()) }},
            coalesce({{ reporting_date('looked_at') }}, {{ reporting_date(as_of()) }})
        ) as first_incomplete_date
    from last_look
),

dated_bookings as (
    select
        channel,
        status,
        {{ reporting_date('booked_at') }} as booked_date,
        {{ reporting_date('meeting_start_at') }} as meeting_date
    from bookings
),

channel_bookings as (
    select
        channel,
        booked_date as day_date,
        count(*) as bookings
    from dated_bookings
    where booked_date is not null
    group by channel, booked_date
),

channel_spend as (
    select
        channel,
        spend_date as day_date,
        cast(coalesce(sum(spend_in_reporting_currency), 0) as decimal(38, 9)) as spend,
        max(case when is_rate_missing then 1 else 0 end) as is_rate_missing
    from spend
    group by channel, spend_date
),

-- By the day of the meeting: by that of the booking, the newest days would have their cancellations already and the
-- meetings that are held not yet.
channel_outcomes as (
    select
        channel,
        meeting_date as day_date,
        count(*) filter (where status = 'held') as held,
        count(*) as outcomes
    from dated_bookings
    where meeting_date is not null and status != 'scheduled'
    group by channel, meeting_date
),

-- Of each metric what adds up: the figure of some days is the part of them, or part ÷ whole; a gap leaves it unknown.
measures as (
    select
        'cost_per_booking' as metric,
        'channel' as subject_kind,
        channel_spend.channel as subject,
        channel_spend.day_date,
        channel_spend.spend as part,
        coalesce(channel_bookings.bookings, 0) as whole,
        channel_spend.is_rate_missing as gaps
    from channel_spend
    left join channel_bookings
        on
            channel_spend.channel = channel_bookings.channel
            and channel_spend.day_date = channel_bookings.day_date
    union all
    select
        'spend_without_bookings' as metric,
        'channel' as subject_kind,
        channel_spend.channel as subject,
        channel_spend.day_date,
        channel_spend.spend as part,
        0 as whole,
        channel_spend.is_rate_missing as gaps
    from channel_spend
    union all
    select
        'spend_without_bookings' as metric,
        'channel' as subject_kind,
        channel_bookings.channel as subject,
        channel_bookings.day_date,
        0 as part,
        channel_bookings.bookings as whole,
        0 as gaps
    from channel_bookings
    where channel_bookings.channel in (select channel_spend.channel from channel_spend)
    union all
    select
        'bookings' as metric,
        'channel' as subject_kind,
        channel as subject,
        day_date,
        bookings as part,
        0 as whole,
        0 as gaps
    from channel_bookings
    where {{ is_mapped('channel') }}
    union all
    select
        'bookings' as metric,
        'all' as subject_kind,
        'all' as subject,
        day_date,
        bookings as part,
        0 as whole,
        0 as gaps
    from channel_bookings
    union all
    select
        'unmapped_share' as metric,
        'all' as subject_kind,
        'all' as subject,
        day_date,
        case when {{ is_mapped('channel') }} then 0 else bookings end as part,
        bookings as whole,
        0 as gaps
    from channel_bookings
    union all
    select
        'held_rate' as metric,
        'channel' as subject_kind,
        channel as subject,
        day_date,
        held as part,
        outcomes as whole,
        0 as gaps
    from channel_outcomes
    where {{ is_mapped('channel') }}
    union all
    select
        'held_rate' as metric,
        'all' as subject_kind,
        'all' as subject,
        day_date,
        held as part,
        outcomes as whole,
        0 as gaps
    from channel_outcomes
    union all
    select
        'host_load' as metric,
        'host' as subject_kind,
        host_uri as subject,
        {{ reporting_date('start_at') }} as day_date,
        count(*) as part,
        0 as whole,
        0 as gaps
    from host_meetings
    group by host_uri, {{ reporting_date('start_at') }}
),

daily_measures as (
    select
        metric,
        subject_kind,
        subject,
        day_date,
        cast(sum(part) as decimal(38, 9)) as part,
        cast(sum(whole) as bigint) as whole,
        cast(sum(gaps) as bigint) as gaps
    from measures
    group by metric, subject_kind, subject, day_date
),

first_booking as (
    select min(day_date) as first_date
    from channel_bookings
    having count(*) > 0
),

-- As long as no booking of any channel is known, spend without one says nothing.
subjects as (
    select
        daily_measures.metric,
        daily_measures.subject_kind,
        daily_measures.subject,
        case
            when daily_measures.metric = 'spend_without_bookings'
                then greatest(min(daily_measures.day_date), min(first_booking.first_date))
            else min(daily_measures.day_date)
        end as first_date,
        cast({{ dbt.dateadd('day', -1, 'min(first_incomplete_day.first_incomplete_date)') }} as date) as last_date
    from daily_measures
    cross join first_incomplete_day
    left join first_booking on true
    where daily_measures.metric != 'spend_without_bookings' or first_booking.first_date is not null
    group by daily_measures.metric, daily_measures.subject_kind, daily_measures.subject
),

days as (
    select
        metric,
        subject_kind,
        subject,
        last_date,
        {{ dates_between('first_date', 'last_date', 'day') }} as day_date
    from subjects
    where first_date <= last_date
),

accumulated_measures as (
    select
        days.metric,
        days.subject_kind,
        days.subject,
        days.day_date,
        cast(row_number() over subject_so_far as integer) as day_number,
        cast(sum(coalesce(daily_measures.part, 0)) over subject_so_far as decimal(38, 9)) as part_so_far,
        cast(sum(coalesce(daily_measures.whole, 0)) over subject_so_far as bigint) as whole_so_far,
        cast(sum(coalesce(daily_measures.gaps, 0)) over subject_so_far as bigint) as gaps_so_far,
        coalesce(hosts.host_label, days.subject) as subject_name,
        days.day_date = days.last_date as is_last_day
    from days
    left join daily_measures
        on
            days.metric = daily_measures.metric
            and days.subject_kind = daily_measures.subject_kind
            and days.subject = daily_measures.subject
            and days.day_date = daily_measures.day_date
    left join hosts on days.subject_kind = 'host' and days.subject = hosts.host_uri
    window subject_so_far as (
        partition by days.metric, days.subject_kind, days.subject
        order by days.day_date
        rows between unbounded preceding and current row
    )
)

select * from accumulated_measures
