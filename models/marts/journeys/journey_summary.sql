with account_journeys as (
    select * from {{ ref('account_journeys') }}
),

opportunity_paths as (
    select * from {{ ref('opportunity_paths') }}
),

journey_paths as (
    select * from {{ ref('journey_paths') }}
),

journeys as (
    select
        count(distinct account_id) as account_count,
        count(*) as events
    from account_journeys
),

paths as (
    select
        {{ path_measures() }},
        count(channel_path) as opportunities_with_path
    from opportunity_paths
),

top_paths as (
    select
        channel_path as top_path,
        opportunities as top_path_opportunities
    from journey_paths
    where rank_by_opportunities = 1
),

journey_summary as (
    select
        journeys.account_count,
        journeys.events,
        paths.opportunities,
        paths.opportunities_with_path,
        {{ rate('paths.opportunities_with_path', 'paths.opportunities') }} as share_with_path,
        paths.median_path_length,
        paths.median_days_to_opportunity,
        top_paths.top_path,
        top_paths.top_path_opportunities
    from journeys
    cross join paths
    left join top_paths on true
)

select * from journey_summary
