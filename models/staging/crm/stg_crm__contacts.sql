select
    contact_id,
    account_id,
    email,
    _loaded_at
from {{ source('crm', 'contacts') }}
