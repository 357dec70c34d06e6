with users as (
    select * from {{ ref('int_users__resolved') }}
),

users_dim as (
    select
        customer_id,
        customer_name,
        customer_email,
        name_variant_count,
        email_variant_count,
        false as is_unknown
    from users
    union all
    select
        {{ unknown_member() }} as customer_id,
        null as customer_name,
        null as customer_email,
        0 as name_variant_count,
        0 as email_variant_count,
        true as is_unknown
)

select * from users_dim
