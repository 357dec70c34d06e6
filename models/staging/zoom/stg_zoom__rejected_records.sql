{{ rejected_records_of('zoom') }}
