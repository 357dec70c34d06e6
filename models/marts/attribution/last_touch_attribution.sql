{{ attribution_credits_of('last_touch') }}
