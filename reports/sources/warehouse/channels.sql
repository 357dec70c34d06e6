-- All channels that any page shows, so that a channel has the same colour on each of them.
select channel_name, channel_label, is_attributed
from marts.channel_pipeline
union
select channel, channel_label, is_mapped
from marts.channel_costs
