"""Ad spend: JSON, CSV and Parquet files, each of which shows a trailing window of days as known on its as-of day."""

from pathlib import Path

from ingestion.currencies import default_currency
from ingestion.declarations import COST, CURRENCY, DATE, TEXT, Column, FileTable
from ingestion.file_loads import land_files

_DAY_IN_NAME = r"try_cast(regexp_extract(file_name, '(\d{4}-\d\d-\d\d)\.[^.]+$', 1) as date)"


def spend_table(currency: str) -> FileTable:
    """The table raw_ad_spend.spend: one row per as-of day, date, channel as written, campaign and currency.

    Args:
        currency: What money is in where a record does not say it.
    """
    return FileTable(
        name="spend",
        pattern="*",
        json_pattern="*spend_data_????-??-??",
        reading=currency,
        # A window that is corrected under the name of its day takes the place of what it said before.
        is_replaced=True,
        key="spend_id",
        columns=(
            Column(
                "as_of_date",
                DATE,
                computed=f"coalesce({_DAY_IN_NAME}, max(spend_date) over (partition by file_number))",
            ),
            Column(
                "spend_id",
                computed="cast(to_json([as_of_date::varchar, spend_date::varchar, channel, campaign, currency])"
                " as varchar)",
            ),
            Column("spend_date", DATE, is_required=True, header="date"),
            Column("channel", TEXT, is_required=True),
            Column("campaign", TEXT, is_optional=True),
            Column("spend", COST, is_required=True),
            Column("currency", CURRENCY, is_optional=True, default=currency),
        ),
    )


def tables() -> list[FileTable]:
    """What files fill, with the currency of the settings.

    Raises:
        ThroughlineError: The currency is none.
    """
    return [spend_table(default_currency("ad_spend"))]


def load(url: str, warehouse: Path, *, reread: bool = False) -> None:
    """Loads spend files into raw_ad_spend.

    Args:
        url: A folder, an s3:// prefix, or an https:// prefix with a file_index.json.
        warehouse: The DuckDB file to load into.
        reread: Read unchanged files again, too.

    Raises:
        ThroughlineError: A file lacks a column or cannot be read; the warehouse is then as before.
    """
    land_files("ad_spend", url, tables(), warehouse, reread=reread, has_index=True)
