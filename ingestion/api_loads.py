"""What the loads of all APIs share: what earlier ones left, several requests at once, and handing over documents."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingestion.declarations import Table
from ingestion.errors import ThroughlineError
from ingestion.landing import Landing
from ingestion.rest import ApiError, NoAnswerError
from ingestion.warehouse import connect, console, has_table

MANY_DAYS = 36_500

_BATCH_ROWS = 1_000

T = TypeVar("T")


@contextmanager
def nothing_loaded() -> Iterator[None]:
    """Adds to what the API said what that means for a load."""
    try:
        yield
    except NoAnswerError as error:
        raise ThroughlineError(f"{error} Nothing was loaded; load again later.") from None
    except ApiError as error:
        raise ThroughlineError(f"{error} Nothing was loaded.") from None


@dataclass(frozen=True)
class Past:
    """What earlier loads of an account left in the warehouse.

    Attributes:
        last_load: When the last complete one began; None where there was none.
        is_lost: Whether rows that once landed are gone, so that notes on them mean nothing.
    """

    last_load: datetime | None = None
    is_lost: bool = False

    @classmethod
    def of(cls, warehouse: Path, source: str, account: str, noted: Table, tables: Sequence[Table]) -> "Past":
        """Reads raw_meta.loads; a warehouse without one has no past.

        Args:
            warehouse: The DuckDB file.
            source: The source's name.
            account: What its loads note as file_version.
            noted: A table of which every complete load reads something, be it nothing.
            tables: Those whose rows later loads go by.
        """
        if not warehouse.is_file():
            return cls()
        with connect(warehouse, read_only=True) as connection:
            if not has_table(connection, "raw_meta", "loads"):
                return cls()
            (last_load,) = connection.execute(
                "select max(started_at) from raw_meta.loads where source = ? and entity = ? and file_version = ?",
                [source, noted.name, account],
            ).fetchone()
            landed = connection.execute(
                "select entity from raw_meta.loads where source = ? and entity in (select unnest(?))"
                " group by 1 having sum(records_read - records_rejected) > 0",
                [source, [table.name for table in tables]],
            ).fetchall()
            is_lost = any(
                not has_table(connection, f"raw_{source}", table)
                or connection.execute(f"select 1 from raw_{source}.{table} limit 1").fetchone() is None
                for (table,) in landed
            )
        return cls(last_load.replace(tzinfo=UTC) if last_load else None, is_lost)


def take(load: Landing, table: Table, address: str, documents: Iterable[Any], *, version: str = "") -> None:
    """Hands documents to a landing, no more than some at a time; without any, that nothing was there is noted.

    Args:
        load: The landing.
        table: What the documents are.
        address: Where they come from, by the API's own name, so that what comes by way of a proxy has the same.
        documents: The documents; of a table that says to what they belong, pairs of that and a document.
        version: Kept in raw_meta.loads.file_version.
    """
    has_parent = len(table.cells) > 1
    remaining = iter(documents)
    chunk = list(islice(remaining, _BATCH_ROWS))
    while True:
        parents, chunk = ([parent for parent, _ in chunk], [one for _, one in chunk]) if has_parent else (None, chunk)
        load.read_documents(table, address, map(json.dumps, chunk), version=version, parents=parents)
        if not (chunk := list(islice(remaining, _BATCH_ROWS))):
            return


def in_parallel(
    work: Callable[[T], Any], items: Iterable[T], stop: Callable[[], None], *, workers: int
) -> Iterator[Any]:
    """The results in the order of the items, with no more of them waiting than keep all threads at work.

    Args:
        work: Makes a result of an item.
        items: The items.
        stop: Ends what waits in other threads.
        workers: How many threads there are.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        try:
            under_way: deque[Future] = deque(pool.submit(work, item) for item in islice(remaining, 8 * workers))
            while under_way:
                result = under_way.popleft().result()
                under_way.extend(pool.submit(work, item) for item in islice(remaining, 1))
                yield result
        except BaseException:
            # Otherwise those that wait for the rate limit would be waited for.
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def progress(source: str, name: str, total: int, *, doing: str) -> Iterator[Callable[[], None]]:
    """Shows a bar, or where nobody watches says once what happens; yields what to call after each step.

    Args:
        source: The source's name.
        name: What the bar counts.
        total: How many there are.
        doing: What happens, in words that follow the source's name.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    if not console.is_terminal:
        console.print(f"{source}: {doing}")
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task(f"{source}: {name}", total=total)
        yield lambda: bars.advance(bar)
