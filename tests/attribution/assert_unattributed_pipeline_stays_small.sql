-- The other bucket: when a quarter of the pipeline has no touch, an export is missing more likely than the touches.
{{ config(severity='warn') }}

select unattributed_share
from {{ ref('pipeline_summary') }}
where unattributed_share > 0.25
