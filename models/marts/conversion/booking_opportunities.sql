with links as (
    select * from {{ ref('int_booking_opportunities__linked') }}
),

booking_opportunities as (
    select
        booking_id,
        person_id,
        account_id,
        booked_at,
        booked_date,
        status,
        channel,
        {{ channel_label('channel') }} as channel_label,
        campaign,
        opportunity_id,
        pipeline_amount,
        opportunity_created_at,
        {{ days_between('booked_at', 'opportunity_created_at') }} as days_to_opportunity,
        unlinked_reason
    from links
)

select * from booking_opportunities
