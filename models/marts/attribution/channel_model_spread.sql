with channel_pipeline as (
    select * from {{ ref('channel_pipeline') }}
),

attribution_models as (
    select * from {{ ref('attribution_models') }}
),

channels as (
    select distinct
        channel_name,
        channel_label,
        is_attributed
    from channel_pipeline
),

-- A model that gives a channel nothing has no row for it, and still counts as the lowest.
amounts as (
    select
        channels.channel_name,
        channels.channel_label,
        channels.is_attributed,
        attribution_models.attribution_model_label,
        attribution_models.sort_order,
        coalesce(channel_pipeline.attributed_amount, 0) as attributed_amount
    from channels
    cross join attribution_models
    left join channel_pipeline
        on
            channels.channel_name = channel_pipeline.channel_name
            and attribution_models.attribution_model = channel_pipeline.attribution_model
),

ranked_amounts as (
    select
        *,
        row_number() over (partition by channel_name order by attributed_amount, sort_order) as nth_lowest,
        row_number() over (partition by channel_name order by attributed_amount desc, sort_order asc) as nth_highest
    from amounts
),

spreads as (
    select
        channel_name,
        channel_label,
        is_attributed,
        cast(min(attributed_amount) as decimal(38, 9)) as lowest_amount,
        cast(max(attributed_amount) as decimal(38, 9)) as highest_amount,
        cast(max(attributed_amount) - min(attributed_amount) as decimal(38, 9)) as spread,
        max(case when nth_lowest = 1 then attribution_model_label end) as first_lowest_model,
        max(case when nth_highest = 1 then attribution_model_label end) as first_highest_model
    from ranked_amounts
    group by channel_name, channel_label, is_attributed
),

-- Where all models agree there is no lowest and no highest one to name.
named_spreads as (
    select
        channel_name,
        channel_label,
        is_attributed,
        lowest_amount,
        highest_amount,
        spread,
        case when spread > 0 then first_lowest_model end as lowest_model,
        case when spread > 0 then first_highest_model end as highest_model
    from spreads
)

select * from named_spreads
