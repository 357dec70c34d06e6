"""Opening the warehouse: one writer at a time, a wait instead of an error, a sentence instead of a traceback."""

import fcntl
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb
from rich.console import Console

from ingestion.errors import ThroughlineError

# Notices and progress go to stderr, so that stdout stays free for what a command was asked to print.
# They name files and folders, whose [brackets] and :colons: are no markup.
console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)

_LOCK_PATIENCE_SECONDS = 120.0

_TAKEN_NAMES = re.compile("raw_.*|staging|intermediate|marts|main|temp|system|pg_catalog|information_schema|:memory:")

T = TypeVar("T")


def identity(warehouse: Path) -> str:
    """A short hash of the warehouse's path, which keeps the working state of two warehouses apart."""
    return hashlib.sha256(str(warehouse).encode()).hexdigest()[:10]


def working_folder(warehouse: Path) -> Path:
    """The folder beside the warehouse for locks and what a load has under way.

    Raises:
        ThroughlineError: It cannot be made, or no load into such a path can work.
    """
    if re.search(r"""['"%]""", str(warehouse)) or _TAKEN_NAMES.fullmatch(warehouse.stem):
        raise ThroughlineError(
            f"{warehouse} cannot be a warehouse: its path may hold neither quotation marks nor %, and its name must not"
            " be one that DuckDB or a schema has (main, temp, system, raw_…, staging, marts …); choose another."
        )
    folder = warehouse.parent / ".working" / f"{warehouse.stem}-{identity(warehouse)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ThroughlineError(f"{warehouse} cannot be written: {error}") from error
    return folder


@contextmanager
def exclusive(warehouse: Path) -> Iterator[None]:
    """Lets one load at a time into a warehouse; a second one waits and says so.

    The lock is the operating system's, so that a killed process leaves none behind.
    """
    with (working_folder(warehouse) / "load.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"Another load into {warehouse} is running; waiting for it to end.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def holder_of(error: Exception) -> str | None:
    """Which process keeps a file from being opened, in words; None if that is not what the error is about."""
    conflict = re.search(r"Could not set lock on file.*?(?:PID (\d+)|$)", str(error), re.DOTALL)
    if not conflict:
        return None
    return f"process {conflict[1]}" if conflict[1] else "another process"


def patiently(warehouse: Path, attempt: Callable[[], T]) -> T:
    """Does something that opens the warehouse, again and again for two minutes while another process holds it.

    Args:
        warehouse: The DuckDB file that `attempt` opens.
        attempt: May be called several times.

    Raises:
        ThroughlineError: Another process kept the file all that time.
    """
    deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
    told = False
    while True:
        try:
            return attempt()
        except Exception as error:
            holder = holder_of(error)
            if not holder:
                raise
            if time.monotonic() > deadline:
                raise ThroughlineError(
                    f"{warehouse} has been in use by {holder} for two minutes; let it end, then try again."
                ) from None
            if not told:
                console.print(f"{warehouse} is in use by {holder}; waiting for it to end.")
                told = True
            time.sleep(0.2)


def connect(warehouse: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Opens the warehouse in UTC, waiting while another process holds it; its folder is made if need be.

    Raises:
        ThroughlineError: Another process kept the file, or it is no DuckDB file.
    """
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = patiently(warehouse, lambda: duckdb.connect(warehouse, read_only=read_only))
    except duckdb.Error as error:
        raise ThroughlineError(f"{warehouse} cannot be opened as a DuckDB file: {error}") from None
    # DuckDB's own progress bar is drawn even where nobody looks.
    connection.execute("set timezone = 'UTC'; set enable_progress_bar = false")
    return connection


def has_table(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Whether the connection's own database has this table."""
    row = connection.execute(
        "select 1 from information_schema.tables"
        " where table_catalog = current_database() and table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    return row is not None
