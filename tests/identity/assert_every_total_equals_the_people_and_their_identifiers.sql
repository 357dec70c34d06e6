-- The people's counts, the match rates of all time and the sources' own records agree.
with people as (
    select
        coalesce(sum(identifier_count), 0) as identifiers,
        coalesce(sum(contact_count), 0) as contacts,
        coalesce(sum(invitee_count), 0) as invitees,
        coalesce(sum(customer_count), 0) as customers,
        count(*) filter (where is_anonymous) as anonymous_people
    from {{ ref('people_dim') }}
),

match_rates as (
    select
        coalesce(sum(case when source = 'crm' then records end), 0) as contacts,
        coalesce(sum(case when source = 'calendly' then records end), 0) as invitees,
        coalesce(sum(case when source = 'stream' then records end), 0) as customers
    from {{ ref('identity_match_rates') }}
    where month_start_date is null
),

months as (
    select
        source,
        sum(case when month_start_date is not null then records end) as records_of_months,
        sum(case when month_start_date is not null then matched_records end) as matched_of_months,
        sum(case when month_start_date is null then records end) as records,
        sum(case when month_start_date is null then matched_records end) as matched_records
    from {{ ref('identity_match_rates') }}
    group by source
),

sources as (
    select
        (select count(*) from {{ ref('person_identifiers') }}) as identifiers,
        (select count(*) from {{ ref('stg_crm__contacts') }}) as contacts,
        (select count(*) from {{ ref('int_invitees__resolved') }}) as invitees,
        (
            select count(distinct person_key)
            from {{ ref('int_webinar_sessions__unioned') }}
            where not is_staff and person_key like 'session:%'
        ) as anonymous_sessions
),

faults as (
    {% for name, one, other in [
        ('identifiers', 'people.identifiers', 'sources.identifiers'),
        ('contacts', 'people.contacts', 'sources.contacts'),
        ('invitees', 'people.invitees', 'sources.invitees'),
        ('contacts of match rates', 'match_rates.contacts', 'people.contacts'),
        ('invitees of match rates', 'match_rates.invitees', 'people.invitees'),
        ('customers of match rates', 'match_rates.customers', 'people.customers'),
        ('anonymous sessions', 'least(people.anonymous_people, sources.anonymous_sessions)', 'sources.anonymous_sessions'),
    ] -%}
        select
            '{{ name }}' as total,
            {{ one }} as one,
            {{ other }} as other
        from people
        cross join match_rates
        cross join sources
        union all
    {% endfor -%}
    select
        source || ' by month' as total,
        -- Records without a time are in no month.
        greatest(records_of_months, records) as one,
        records as other
    from months
    union all
    select
        source || ' matched by month' as total,
        greatest(matched_of_months, matched_records) as one,
        matched_records as other
    from months
)

select * from faults
where one != other
