with opportunity_paths as (
    select
        *,
        coalesce(channel_path, {{ nothing_known() }}) as known_path
    from {{ ref('opportunity_paths') }}
),

paths as (
    select
        known_path as channel_path,
        {{ path_measures() }}
    from opportunity_paths
    group by known_path
),

ranked_paths as (
    select
        channel_path,
        channel_path != {{ nothing_known() }} as is_known,
        opportunities,
        pipeline_amount,
        {{ rate('opportunities', 'sum(opportunities) over ()') }} as share_of_opportunities,
        average_path_length,
        median_days_to_opportunity,
        {{ rank_by_opportunities(['channel_path'], 'channel_path != ' ~ nothing_known()) }} as rank_by_opportunities
    from paths
)

select * from ranked_paths
