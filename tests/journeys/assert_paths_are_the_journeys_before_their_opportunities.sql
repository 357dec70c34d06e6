-- Every opportunity of the CRM has its path, made of as many events as its account's journey has in the window.
with journeys as (
    select * from {{ ref('account_journeys') }}
    where event_kind in ('touch', 'booking', 'webinar')
),

expected as (
    select
        opportunities.opportunity_id,
        opportunities.pipeline_amount,
        count(journeys.event_id) as path_length,
        count(distinct journeys.channel) as channel_count,
        min(journeys.event_at) as first_event_at
    from {{ ref('stg_crm__opportunities') }} as opportunities
    left join journeys
        on
            opportunities.account_id = journeys.account_id
            and opportunities.opportunity_created_at >= journeys.event_at
            and {{ window_start('opportunities.opportunity_created_at') }} <= journeys.event_at
    group by opportunities.opportunity_id, opportunities.pipeline_amount
)

select
    expected.opportunity_id,
    paths.opportunity_id as opportunity_id_of_path,
    expected.path_length,
    paths.path_length as path_length_of_path
from expected
full outer join {{ ref('opportunity_paths') }} as paths on expected.opportunity_id = paths.opportunity_id
where
    (
        expected.path_length = paths.path_length
        and expected.channel_count = paths.channel_count
        and expected.first_event_at is not distinct from paths.first_event_at
        and expected.pipeline_amount is not distinct from paths.pipeline_amount
    ) is not true
