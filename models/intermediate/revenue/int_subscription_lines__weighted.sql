{{ config(materialized='table') }}
-- What an amount is shared in: fine enough for a line of one millionth, and coarse enough for 128 bits.
{% set parts_of_a_subscription = 10 ** 12 %}
with product_lines as (
    select
        plan,
        billing_interval,
        amount,
        status,
        exported_at,
        source_file,
        {{ known_id('subscription_id') }} as subscription_id,
        {{ squeezed('product') }} as product
    from {{ ref('stg_stream__products') }}
),

dated_lines as (
    select
        subscription_id,
        plan,
        billing_interval,
        amount,
        status,
        -- What a line calls unknown is no product either; the unknown one has only what is paid for no known line.
        coalesce({{ known_id('product') }}, '(no product)') as product,
        rank() over (
            partition by subscription_id
            order by exported_at desc, source_file desc
        ) = 1 as is_current
    from product_lines
    where subscription_id is not null
),

measured_lines as (
    select
        *,
        case
            when is_current and amount > 0 then {{ whole_number('amount * ' ~ 10 ** 9) }}
            else 0
        end as amount_units
    from dated_lines
),

-- Where no line has an amount to go by, all count alike.
weighted_lines as (
    select
        *,
        case
            when not is_current then 0
            when max(amount_units) over (partition by subscription_id) = 0 then 1
            else amount_units
        end as weight
    from measured_lines
),

totalled_lines as (
    select
        *,
        {{ whole_number('sum(weight) over (partition by subscription_id)') }} as weight_in_all
    from weighted_lines
),

-- A line has at most 10^24 units, however many lines there are, so that 10^12 times as many still fit into 128 bits.
parted_lines as (
    select
        *,
        {{ whole_number(running_share('1', 'weight', 'weight_in_all', 12) ~ ' * ' ~ parts_of_a_subscription) }} as parts
    from totalled_lines
),

lines_in_order as (
    select
        *,
        {{ whole_number('sum(parts) over (partition by subscription_id order by plan)') }} as parts_with,
        {{ whole_number('sum(parts) over (partition by subscription_id)') }} as parts_in_all
    from parted_lines
),

subscription_lines as (
    select
        subscription_id,
        plan,
        product,
        billing_interval,
        amount,
        status,
        is_current,
        false as is_unknown,
        parts_with - parts as parts_before,
        parts_with,
        parts_in_all
    from lines_in_order
    union all
    select
        {{ unknown_member() }} as subscription_id,
        {{ unknown_member() }} as plan,
        {{ unknown_member() }} as product,
        null as billing_interval,
        null as amount,
        null as status,
        true as is_current,
        true as is_unknown,
        0 as parts_before,
        1 as parts_with,
        1 as parts_in_all
)

select * from subscription_lines
