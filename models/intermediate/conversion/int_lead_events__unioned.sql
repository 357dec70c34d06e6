with lead_steps as (
    select * from {{ ref('int_lead_steps__measured') }}
),

booking_opportunities as (
    select * from {{ ref('int_booking_opportunities__linked') }}
),

opportunities as (
    select * from {{ ref('int_opportunities__labelled') }}
),

customers as (
    select * from {{ ref('int_customers__linked') }}
),

transactions as (
    select * from {{ ref('int_transactions__scoped') }}
    where is_total
),

-- Money goes by the lead of whoever paid, bookings and opportunities by the person who booked.
events as (
    select
        'lead' as event_kind,
        person_id as event_id,
        person_id,
        first_seen_date as event_date,
        channel,
        campaign,
        false as is_held,
        cast(null as decimal(38, 9)) as amount,
        false as is_unconverted
    from lead_steps
    union all
    select
        'booking' as event_kind,
        booking_id as event_id,
        person_id,
        booked_date as event_date,
        channel,
        {{ campaign_label('campaign') }} as campaign,
        status = 'held' as is_held,
        cast(null as decimal(38, 9)) as amount,
        false as is_unconverted
    from booking_opportunities
    union all
    select
        'opportunity' as event_kind,
        opportunities.opportunity_id as event_id,
        booking_opportunities.person_id,
        {{ reporting_date('opportunities.opportunity_created_at') }} as event_date,
        booking_opportunities.channel,
        case
            when booking_opportunities.booking_id is not null
                then {{ campaign_label('booking_opportunities.campaign') }}
        end as campaign,
        false as is_held,
        opportunities.pipeline_amount as amount,
        false as is_unconverted
    from opportunities
    left join booking_opportunities on opportunities.opportunity_id = booking_opportunities.opportunity_id
    union all
    select
        'customer' as event_kind,
        customers.customer_id as event_id,
        customers.lead_person_id as person_id,
        customers.first_paid_date as event_date,
        lead_steps.channel,
        lead_steps.campaign,
        false as is_held,
        cast(null as decimal(38, 9)) as amount,
        false as is_unconverted
    from customers
    left join lead_steps on customers.lead_person_id = lead_steps.person_id
    where customers.first_paid_at is not null
    union all
    select
        'transaction' as event_kind,
        transactions.transaction_id as event_id,
        customers.lead_person_id as person_id,
        transactions.transaction_date as event_date,
        lead_steps.channel,
        lead_steps.campaign,
        false as is_held,
        transactions.amount,
        transactions.is_unconverted
    from transactions
    left join customers on transactions.paying_customer_id = customers.customer_id
    left join lead_steps on customers.lead_person_id = lead_steps.person_id
)

select * from events
