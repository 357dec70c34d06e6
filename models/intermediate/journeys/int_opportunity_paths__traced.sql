{{ config(materialized='table') }}

with opportunities as (
    select * from {{ ref('int_opportunities__labelled') }}
),

-- An opportunity is what a path leads to, and a payment comes after it.
events as (
    select * from {{ ref('int_account_journeys__ordered') }}
    where event_kind in ('touch', 'booking', 'webinar')
),

events_in_window as (
    select
        opportunities.opportunity_id,
        events.journey_position,
        events.event_at,
        events.channel,
        events.channel_label
    from opportunities
    inner join events
        on
            opportunities.account_id = events.account_id
            and opportunities.opportunity_created_at >= events.event_at
            and {{ window_start('opportunities.opportunity_created_at') }} <= events.event_at
),

events_beside_their_neighbours as (
    select
        *,
        lag(channel_label) over (partition by opportunity_id order by journey_position) as channel_label_before,
        row_number() over (partition by opportunity_id order by journey_position asc) as rank_from_first,
        row_number() over (partition by opportunity_id order by journey_position desc) as rank_from_last
    from events_in_window
),

-- A step is a run of events in one channel: three advertisements in a row say as much as one.
step_beginnings as (
    select
        *,
        case when channel_label = channel_label_before then 0 else 1 end as steps_begun
    from events_beside_their_neighbours
),

events_in_steps as (
    select
        *,
        sum(steps_begun) over (
            partition by opportunity_id
            order by journey_position
            rows between unbounded preceding and current row
        ) as step
    from step_beginnings
),

paths as (
    select
        opportunity_id,
        {{ path_text('channel_label', 'step', 'steps_begun', 'journey_position') }} as channel_path,
        count(*) as path_length,
        max(step) as step_count,
        count(distinct channel) as channel_count,
        max(case when rank_from_first = 1 then channel end) as first_channel,
        max(case when rank_from_last = 1 then channel end) as last_channel,
        min(event_at) as first_event_at
    from events_in_steps
    group by opportunity_id
),

opportunity_paths as (
    select
        opportunities.opportunity_id,
        opportunities.account_id,
        opportunities.opportunity_created_at,
        opportunities.created_month_start_date,
        opportunities.sales_segment,
        opportunities.pipeline_amount,
        paths.channel_path,
        paths.first_channel,
        paths.last_channel,
        paths.first_event_at,
        cast(coalesce(paths.path_length, 0) as bigint) as path_length,
        cast(coalesce(paths.step_count, 0) as bigint) as step_count,
        cast(coalesce(paths.channel_count, 0) as bigint) as channel_count,
        {{ channel_label('paths.first_channel') }} as first_channel_label,
        {{ channel_label('paths.last_channel') }} as last_channel_label,
        {{ days_between('paths.first_event_at', 'opportunities.opportunity_created_at') }} as days_to_opportunity
    from opportunities
    left join paths on opportunities.opportunity_id = paths.opportunity_id
)

select * from opportunity_paths
