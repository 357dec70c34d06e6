{{ rejected_records_of('bigmarker') }}
