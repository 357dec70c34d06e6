with user_rows as (
    select
        customer_name,
        customer_email,
        exported_at,
        source_file,
        source_line,
        {{ known_id('customer_id') }} as customer_id
    from {{ ref('stg_stream__users') }}
),

ranked_rows as (
    select
        customer_id,
        customer_name,
        customer_email,
        row_number() over (
            partition by customer_id
            order by {{ last_not_blank('customer_name') }}
        ) as name_rank,
        row_number() over (
            partition by customer_id
            order by {{ last_not_blank('customer_email') }}
        ) as email_rank
    from user_rows
    where customer_id is not null
),

-- A blank is a spelling, too: it is what the file says of the customer in that row.
users as (
    select
        customer_id,
        max(case when name_rank = 1 then customer_name end) as customer_name,
        max(case when email_rank = 1 then customer_email end) as customer_email,
        count(distinct customer_name)
        + max(case when customer_name is null then 1 else 0 end) as name_variant_count,
        count(distinct customer_email)
        + max(case when customer_email is null then 1 else 0 end) as email_variant_count
    from ranked_rows
    group by customer_id
)

select * from users
