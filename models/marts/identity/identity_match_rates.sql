with records as (
    select * from {{ ref('int_identity_records__unioned') }}
    -- Who gave nothing by which they could be known is counted among the anonymous sessions.
    where identifier_kind != 'session'
),

people as (
    select * from {{ ref('int_people__resolved') }}
),

people_accounts as (
    select * from {{ ref('int_people_accounts__resolved') }}
),

records_of_people as (
    select
        records.source,
        people.person_id,
        {{ reporting_date('records.first_seen_at') }} as first_seen_date
    from records
    inner join people
        on
            records.identifier_kind = people.identifier_kind
            and records.identifier_value = people.identifier_value
),

sources_of_people as (
    select
        person_id,
        count(distinct source) as source_count
    from records_of_people
    group by person_id
),

marked_records as (
    select
        records_of_people.source,
        {{ month_start_date('records_of_people.first_seen_date') }} as month_start_date,
        sources_of_people.source_count > 1 as is_matched,
        people_accounts.account_id is not null as has_account
    from records_of_people
    inner join sources_of_people on records_of_people.person_id = sources_of_people.person_id
    inner join people_accounts on records_of_people.person_id = people_accounts.person_id
),

counted_records as (
    {% for month in ['month_start_date', 'cast(null as date)'] -%}
        select
            source,
            {{ month }} as month_start_date,
            count(*) as records,
            count(*) filter (where is_matched) as matched_records,
            count(*) filter (where has_account) as with_account
        from marked_records
        {% if loop.first -%}
            where month_start_date is not null
            group by source, month_start_date
            union all
        {% else -%}
            group by source
        {% endif %}
    {%- endfor %}
),

rated_records as (
    select
        *,
        {{ rate('matched_records', 'records') }} as match_rate,
        {{ rate('with_account', 'records') }} as account_rate
    from counted_records
),

identity_match_rates as (
    select
        rated_records.source,
        {{ source_label('rated_records.source') }} as source_label,
        rated_records.month_start_date,
        rated_records.records,
        rated_records.matched_records,
        rated_records.match_rate,
        months_before.match_rate as match_rate_before,
        rated_records.match_rate - months_before.match_rate as match_rate_change,
        rated_records.with_account,
        rated_records.account_rate
    from rated_records
    left join rated_records as months_before
        on
            rated_records.source = months_before.source
            and rated_records.month_start_date
            = cast({{ dbt.dateadd('month', 1, 'months_before.month_start_date') }} as date)
)

select * from identity_match_rates
