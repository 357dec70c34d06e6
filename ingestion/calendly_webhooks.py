"""Delivered Calendly webhooks: JSON Lines that grow, or a document a file, in any order and any number of times."""

from pathlib import Path

from ingestion.declarations import TIMESTAMP, document_table
from ingestion.file_loads import land_document_files

_EVENT = "json_extract_string(document, '$.event')"
_CREATED_AT = TIMESTAMP.typed("json_extract_string(document, '$.created_at')")
_IS_ABOUT_INVITEE = f"({_EVENT} like 'invitee.%' or {_EVENT} like 'invitee_no_show.%')"

# A delivery has no id of its own; what arrives twice is the same text, whatever its layout; its first receipt counts.
DELIVERIES = document_table(
    "deliveries",
    "delivery_id",
    "sha256(cast(document as varchar))",
    complaints=(
        "case when json_type(document, '$.event') is distinct from 'VARCHAR'"
        " or json_type(document, '$.payload') is distinct from 'OBJECT'"
        " then 'is no delivery: it has no event and payload'"
        f" when {_IS_ABOUT_INVITEE} and json_type(document, '$.payload.uri') is distinct from 'VARCHAR'"
        " then 'is a delivery about an invitee without payload.uri'"
        f" when {_IS_ABOUT_INVITEE} and {_CREATED_AT} is null"
        " then 'is a delivery about an invitee without a readable created_at' end",
    ),
    is_received=True,
)


def load(url: str, warehouse: Path, *, reread: bool = False) -> None:
    """Loads deliveries into raw_calendly_webhooks, bare ones or as `throughline receive` keeps them.

    Event kinds that nobody knows are kept.

    Args:
        url: A folder or an s3:// prefix; folders in it are looked through, too.
        warehouse: The DuckDB file to load into.
        reread: Read everything again from the beginning.

    Raises:
        ThroughlineError: A file cannot be read; the warehouse is then as before.
    """
    land_document_files("calendly_webhooks", url, DELIVERIES, warehouse, reread=reread)
