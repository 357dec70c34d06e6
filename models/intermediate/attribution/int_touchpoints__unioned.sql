{#-
    Where a CRM has touchpoints of its own for who came to a webinar, those of the webinars would be the second. Attribution
    then does not depend on webinars at all, and a refresh leaves it alone when somebody signs up for one.
-#}
{%- set with_webinars = var('webinar_attendance_is_touch') -%}
with marketing_touchpoints as (
    select * from {{ ref('stg_crm__marketing_touchpoints') }}
),

sales_touchpoints as (
    select * from {{ ref('stg_crm__sales_touchpoints') }}
),

{% if with_webinars -%}
webinar_touchpoints as (
    select * from {{ ref('int_webinar_touchpoints__linked') }}
),

{% endif -%}
contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

channel_aliases as (
    select * from {{ ref('channel_aliases') }}
    where source in ('crm', 'webinars')
),

touchpoints as (
    select
        'crm' as source,
        'marketing' as touchpoint_type,
        touchpoint_id,
        channel_name,
        contact_id,
        touchpoint_at
    from marketing_touchpoints
    union all
    select
        'crm' as source,
        'sales' as touchpoint_type,
        touchpoint_id,
        channel_name,
        contact_id,
        touchpoint_at
    from sales_touchpoints
    {%- if with_webinars %}
    union all
    select
        'webinars' as source,
        'marketing' as touchpoint_type,
        touchpoint_id,
        channel_name,
        contact_id,
        touchpoint_at
    from webinar_touchpoints
    {%- endif %}
),

touchpoints_of_accounts as (
    select
        touchpoints.source,
        touchpoints.touchpoint_type,
        touchpoints.touchpoint_id,
        touchpoints.contact_id,
        contacts.account_id,
        touchpoints.touchpoint_at,
        contacts.contact_id is not null as is_contact_known,
        coalesce(channel_aliases.channel, touchpoints.channel_name, '(no channel)') as channel_name
    from touchpoints
    left join contacts on touchpoints.contact_id = contacts.contact_id
    left join channel_aliases
        on
            touchpoints.source = channel_aliases.source
            and touchpoints.channel_name = channel_aliases.source_channel
),

-- In the ledger the name unattributed stands for what no channel has earned.
touchpoints_of_channels as (
    select
        source,
        touchpoint_type,
        touchpoint_id,
        contact_id,
        account_id,
        touchpoint_at,
        is_contact_known,
        case when channel_name = 'unattributed' then 'unattributed (CRM)' else channel_name end as channel_name
    from touchpoints_of_accounts
)

select * from touchpoints_of_channels
