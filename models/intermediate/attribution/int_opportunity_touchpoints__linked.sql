{{ config(materialized='table') }}

with opportunities as (
    select * from {{ ref('int_opportunities__labelled') }}
),

touchpoints as (
    select * from {{ ref('int_touchpoints__unioned') }}
),

touchpoints_in_window as (
    select
        opportunities.opportunity_id,
        opportunities.account_id,
        opportunities.pipeline_amount,
        opportunities.opportunity_created_at,
        opportunities.created_month_start_date,
        opportunities.sales_segment,
        touchpoints.touchpoint_id,
        touchpoints.touchpoint_type,
        touchpoints.channel_name,
        touchpoints.contact_id,
        touchpoints.touchpoint_at
    from opportunities
    inner join touchpoints
        on
            opportunities.account_id = touchpoints.account_id
            and opportunities.opportunity_created_at >= touchpoints.touchpoint_at
            and {{ window_start('opportunities.opportunity_created_at') }} <= touchpoints.touchpoint_at
),

touchpoints_in_order as (
    select
        *,
        -- A marketing and a sales touchpoint may share an id, so the type decides last.
        row_number() over (
            partition by opportunity_id
            order by touchpoint_at, touchpoint_id, touchpoint_type
        ) as touch_position,
        count(*) over (partition by opportunity_id) as touch_count
    from touchpoints_in_window
)

select * from touchpoints_in_order
