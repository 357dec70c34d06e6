-- Each linked opportunity is of the booking's account and was created from the booking on and in time; none of that
-- account was created between them; and no booking that has the better claim to it, held or earlier, goes without.
with linked as (
    select * from {{ ref('booking_opportunities') }}
    where opportunity_id is not null
),

unlinked as (
    select * from {{ ref('booking_opportunities') }}
    where unlinked_reason = 'given_to_another_booking'
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

outside_of_the_window as (
    select
        linked.booking_id,
        linked.opportunity_id,
        'is not of the account or not in time' as fault
    from linked
    left join opportunities on linked.opportunity_id = opportunities.opportunity_id
    where
        (
            linked.account_id = opportunities.account_id
            and linked.booked_at <= opportunities.opportunity_created_at
            and linked.days_to_opportunity <= {{ var('booking_to_opportunity_days') }}
        ) is not true
),

not_the_first as (
    select
        linked.booking_id,
        linked.opportunity_id,
        'is not the first after the booking' as fault
    from linked
    inner join opportunities
        on
            linked.account_id = opportunities.account_id
            and linked.booked_at <= opportunities.opportunity_created_at
            and linked.opportunity_created_at > opportunities.opportunity_created_at
),

given_to_the_wrong_booking as (
    select
        linked.booking_id,
        linked.opportunity_id,
        'belongs to a held or an earlier booking' as fault
    from linked
    inner join unlinked
        on
            linked.account_id = unlinked.account_id
            and linked.opportunity_created_at >= unlinked.booked_at
    left join opportunities
        on
            unlinked.account_id = opportunities.account_id
            and unlinked.booked_at <= opportunities.opportunity_created_at
            and linked.opportunity_created_at > opportunities.opportunity_created_at
    where
        opportunities.opportunity_id is null
        and linked.opportunity_created_at
        <= {{ last_day_for_an_opportunity('unlinked.booked_at') }}
        and (
            (unlinked.status = 'held' and linked.status != 'held')
            or ((unlinked.status = 'held') = (linked.status = 'held') and unlinked.booked_at < linked.booked_at)
        )
)

select * from outside_of_the_window
union all
select * from not_the_first
union all
select * from given_to_the_wrong_booking
