{%- set lengths = [
    ('None', 0, 0), ('1', 1, 1), ('2', 2, 2), ('3', 3, 3), ('4–5', 4, 5), ('6–10', 6, 10), ('11–20', 11, 20),
    ('21–40', 21, 40), ('41–80', 41, 80), ('81 and more', 81, none),
] -%}
with opportunity_paths as (
    select * from {{ ref('opportunity_paths') }}
),

ranges as (
    {% for label, shortest, longest in lengths -%}
        select
            '{{ label }}' as path_length,
            {{ loop.index }} as sort_order,
            {{ shortest }} as shortest,
            {{ 'cast(null as integer)' if longest is none else longest }} as longest
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A range without opportunities stands between the others with 0, so that a chart does not close the gap.
lengths as (
    select
        ranges.path_length,
        ranges.sort_order,
        count(opportunity_paths.opportunity_id) as opportunities
    from ranges
    left join opportunity_paths
        on
            ranges.shortest <= opportunity_paths.path_length
            and (ranges.longest is null or ranges.longest >= opportunity_paths.path_length)
    group by ranges.path_length, ranges.sort_order
),

shared_lengths as (
    select
        path_length,
        sort_order,
        opportunities,
        {{ rate('opportunities', 'sum(opportunities) over ()') }} as share_of_opportunities
    from lengths
)

select * from shared_lengths
