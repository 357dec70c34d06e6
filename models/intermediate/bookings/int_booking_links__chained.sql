{{ config(materialized='table') }}

with recursive invitees as (
    select
        invitee_uri,
        old_invitee_uri,
        new_invitee_uri,
        created_at
    from {{ ref('int_invitees__resolved') }}
),

-- Either half of a reschedule names the other, and either may be all that is known.
named_predecessors as (
    select
        invitee_uri,
        old_invitee_uri as predecessor_uri,
        1 as precedence,
        cast(null as timestamp) as predecessor_created_at
    from invitees
    where old_invitee_uri is not null
    union all
    select
        new_invitee_uri as invitee_uri,
        invitee_uri as predecessor_uri,
        2 as precedence,
        created_at as predecessor_created_at
    from invitees
    where new_invitee_uri is not null
),

ranked_predecessors as (
    select
        invitee_uri,
        predecessor_uri,
        row_number() over (
            partition by invitee_uri
            order by precedence asc, predecessor_created_at asc nulls last, predecessor_uri asc
        ) as predecessor_rank
    from named_predecessors
),

-- At most one predecessor each: what is linked is made of trees, and of loops with trees that hang on them.
links as (
    select
        invitee_uri,
        predecessor_uri
    from ranked_predecessors
    where predecessor_rank = 1
),

tree_roots as (
    select distinct links.predecessor_uri as invitee_uri
    from links
    left join links as links_before on links.predecessor_uri = links_before.invitee_uri
    where links_before.invitee_uri is null
),

-- From the roots down each link is followed once, so that a loop, which has no root, is never entered.
tree_links as (
    select
        invitee_uri as booking_id,
        invitee_uri,
        0 as link_position
    from tree_roots
    union all
    select
        tree_links.booking_id,
        links.invitee_uri,
        tree_links.link_position + 1 as link_position
    from tree_links
    inner join links on tree_links.invitee_uri = links.predecessor_uri
),

loop_nodes as (
    select
        links.invitee_uri,
        links.predecessor_uri,
        row_number() over (order by invitees.created_at asc nulls last, links.invitee_uri asc) as seniority
    from links
    left join tree_links on links.invitee_uri = tree_links.invitee_uri
    left join invitees on links.invitee_uri = invitees.invitee_uri
    where tree_links.invitee_uri is null
),

loop_steps as (
    select
        loop_nodes.seniority,
        predecessors.seniority as predecessor_seniority
    from loop_nodes
    inner join loop_nodes as predecessors on loop_nodes.predecessor_uri = predecessors.invitee_uri
),

-- A loop begins at its earliest link: the one that, followed backwards over later ones only, comes back to itself. In
-- sound data the first step back meets an earlier link, and the walk ends there.
loop_walks as (
    select
        seniority,
        predecessor_seniority as reached_seniority
    from loop_steps
    union
    select
        loop_walks.seniority,
        loop_steps.predecessor_seniority as reached_seniority
    from loop_walks
    inner join loop_steps on loop_walks.reached_seniority = loop_steps.seniority
    where loop_walks.reached_seniority > loop_walks.seniority
),

loop_roots as (
    select loop_nodes.invitee_uri
    from loop_walks
    inner join loop_nodes on loop_walks.seniority = loop_nodes.seniority
    where loop_walks.reached_seniority = loop_walks.seniority
),

links_of_opened_loops as (
    select
        loop_nodes.invitee_uri,
        loop_nodes.predecessor_uri
    from loop_nodes
    left join loop_roots on loop_nodes.invitee_uri = loop_roots.invitee_uri
    where loop_roots.invitee_uri is null
),

loop_links as (
    select
        invitee_uri as booking_id,
        invitee_uri,
        0 as link_position
    from loop_roots
    union all
    select
        loop_links.booking_id,
        links_of_opened_loops.invitee_uri,
        loop_links.link_position + 1 as link_position
    from loop_links
    inner join links_of_opened_loops on loop_links.invitee_uri = links_of_opened_loops.predecessor_uri
),

chained_links as (
    select
        booking_id,
        invitee_uri,
        link_position,
        false as is_in_loop
    from tree_links
    union all
    select
        booking_id,
        invitee_uri,
        link_position,
        true as is_in_loop
    from loop_links
),

-- Two that name the same successor: it has one predecessor, and the chain of the other ends there.
outdone_links as (
    select invitees.invitee_uri
    from invitees
    inner join invitees as named_successors on invitees.new_invitee_uri = named_successors.invitee_uri
    inner join links on named_successors.invitee_uri = links.invitee_uri
    where links.predecessor_uri != invitees.invitee_uri
),

successors as (
    select
        predecessor_uri,
        count(*) as successor_count
    from links
    group by predecessor_uri
),

all_links as (
    select
        invitees.created_at,
        invitees.invitee_uri is not null as is_known,
        coalesce(chained_links.invitee_uri, invitees.invitee_uri) as invitee_uri,
        coalesce(chained_links.booking_id, invitees.invitee_uri) as booking_id,
        coalesce(chained_links.link_position, 0) as link_position,
        coalesce(chained_links.is_in_loop, false) as is_in_loop,
        coalesce(successors.successor_count > 1, false) or outdone_links.invitee_uri is not null as is_fork,
        outdone_links.invitee_uri is not null as is_outdone
    from invitees
    full outer join chained_links on invitees.invitee_uri = chained_links.invitee_uri
    left join successors on chained_links.invitee_uri = successors.predecessor_uri
    left join outdone_links on invitees.invitee_uri = outdone_links.invitee_uri
)

select * from all_links
