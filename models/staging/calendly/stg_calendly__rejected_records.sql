{{ rejected_records_of('calendly') }}
