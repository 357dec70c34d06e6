with opportunity_paths as (
    select * from {{ ref('opportunity_paths') }}
    where channel_path is not null
),

ends as (
    select
        first_channel,
        first_channel_label,
        last_channel,
        last_channel_label,
        {{ path_measures() }}
    from opportunity_paths
    group by first_channel, first_channel_label, last_channel, last_channel_label
),

shared_ends as (
    select
        first_channel,
        first_channel_label,
        last_channel,
        last_channel_label,
        opportunities,
        pipeline_amount,
        {{ rate('opportunities', 'sum(opportunities) over ()') }} as share_of_opportunities,
        median_path_length,
        median_days_to_opportunity,
        {{ rank_by_opportunities(['first_channel', 'last_channel']) }} as rank_by_opportunities
    from ends
)

select * from shared_ends
