-- On either basis, in either mart and however it is cut, the funnel holds every lead, booking, opportunity, customer
-- and transaction once.
{% set cuts = {
    'lead_funnel': ['lead_funnel', 'true'],
    'lead_funnel_by_channel, months': ['lead_funnel_by_channel', "period_kind = 'month' and not is_all_channels"],
    'lead_funnel_by_channel, months of all': ['lead_funnel_by_channel', "period_kind = 'month' and is_all_channels"],
    'lead_funnel_by_channel, all time': ['lead_funnel_by_channel', "period_kind = 'all_time' and not is_all_channels"],
    'lead_funnel_by_channel, all': ['lead_funnel_by_channel', "period_kind = 'all_time' and is_all_channels"],
} %}
{% set figures = [
    'leads', 'bookings', 'held', 'opportunities', 'pipeline_amount', 'customers', 'converted_revenue',
    'has_unconverted_revenue',
] %}
with leads as (
    select count(*) as leads from {{ ref('int_leads__resolved') }}
),

bookings as (
    select
        count(*) as bookings,
        count(case when status = 'held' then 1 end) as held
    from {{ ref('bookings_fact') }}
),

opportunities as (
    select
        count(*) as opportunities,
        coalesce(sum(pipeline_amount), 0) as pipeline_amount
    from {{ ref('stg_crm__opportunities') }}
),

-- Ids of customers as the files have them: whoever the company knows, or does not know, may pay.
transactions as (
    select
        count(distinct case when amount > 0 then {{ known_id('customer_id_as_written') }} end) as customers,
        coalesce(sum(amount_in_reporting_currency), 0) as converted_revenue,
        count(case when is_rate_missing then 1 end) > 0 as has_unconverted_revenue
    from {{ ref('transactions_fact') }}
),

expected as (
    select
        leads.*,
        bookings.*,
        opportunities.*,
        transactions.*
    from leads
    cross join bookings
    cross join opportunities
    cross join transactions
),

bases as (
    select 'activity' as basis
    union all
    select 'cohort' as basis
),

found as (
    {% for cut, (mart, condition) in cuts.items() -%}
        select
            '{{ cut }}' as cut,
            bases.basis,
            {% for figure in figures[:-1] -%}
                coalesce(sum(mart.{{ figure }}), 0) as {{ figure }},
            {% endfor -%}
            coalesce({{ dbt.bool_or('mart.has_unconverted_revenue') }}, false) as has_unconverted_revenue
        from bases
        left join {{ ref(mart) }} as mart on bases.basis = mart.basis and {{ condition }}
        group by bases.basis
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    found.*,
    expected.*
from found
cross join expected
where
    {% for figure in figures -%}
        {{ 'or ' if not loop.first }}found.{{ figure }} != expected.{{ figure }}
    {% endfor %}
