{{ rejected_records_of('crm') }}
