with attribution_credits as (
    select * from {{ ref('attribution_credits') }}
),

attribution_models as (
    select * from {{ ref('attribution_models') }}
),

channels as (
    select
        attribution_model,
        channel_name,
        sales_segment,
        cast(sum(attributed_amount) as decimal(38, 9)) as attributed_amount,
        count(distinct opportunity_id) as opportunities,
        channel_name != 'unattributed' as is_attributed
    from attribution_credits
    group by attribution_model, channel_name, sales_segment
),

ranked_channels as (
    select
        channels.attribution_model,
        attribution_models.attribution_model_label,
        channels.channel_name,
        {{ channel_label('channels.channel_name') }} as channel_label,
        channels.sales_segment,
        channels.is_attributed,
        channels.attributed_amount,
        channels.opportunities,
        {{ rate(
            'channels.attributed_amount',
            'sum(channels.attributed_amount) over (partition by channels.attribution_model, channels.sales_segment)'
        ) }} as share_of_segment_pipeline,
        case
            when channels.is_attributed
                then cast(row_number() over (
                    partition by channels.attribution_model, channels.sales_segment, channels.is_attributed
                    order by channels.attributed_amount desc, channels.channel_name asc
                ) as integer)
        end as rank_in_segment
    from channels
    inner join attribution_models on channels.attribution_model = attribution_models.attribution_model
)

select * from ranked_channels
