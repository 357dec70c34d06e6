{{ attribution_credits_of('first_touch') }}
