with marketing_touchpoints as (
    select * from {{ ref('stg_crm__marketing_touchpoints') }}
),

sales_touchpoints as (
    select * from {{ ref('stg_crm__sales_touchpoints') }}
),

contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

channel_aliases as (
    select * from {{ ref('channel_aliases') }}
    where source = 'crm'
),

touchpoints as (
    select
        'marketing' as touchpoint_type,
        touchpoint_id,
        channel_name,
        contact_id,
        touchpoint_at
    from marketing_touchpoints
    union all
    select
        'sales' as touchpoint_type,
        touchpoint_id,
        channel_name,
        contact_id,
        touchpoint_at
    from sales_touchpoints
),

touchpoints_of_accounts as (
    select
        touchpoints.touchpoint_type,
        touchpoints.touchpoint_id,
        touchpoints.contact_id,
        contacts.account_id,
        touchpoints.touchpoint_at,
        contacts.contact_id is not null as is_contact_known,
        coalesce(channel_aliases.channel, touchpoints.channel_name, '(no channel)') as channel_name
    from touchpoints
    left join contacts on touchpoints.contact_id = contacts.contact_id
    left join channel_aliases on touchpoints.channel_name = channel_aliases.source_channel
),

touchpoints_of_channels as (
    select
        touchpoint_type,
        touchpoint_id,
        contact_id,
        account_id,
        touchpoint_at,
        is_contact_known,
        {{ unreserved_channel('channel_name', 'CRM') }} as channel_name
    from touchpoints_of_accounts
)

select * from touchpoints_of_channels
