-- All channels that any page shows, so that a channel has the same colour on each of them.
select channel_name, channel_label, is_attributed
from marts.channel_pipeline
union
select channel, channel_label, is_mapped
from marts.channel_costs
union
-- What the sources above call no channel is none here either.
select distinct lead_channels.channel, lead_channels.channel_label, true
from marts.lead_funnel_by_channel as lead_channels
where
    lead_channels.is_linked
    and not lead_channels.is_all_channels
    and lead_channels.channel not in (select channel_name from marts.channel_pipeline)
    and lead_channels.channel not in (select channel from marts.channel_costs)
