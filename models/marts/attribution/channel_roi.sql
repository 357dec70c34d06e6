with attribution_credits as (
    select * from {{ ref('attribution_credits') }}
),

channel_spend as (
    select * from {{ ref('int_channel_spend__monthly') }}
),

attribution_models as (
    select * from {{ ref('attribution_models') }}
),

attributed_by_month as (
    select
        attribution_model,
        channel_name,
        created_month_start_date as month_start_date,
        sum(attributed_amount) as attributed_amount
    from attribution_credits
    group by attribution_model, channel_name, created_month_start_date
),

spend_by_model as (
    select
        attribution_models.attribution_model,
        channel_spend.channel_name,
        channel_spend.month_start_date,
        channel_spend.spend
    from channel_spend
    cross join attribution_models
),

-- A channel may cost money in a month that brings no opportunity, and the other way round.
months as (
    select
        spend_by_model.spend,
        coalesce(attributed_by_month.attribution_model, spend_by_model.attribution_model) as attribution_model,
        coalesce(attributed_by_month.channel_name, spend_by_model.channel_name) as channel_name,
        coalesce(attributed_by_month.month_start_date, spend_by_model.month_start_date) as month_start_date,
        coalesce(attributed_by_month.attributed_amount, 0) as attributed_amount,
        spend_by_model.channel_name is not null as is_spend_known
    from attributed_by_month
    full outer join spend_by_model
        on
            attributed_by_month.attribution_model = spend_by_model.attribution_model
            and attributed_by_month.channel_name = spend_by_model.channel_name
            and attributed_by_month.month_start_date = spend_by_model.month_start_date
),

-- Only what was earned while the costs are known can be compared with them.
comparable_months as (
    select
        attribution_model,
        channel_name,
        month_start_date,
        attributed_amount,
        spend,
        case when is_spend_known then attributed_amount else 0 end as attributed_amount_with_spend,
        is_spend_known and spend is null as is_rate_missing
    from months
),

all_time as (
    select
        attribution_model,
        channel_name,
        cast(null as date) as month_start_date,
        sum(attributed_amount) as attributed_amount,
        sum(attributed_amount_with_spend) as attributed_amount_with_spend,
        {{ sum_if_converted('spend', 'is_rate_missing') }} as spend,
        {{ dbt.bool_or('is_rate_missing') }} as is_rate_missing
    from comparable_months
    group by attribution_model, channel_name
),

periods as (
    select
        attribution_model,
        channel_name,
        month_start_date,
        attributed_amount,
        attributed_amount_with_spend,
        spend,
        is_rate_missing
    from comparable_months
    union all
    select
        attribution_model,
        channel_name,
        month_start_date,
        attributed_amount,
        attributed_amount_with_spend,
        spend,
        is_rate_missing
    from all_time
),

channel_roi as (
    select
        periods.attribution_model,
        attribution_models.attribution_model_label,
        periods.channel_name,
        {{ channel_label('periods.channel_name') }} as channel_label,
        periods.channel_name != 'unattributed' as is_attributed,
        periods.month_start_date,
        cast(periods.attributed_amount as decimal(38, 9)) as attributed_amount,
        cast(periods.attributed_amount_with_spend as decimal(38, 9)) as attributed_amount_with_spend,
        cast(periods.spend as decimal(38, 9)) as spend,
        periods.is_rate_missing,
        cast(periods.attributed_amount - periods.spend as decimal(38, 9)) as profit,
        {{ rate('periods.attributed_amount - periods.spend', 'periods.spend') }} * 100 as roi_pct,
        cast(periods.attributed_amount_with_spend - periods.spend as decimal(38, 9)) as comparable_profit,
        {{ rate('periods.attributed_amount_with_spend - periods.spend', 'periods.spend') }} * 100 as comparable_roi_pct
    from periods
    inner join attribution_models on periods.attribution_model = attribution_models.attribution_model
)

select * from channel_roi
