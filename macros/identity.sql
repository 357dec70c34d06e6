{#- Who is who: identifiers, and the links between them. -#}

{% macro identifier_kinds() -%}
    {#- The kinds of identifiers, in the order in which one of them names a person. -#}
    {%- do return(['email', 'contact', 'customer', 'registrant', 'invitee', 'session']) -%}
{%- endmacro %}

{% macro identifier_key(kind, value) -%}
    {#- An identifier as one text, as webinar_person_key writes it, too. -#}
    {{ kind }} || ':' || {{ value }}
{%- endmacro %}

{% macro kind_of_key(key) -%}
    {#- The kind of an identifier written as one text. -#}
    {{ dbt.split_part(key, "':'", 1) | trim }}
{%- endmacro %}

{% macro value_of_key(key) -%}
    {#- The value of an identifier written as one text, colons included. -#}
    substr({{ key }}, length({{ kind_of_key(key) }}) + 2)
{%- endmacro %}

{% macro identifier_rank(kind) -%}
    {#- A number by which kinds of identifiers are ordered as identifier_kinds() lists them. -#}
    case {{ kind }}
        {%- for name in identifier_kinds() %}
        when '{{ name }}' then {{ loop.index }}
        {%- endfor %}
    end
{%- endmacro %}

{% macro identity_sources() -%}
    {#- The sources that know people, in the order in which the first of several is told. -#}
    {%- do return(['crm', 'calendly', 'webinars', 'stream']) -%}
{%- endmacro %}

{% macro known_from_sources(condition='true') -%}
    {#- In a select list: whether each source knows one of the records for which the condition holds. -#}
    {%- for source in identity_sources() %}
    {{ dbt.bool_or("source = '" ~ source ~ "' and " ~ condition) }} as is_known_from_{{ source }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro identity_source_rank(source) -%}
    {#- A number by which sources are ordered as identity_sources() lists them. -#}
    case {{ source }}
        {%- for name in identity_sources() %}
        when '{{ name }}' then {{ loop.index }}
        {%- endfor %}
    end
{%- endmacro %}

{% macro written_identifier(kind, value) -%}
    {#- An identifier as the sources have it, of how somebody wrote it by hand. -#}
    case {{ kind }}
        when 'email' then {{ email_address(value) }}
        when 'domain' then nullif(ltrim(lower(trim({{ value }})), '@'), '')
        when 'invitee' then {{ calendly_uri(value) }}
        else nullif(trim({{ value }}), '')
    end
{%- endmacro %}

{% macro email_domain(email) -%}
    {#- What stands after the last @ of an address; null where nothing does. -#}
    nullif(regexp_extract({{ email }}, '@([^@]*)$', 1), '')
{%- endmacro %}

{% macro gathered_neighbours(stars, links, max_size) -%}
    {#-
        CTEs that end with `whole_groups`: a row (star_id, member_id) for each member of a star's group, for the groups of
        stars (star_id, star_size), joined by links (star_id, neighbour_id, both ways), whose sizes add up to max_size at most. Each
        round doubles how far a star sees, and drops the stars that see more than max_size, and then those that see
        them: so work is bounded, however large a group is. As each star has a size of 1 or more, a group of which none sees
        too much within max_size steps is whole.
    -#}
    {%- set rounds = [] -%}
    {%- for round in range(64) if 2 ** round < max_size -%}
        {%- do rounds.append(round) -%}
    {%- endfor -%}
    seen_0 as (
        select
            star_id,
            neighbour_id as member_id
        from {{ links }}
        union
        select
            star_id,
            star_id as member_id
        from {{ links }}
    ),
    {%- for round in range(rounds | length + 1) %}

    sized_{{ round }} as (
        select seen_{{ round }}.star_id
        from seen_{{ round }}
        left join {{ stars }} on seen_{{ round }}.member_id = {{ stars }}.star_id
        group by seen_{{ round }}.star_id
        -- A member that was dropped is a null.
        having sum({{ stars }}.star_size) <= {{ max_size }} and count(*) = count(seen_{{ round }}.member_id)
    ),

    {% if loop.last %}whole_groups{% else %}kept_{{ round }}{% endif %} as (
        select seen_{{ round }}.*
        from seen_{{ round }}
        inner join sized_{{ round }} on seen_{{ round }}.star_id = sized_{{ round }}.star_id
    )
    {%- if not loop.last %},

    seen_{{ round + 1 }} as (
        select distinct
            nearer.star_id,
            farther.member_id
        from kept_{{ round }} as nearer
        left join kept_{{ round }} as farther on nearer.member_id = farther.star_id
    ),
    {%- endif %}
    {%- endfor %}
{%- endmacro %}

{% macro is_override_understood() -%}
    {#-
        Whether a row of identity_overrides, with its kinds and action in lower case, its identifiers as the sources have
        them and its blanks null, says something; of an identifier and itself it does not.
    -#}
    {%- set kinds = "('email', 'contact', 'customer', 'invitee', 'registrant')" -%}
    coalesce(
        left_id is not null
        and (
            (
                override_action in ('link', 'unlink')
                and left_kind in {{ kinds }}
                and right_kind in {{ kinds }}
                and right_id is not null
                and (left_kind != right_kind or left_id != right_id)
            )
            or (left_kind = 'domain' and override_action = 'link' and right_kind = 'account' and right_id is not null)
            or (left_kind = 'domain' and override_action = 'unlink' and right_kind is null and right_id is null)
        ),
        false
    )
{%- endmacro %}
