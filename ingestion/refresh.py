"""Keeping a warehouse and its published copy up to date: load, build what hangs on what changed, publish."""

import fcntl
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from watchfiles import watch

from ingestion.alerts import alert, all_is_well, post_open_alerts
from ingestion.builds import Builder, Plan, Project
from ingestion.errors import ThroughlineError
from ingestion.publish import is_published, publish_warehouse
from ingestion.settings import local_folder, missing_company_seeds, published_path, source_setting
from ingestion.sources import load_sources
from ingestion.warehouse import console, working_folder

_POLL_SECONDS = 60
_LONGEST_PAUSE_SECONDS = 900


def refresh_warehouse(names: Sequence[str], warehouse: Path) -> None:
    """Loads sources, builds and tests what depends on what changed, publishes, and posts alerts; one at a time.

    If another refresh of the same sources waits already, this one leaves the work to it.

    Args:
        names: The sources to load.
        warehouse: The DuckDB file.

    Raises:
        ThroughlineError: A load, a model or a test failed, each named; the published copy is then as before.
    """
    _Refresh(warehouse).run(names)


def watch_deliveries(names: Sequence[str], warehouse: Path) -> None:
    """Refreshes, and then again whenever webhooks arrive in their folder, until interrupted.

    Each minute it looks without being told, too: for what no notice came of, and because marts age. After a failure it
    tries again, after pauses that double up to a quarter of an hour.

    Args:
        names: The sources to load at first, the deliveries among them; from then on only these are loaded.
        warehouse: The DuckDB file.

    Raises:
        ThroughlineError: The deliveries are not among the sources, or have no settings.
    """
    deliveries = "calendly_webhooks"
    folder = source_setting(deliveries, "bucket_url")
    if deliveries not in names or not folder:
        raise ThroughlineError(
            f"--watch waits for deliveries: name {deliveries}, or no source at all, and set"
            " SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL to the folder into which `throughline receive` writes."
        )
    refresh = _Refresh(warehouse)
    refresh.prepare()
    for _ in _arrivals(folder):
        pause = 1
        while not refresh.attempt(names, f"Trying again in {pause} s."):
            # A source that stays broken must not keep the deliveries from being built.
            names = [deliveries]
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        names = [deliveries]


def _arrivals(folder: str) -> Iterator[None]:
    """Yields at the beginning, whenever something in the folder changes, and each minute."""
    path = local_folder(folder)
    while not path:
        yield
        time.sleep(_POLL_SECONDS)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ThroughlineError(
            f"{path} cannot be made ({error.strerror}); correct SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL, or the folder."
        ) from None
    console.print(f"refresh: watching {path} for deliveries; stop with Ctrl+C.")
    looked_at = float("-inf")
    # The first time-out comes before anything is loaded; from then on the watcher keeps what comes while nobody asks.
    for changes in watch(path, watch_filter=None, debounce=500, step=100, rust_timeout=1_000, yield_on_timeout=True):
        if changes or time.monotonic() - looked_at >= _POLL_SECONDS:
            looked_at = time.monotonic()
            yield


class _Refresh:
    """Refreshes of one warehouse."""

    def __init__(self, warehouse: Path) -> None:
        self._warehouse = warehouse
        self._builder = Builder(warehouse)

    def prepare(self) -> None:
        """Does what need not wait for something to refresh."""
        self._builder.read(Project.digested())

    def attempt(self, names: Sequence[str], remedy: str) -> bool:
        """Refreshes, and whether that went well; if not, why and what is done about it is printed."""
        try:
            self.run(names)
        except ThroughlineError as error:
            console.print(f"{error} {remedy}", style="red")
            return False
        except Exception:
            console.print(f"{traceback.format_exc()}{remedy}", style="red")
            return False
        return True

    def run(self, names: Sequence[str]) -> None:
        """Refreshes, or leaves it to another one that waits already."""
        subject = f"refresh.{'+'.join(sorted(names))}"
        try:
            with _turn(self._warehouse, names) as tell:
                if tell:
                    self._run(names, tell)
                    all_is_well(self._warehouse, subject)
        except Exception as error:
            # What is no sentence of ours may quote data.
            reason = str(error) if isinstance(error, ThroughlineError) else f"{type(error).__name__}; it printed why."
            alert(self._warehouse, subject, f"The refresh of {self._warehouse.name} failed: {reason}")
            raise

    def _run(self, names: Sequence[str], tell: Callable[[str], None]) -> None:
        tell("loading")
        if failed := load_sources(names, self._warehouse):
            raise self._failure([f"the load of {name} failed" for name in failed])
        if not self._warehouse.is_file():
            raise self._failure(["no source was loaded, so that there is nothing to build"])
        if missing := missing_company_seeds():
            raise self._failure([f"the company seed {path} is missing" for path in missing])
        tell("building")
        project = Project.digested()
        plan = Plan.of(self._warehouse, project)
        if plan.is_needed:
            console.print(f"refresh: building {plan.reason}")
            if failures := self._builder.build(plan, project):
                raise self._failure(failures)
            plan.note(self._warehouse, project)
        elif is_published(self._warehouse):
            console.print("refresh: nothing has changed; the published copy stays as it is.")
            # What could not be delivered the last time.
            post_open_alerts(self._warehouse)
            return
        tell("publishing")
        publish_warehouse(self._warehouse)
        tell("posting alerts")
        post_open_alerts(self._warehouse)

    def _failure(self, failures: list[str]) -> ThroughlineError:
        is_there = published_path(self._warehouse).is_file()
        return ThroughlineError(f"{', '.join(failures)}.{' The published copy stays as it was.' * is_there}")


@contextmanager
def _turn(warehouse: Path, names: Sequence[str]) -> Iterator[Callable[[str], None] | None]:
    """Waits for the refresh under way, and yields a function that tells others what this one is doing.

    Yields None where another one of the same sources waits already: it will see all that there is to be seen now.
    The locks are the operating system's, so that a killed process leaves none behind.
    """
    folder = working_folder(warehouse)
    with (
        (folder / "refresh.lock").open("ab+", buffering=0) as lock,
        (folder / f"refresh.{'+'.join(sorted(names))}.queue").open("w") as queue,
    ):
        if not _is_locked_by(lock):
            if not _is_locked_by(queue):
                console.print("refresh: another one of the same sources waits already; this one leaves the work to it.")
                yield None
                return
            lock.seek(0)
            holder = lock.read().decode() or "another refresh is under way"
            console.print(f"refresh: {holder}; waiting for it to end.")
            fcntl.flock(lock, fcntl.LOCK_EX)
            fcntl.flock(queue, fcntl.LOCK_UN)
        began = f"{datetime.now(UTC):%H:%M:%S}"

        def tell(doing: str) -> None:
            # On a full disk nothing can be told; what is done then says so itself.
            with suppress(OSError):
                lock.truncate(0)
                holder = f"process {os.getpid()} has been refreshing {warehouse} since {began} UTC and is {doing}"
                lock.write(holder.encode())

        yield tell


def _is_locked_by(file: IO) -> bool:
    """Whether this process has the lock now, which it takes if nobody has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
