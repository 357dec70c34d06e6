{{ rejected_records_of('calendly_export') }}
