{{ rejected_records_of('ad_spend') }}
