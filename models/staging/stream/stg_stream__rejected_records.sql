{{ rejected_records_of('stream') }}
