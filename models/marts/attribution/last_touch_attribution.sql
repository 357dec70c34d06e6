select * from {{ ref('attribution_credits') }}
where attribution_model = 'last_touch'
