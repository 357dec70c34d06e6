"""CRM exports: marketing touchpoints, sales outreach touchpoints, contacts and opportunities, as CSV or Parquet."""

from pathlib import Path

from ingestion.declarations import DECIMAL, EMAIL, TIMESTAMP, Column, FileTable
from ingestion.file_loads import land_files

TABLES = (
    FileTable(
        name="marketing_touchpoints",
        pattern="*marketing_data",
        key="marketing_touchpoint_id",
        columns=(
            Column("marketing_touchpoint_id", is_required=True),
            Column("channel_name"),
            Column("contact_id"),
            Column("marketing_touchpoint_date", TIMESTAMP, is_required=True),
        ),
    ),
    FileTable(
        name="sales_touchpoints",
        pattern="*sales_outreach_data",
        key="sales_touchpoint_id",
        columns=(
            Column("sales_touchpoint_id", is_required=True),
            Column("channel_name"),
            Column("contact_id"),
            Column("sales_touchpoint_date", TIMESTAMP, is_required=True),
        ),
    ),
    FileTable(
        name="contacts",
        pattern="*contact_data",
        key="contact_id",
        columns=(
            Column("contact_id", is_required=True),
            Column("account_id"),
            Column("email", EMAIL, is_optional=True),
        ),
    ),
    FileTable(
        name="opportunities",
        pattern="*opportunity_data",
        key="opportunity_id",
        columns=(
            Column("opportunity_id", is_required=True),
            Column("account_id"),
            Column("pipeline_amount", DECIMAL),
            Column("opportunity_created_date", TIMESTAMP, is_required=True),
            Column("sales_segment"),
        ),
    ),
)


def load(url: str, warehouse: Path, *, reread: bool = False) -> None:
    """Loads the CRM's files into raw_crm, merged by their natural keys.

    Args:
        url: A folder or an s3:// prefix with the exports.
        warehouse: The DuckDB file to load into.
        reread: Read unchanged files again, too.

    Raises:
        ThroughlineError: A file lacks a column or cannot be read; the warehouse is then as before.
    """
    land_files("crm", url, TABLES, warehouse, reread=reread)
