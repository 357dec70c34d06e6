"""Loads killed by SIGKILL at points spread over their run: the next load mends whatever they left."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from commands import run_command
from support import BIN

from ingestion import crm
from ingestion.declarations import OUTCOMES

TABLES = {table.name: table for table in crm.TABLES}
# Of the time from the first file's reading to the end.
FRACTIONS = (0.05, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.95)
# A load that dies where it enters a step, or between the deletion and the insertion of one table's merge.
SUICIDE = """
import os, signal, sys
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from ingestion import cli, landing

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def die_at(number, execute_sql, merged=[]):
    def execute(self, sql, *values, **options):
        deletion, insertion, _ = sql.partition('INSERT INTO "raw_crm"."')
        if deletion.startswith('DELETE FROM "raw_crm"."') and insertion:
            merged.append(sql)
            if len(merged) == number:
                execute_sql(self, deletion)
                die()
        return execute_sql(self, sql, *values, **options)
    return execute

place = sys.argv.pop()
if place.isdigit():
    DuckDbSqlClient.execute_sql = die_at(int(place), DuckDbSqlClient.execute_sql)
else:
    setattr(landing.Landing, place, die)
cli.main()
"""


@dataclass(frozen=True)
class Export:
    """A folder of files, and what a warehouse must hold once they are loaded.

    Attributes:
        folder: Where the files are.
        rows: For each table, its rows without lineage, sorted.
        faults: For each table, how many records are rejected.
        read: For each file, how many records it has.
    """

    folder: Path
    rows: dict[str, list[tuple]]
    faults: dict[str, int]
    read: dict[str, int]


def write_export(folder, touches, channel):
    """Write all four kinds of files, with repeated and rejected records among them."""
    folder.mkdir()
    contacts = touches // 5
    day = "2026-01-01T00:00:00"
    records = {
        "sales_touchpoints": [[f"s{n}", channel if n % 2 else "Same", f"c{n % contacts}", day] for n in range(touches)],
        "marketing_touchpoints": [[f"m{n}", channel, "", day] for n in range(touches // 3)],
        "contacts": [[f"c{n}", f"a{n % 99}", ""] for n in range(contacts)],
        "opportunities": [[f"o{n}", f"a{n % 99}", "1.5", day, channel] for n in range(contacts // 4)],
    }
    faults, read = {}, {}
    for name, rows in records.items():
        table = TABLES[name]
        rejected = [["", *row[1:]] for row in rows[::50]]
        repeated = [[row[0], "outdone", *row[2:]] for row in rows[::20]]
        file = folder / f"{table.pattern[1:]}.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([table.column_names, *repeated, *rows, *rejected])
        faults[name], read[file.name] = len(rejected), len(repeated) + len(rows) + len(rejected)
    cells = {name: [tuple(cell or None for cell in row) for row in rows] for name, rows in records.items()}
    return Export(folder, {name: sorted(rows, key=repr) for name, rows in cells.items()}, faults, read)


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """Be the first export."""
    return write_export(tmp_path_factory.mktemp("old") / "exports", 40_000, "Outbound")


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    """Be a later export of the same and more records, half of them changed."""
    return write_export(tmp_path_factory.mktemp("new") / "exports", 45_000, "Events")


def settings(export, warehouse):
    """Return the settings of a load."""
    return {"SOURCES__CRM__BUCKET_URL": str(export.folder), "THROUGHLINE_WAREHOUSE": str(warehouse)}


def start(export, warehouse):
    """Start a load and return it once it reads its first file."""
    process = subprocess.Popen(
        [BIN / "throughline", "load", "crm"],
        env=os.environ | settings(export, warehouse),
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if "reading" in line:
            return process
    raise AssertionError(f"the load ended without reading anything, with {process.wait()}")


def complete(export, warehouse):
    """Load to the end, and make sure that nothing is lost, doubled or left over."""
    done = run_command("throughline", "load", "crm", **settings(export, warehouse))
    assert done.returncode == 0, done.stderr
    with duckdb.connect(warehouse, read_only=True) as connection:

        def query(sql):
            return connection.execute(sql).fetchall()

        for name, rows in export.rows.items():
            cells = [
                f"strftime({column.name}, '%Y-%m-%dT%H:%M:%S')" if column.kind.sql_type == "timestamp"
                else f"cast({column.name} as double)::varchar" if column.kind.sql_type.startswith("decimal")
                else column.name
                for column in TABLES[name].columns
            ]  # fmt: skip
            assert sorted(query(f"select {', '.join(cells)} from raw_crm.{name}"), key=repr) == rows
        assert dict(query("select entity, count(*) from raw_crm.rejected_records group by 1")) == export.faults
        outcomes = " + ".join(f"records_{outcome}" for outcome in OUTCOMES)
        assert query(f"select * from raw_meta.loads where records_read != {outcomes}") == []
        newest = (
            "select source_file, arg_max(records_read, rowid) from raw_meta.loads where source_file > '' group by 1"
        )
        assert dict(query(newest)) == export.read
        copies = query("select table_name from information_schema.tables where table_schema = 'raw_crm_staging'")
        for (table,) in copies:
            assert table not in TABLES or query(f"select count(*) from raw_crm_staging.{table}") == [(0,)]
    left = [path.name for path in (warehouse.parent / ".working").rglob("*") if not path.is_dir()]
    assert set(left) == {"load.lock"}
    assert {path.name for path in warehouse.parent.iterdir()} <= {warehouse.name, ".working"}


@pytest.fixture(scope="module")
def loaded(old, tmp_path_factory):
    """Be a warehouse with the first export, and the seconds that its load took from its first file on."""
    warehouse = tmp_path_factory.mktemp("loaded") / "w.duckdb"
    process = start(old, warehouse)
    began = time.monotonic()
    process.stderr.read()
    assert process.wait() == 0
    seconds = time.monotonic() - began
    complete(old, warehouse)
    return warehouse, seconds


def test_a_load_killed_at_any_time_is_mended(old, new, loaded, tmp_path):
    """Killed at eight points, in turn into an empty and into a filled warehouse, and repeated, a load is complete."""
    filled, seconds = loaded
    killed = Counter()
    for number, fraction in enumerate(FRACTIONS):
        export = new if number % 2 else old
        warehouse = tmp_path / str(number) / "w.duckdb"
        warehouse.parent.mkdir()
        if export is new:
            shutil.copy(filled, warehouse)
        process = start(export, warehouse)
        time.sleep(fraction * seconds)
        process.kill()
        process.communicate()
        killed[process.returncode] += 1
        complete(export, warehouse)
    # How many depends on how busy the machine is; without any the test would show nothing.
    assert killed[-signal.SIGKILL] >= 3, killed


@pytest.mark.parametrize("place", ["_compare", "_merge", "1", "3", "_note", "_report"])
def test_a_load_that_dies_between_two_steps_is_mended(new, loaded, tmp_path, place):
    """Killed before a step, in the middle of a merge, or with everything merged and nothing noted, a load is mended."""
    warehouse = tmp_path / "warehouse" / "w.duckdb"
    warehouse.parent.mkdir()
    shutil.copy(loaded[0], warehouse)
    died = subprocess.run(
        [sys.executable, "-c", SUICIDE, "load", "crm", place],
        env=os.environ | settings(new, warehouse),
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    complete(new, warehouse)
