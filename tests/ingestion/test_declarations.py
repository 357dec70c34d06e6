"""The loaders' declarations and dbt's: the same raw tables, columns and types."""

from collections import defaultdict

import duckdb
import pyarrow as pa
import pytest
import yaml
from support import PROJECT_ROOT

from ingestion import ad_spend, bigmarker, calendly, calendly_export, calendly_webhooks, crm, stream, zoom
from ingestion.cli import SOURCES
from ingestion.declarations import LOADS, REJECTED_RECORDS
from ingestion.files import Batch
from ingestion.landing import landing

TABLES = {
    "crm": crm.TABLES,
    "calendly": calendly.TABLES,
    "calendly_webhooks": [calendly_webhooks.DELIVERIES],
    "calendly_export": [calendly_export.invitees_table("UTC")],
    "ad_spend": [ad_spend.spend_table("USD")],
    "zoom": zoom.TABLES,
    "bigmarker": bigmarker.TABLES,
    "stream": stream.stream_tables("USD", "month_first"),
}
CELLS = {
    "varchar": "EUR",
    "timestamp": "2026-01-01 10:00",
    "date": "2026-01-01",
    "decimal(38, 9)": "1",
    "boolean": "yes",
}
# It has what makes a key of a document, whichever table it is for.
DOCUMENT = """
{"event": "x", "payload": {}, "uri": "u", "id": 1, "uuid": "i", "join_time": "t",
 "entered_at": "t", "conference_id": "c"}
"""


def declared_columns(path):
    """Return {table: {column: type}} of a file of dbt sources."""
    (source,) = yaml.safe_load((PROJECT_ROOT / path).read_text(encoding="utf-8"))["sources"]
    return {
        f"{source['schema']}.{table['name']}": {column["name"]: column["data_type"] for column in table["columns"]}
        for table in source["tables"]
    }


def test_every_source_is_looked_at_here():
    """A source that is forgotten here is not checked."""
    assert set(TABLES) == set(SOURCES)


@pytest.mark.parametrize("source", TABLES)
def test_dbt_declares_what_the_loader_makes(source, warehouse):
    """Columns and types are the same in the sources' YAML, in the loader's declarations and in the warehouse."""
    loader = {f"raw_{source}.{table.name}": table.sql_types for table in TABLES[source]}
    loader |= {f"raw_{source}.rejected_records": REJECTED_RECORDS, "raw_meta.loads": LOADS}
    sources = declared_columns(f"models/staging/{source}/_{source}__sources.yml")
    sources |= declared_columns("models/staging/meta/_meta__sources.yml")
    assert {table: columns for table, columns in sources.items() if table != "raw_meta.builds"} == loader
    with landing(source, warehouse) as load:
        for table in TABLES[source]:
            cells = [DOCUMENT if c.kind.sql_type == "json" else CELLS[c.kind.sql_type] for c in table.cells.values()]
            number = load.add_file(table, "a file", version="1", modified_at=load.started_at)
            columns = {name: pa.array([cell]) for name, cell in zip(table.cells, cells, strict=True)}
            load.add_batch(table, number, Batch(columns, pa.array([1]), []))
        load.land()
    made = defaultdict(dict)
    with duckdb.connect(warehouse, read_only=True) as connection:
        for table, column, sql_type in connection.execute(
            "select schema_name || '.' || table_name, column_name, lower(data_type) from duckdb_columns()"
            " where not internal and table_name not like '\\_dlt%' escape '\\' order by column_index"
        ).fetchall():
            made[table][column] = sql_type.replace(",", ", ")
    assert made == loader
    assert {table: list(columns) for table, columns in made.items()} == {
        table: list(columns) for table, columns in loader.items()
    }
