{{ config(materialized='table') }}

{%- set max_size = var('max_identifiers_per_person') %}

with identifiers as (
    select
        *,
        {{ identifier_key('identifier_kind', 'identifier_value') }} as identifier_key
    from {{ ref('int_identifiers__gathered') }}
),

links as (
    select * from {{ ref('int_identity_links__found') }}
    where evidence != 'email' and not is_undone and left_star_id != right_star_id
),

stars as (
    select distinct
        star_id,
        star_size
    from identifiers
),

star_links as (
    select
        left_star_id as star_id,
        right_star_id as neighbour_id
    from links
    union
    select
        right_star_id as star_id,
        left_star_id as neighbour_id
    from links
),

{{ gathered_neighbours('stars', 'star_links', max_size) | indent }},

groups_of_stars as (
    select
        star_id,
        min(member_id) as group_id
    from whole_groups
    group by star_id
),

linked_stars as (
    select distinct star_id
    from star_links
),

weighed_stars as (
    select
        stars.star_id,
        stars.star_size > {{ max_size }} as is_too_large,
        stars.star_size > {{ max_size }}
        or (linked_stars.star_id is not null and groups_of_stars.star_id is null) as is_over_limit,
        coalesce(groups_of_stars.group_id, stars.star_id) as group_id
    from stars
    left join linked_stars on stars.star_id = linked_stars.star_id
    left join groups_of_stars on stars.star_id = groups_of_stars.star_id
),

grouped_identifiers as (
    select
        identifiers.identifier_kind,
        identifiers.identifier_value,
        identifiers.identifier_key,
        identifiers.first_seen_at,
        weighed_stars.is_over_limit,
        case
            when weighed_stars.is_too_large and identifiers.identifier_kind in ('contact', 'customer')
                then identifiers.identifier_key
            else weighed_stars.group_id
        end as group_id
    from identifiers
    inner join weighed_stars on identifiers.star_id = weighed_stars.star_id
),

people as (
    select
        identifier_kind,
        identifier_value,
        identifier_key,
        is_over_limit,
        first_seen_at,
        {{ dbt.hash('first_value(identifier_key) over leading_first') }} as person_id
    from grouped_identifiers
    window leading_first as (
        partition by group_id
        order by {{ identifier_rank('identifier_kind') }} asc, first_seen_at asc nulls last, identifier_value asc
    )
)

select * from people
