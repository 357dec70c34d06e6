with opportunity_paths as (
    select * from {{ ref('opportunity_paths') }}
),

-- Every opportunity stands in the channel that its path begins with, and once more in all of them.
opportunities_of_channels as (
    select
        coalesce(first_channel, {{ nothing_known() }}) as channel,
        coalesce(first_channel_label, 'Nothing known') as channel_label,
        false as is_all_channels,
        pipeline_amount,
        path_length,
        days_to_opportunity
    from opportunity_paths
    union all
    select
        '(all)' as channel,
        'All channels' as channel_label,
        true as is_all_channels,
        pipeline_amount,
        path_length,
        days_to_opportunity
    from opportunity_paths
),

channels as (
    select
        channel,
        channel_label,
        is_all_channels,
        {{ path_measures() }}
    from opportunities_of_channels
    group by channel, channel_label, is_all_channels
),

measured_channels as (
    select
        channel,
        channel_label,
        is_all_channels,
        channel != {{ nothing_known() }} as is_known,
        opportunities,
        pipeline_amount,
        {{ rate('opportunities', 'sum(opportunities) over (partition by is_all_channels)') }} as share_of_opportunities,
        average_path_length,
        median_path_length,
        median_days_to_opportunity,
        {{ rank_by_opportunities(['channel'], 'not is_all_channels and channel != ' ~ nothing_known()) }}
            as rank_by_opportunities
    from channels
)

select * from measured_channels
