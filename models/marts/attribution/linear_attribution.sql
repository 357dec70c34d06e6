{{ attribution_credits_of('linear') }}
