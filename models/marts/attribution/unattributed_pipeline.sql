with unattributed_opportunities as (
    select * from {{ ref('int_opportunities__unattributed') }}
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

pipeline as (
    select sum(pipeline_amount) as pipeline_amount from opportunities
),

reasons as (
    select
        unattributed_reason,
        cast(coalesce(sum(pipeline_amount), 0) as decimal(38, 9)) as pipeline_amount,
        count(*) as opportunities
    from unattributed_opportunities
    group by unattributed_reason
),

labelled_reasons as (
    select
        reasons.unattributed_reason,
        case reasons.unattributed_reason
            when 'no_account' then 'The opportunity has no account.'
            when 'no_contact' then 'No contact of its account is known.'
            when 'no_touch' then 'No contact of its account was ever touched.'
            when 'no_touch_in_window'
                then
                    'Its account was touched, but not in the {{ var("attribution_window_days") }} days before it was'
                    || ' created.'
        end as reason_label,
        reasons.opportunities,
        reasons.pipeline_amount,
        {{ rate('reasons.pipeline_amount', 'pipeline.pipeline_amount') }} as share_of_pipeline
    from reasons
    cross join pipeline
)

select * from labelled_reasons
