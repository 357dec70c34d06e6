"""What a warehouse, its published copy and its site say of themselves, for `throughline doctor`."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ingestion.findings import Finding, act, ago, counted, note, ok, size, span
from ingestion.settings import published_path, site_path
from ingestion.sources import required_settings
from ingestion.warehouse import has_table, holder_of

# A run that was killed is done again by the next one; after this long there seems to be none.
PATIENCE = timedelta(hours=1)
# The rhythm of the site and of a full build is a day; the rest is how long they may take.
_DAY = timedelta(hours=26)
_NAMED_MARTS = 5


@dataclass(frozen=True)
class Build:
    """The newest build.

    Attributes:
        invocation: dbt's identifier of it.
        command: build, run, test …
        started_at: When it began.
        finished_at: When it ended; None if it did not.
        errors: Nodes that failed, or were left out because of one that did.
        failed_marts: Marts among them, or with a test that failed.
    """

    invocation: str
    command: str
    started_at: datetime
    finished_at: datetime | None
    errors: int
    failed_marts: str

    @property
    def is_clean(self) -> bool:
        """Whether it ended without an error."""
        return self.finished_at is not None and not self.errors


@dataclass(frozen=True)
class Limit:
    """How fresh an entity has to be, from the mart `source_freshness`."""

    source: str
    entity: str
    max_load_age: timedelta | None
    newest_record_at: datetime | None
    max_record_age: timedelta | None


@dataclass(frozen=True)
class Rejections:
    """What the last loads of a source that read anything, one for each of its tables, could not use."""

    source: str
    records: int
    finished_at: datetime
    # A table of which nothing at all could be used, of several records.
    lost_table: str | None


@dataclass(frozen=True)
class State:
    """What stands in a warehouse, read at once and quickly: whoever has it open keeps others from writing.

    Attributes:
        build: The newest build; None if there is none.
        loaded_at: When the last load of each source ended.
        delivery_files: The version in which each file of deliveries was read last.
        limits: How fresh entities have to be; empty before the first build.
        rejections: Of the sources whose last load rejected something.
    """

    build: Build | None
    loaded_at: dict[str, datetime]
    delivery_files: dict[str, str]
    limits: list[Limit]
    rejections: list[Rejections]

    @classmethod
    def read(cls, database: Path) -> "State":
        """Reads them.

        Raises:
            duckdb.Error: The file cannot be opened.
        """
        with duckdb.connect(database, read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return cls(
                _newest_build(connection),
                dict(
                    _rows(
                        connection,
                        "raw_meta.loads",
                        "select source, max(finished_at) from raw_meta.loads where finished_at is not null group by 1",
                    )
                ),
                dict(
                    _rows(
                        connection,
                        "raw_meta.loads",
                        "select source_file, arg_max(file_version, rowid) from raw_meta.loads"
                        " where source = 'calendly_webhooks' and source_file is not null group by 1",
                    )
                ),
                [
                    Limit(source, entity, _hours(load_hours), newest_record_at, _hours(record_hours))
                    for source, entity, load_hours, newest_record_at, record_hours in _rows(
                        connection,
                        "marts.source_freshness",
                        "select source, entity, max_load_age_hours, newest_record_at, max_record_age_hours"
                        " from marts.source_freshness order by source, entity",
                    )
                ],
                [
                    Rejections(*row)
                    for row in _rows(
                        connection,
                        "raw_meta.loads",
                        # By table: a source's API may be read each day, and its files once in a while.
                        "select source, sum(records)::bigint, max(finished_at),"
                        " min(entity) filter (where records > 1 and records = records_read) from ("
                        "select source, entity, sum(records_rejected) as records, sum(records_read) as records_read,"
                        " max(finished_at) as finished_at from raw_meta.loads where source_file is not null"
                        " group by source, entity, load_id"
                        " qualify row_number() over (partition by source, entity order by max(started_at) desc) = 1"
                        ") where records > 0 group by source order by source",
                    )
                ],
            )


def _rows(connection: duckdb.DuckDBPyConnection, table: str, sql: str) -> list[tuple]:
    """The rows of a query on a table that need not be there; instants are UTC."""
    if not has_table(connection, *table.split(".")):
        return []
    return [tuple(map(_in_utc, row)) for row in connection.execute(sql).fetchall()]


def _in_utc(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _hours(count: float | None) -> timedelta | None:
    return None if count is None else timedelta(hours=count)


def _newest_build(connection: duckdb.DuckDBPyConnection) -> Build | None:
    rows = _rows(
        connection,
        "raw_meta.builds",
        "select invocation_id, command, started_at, finished_at, coalesce(error_count, 0), coalesce(marts_failed, '')"
        " from raw_meta.builds where target = 'prod' order by rowid desc limit 1",
    )
    return Build(*rows[0]) if rows else None


class Warehouse:
    """A warehouse and what is made of it.

    Attributes:
        state: What stands in it, or in its published copy while another process has it; None before `opened`, and if
            neither can be read.
    """

    def __init__(self, path: Path, now: datetime) -> None:
        """Opens nothing yet."""
        self.state: State | None = None
        self._path = path
        self._now = now
        self._is_busy = False
        self._published: State | None = None

    def opened(self) -> Iterator[Finding]:
        """Reads it; nothing is waited for."""
        if not self._path.is_file():
            yield act("warehouse", f"{self._path} is not there; make it with `throughline refresh`.")
            return
        try:
            self.state = State.read(self._path)
            yield ok("warehouse", f"{self._path} has {size(self._path.stat().st_size)}.")
        except duckdb.Error as error:
            holder = holder_of(error)
            if not holder:
                yield act(
                    "warehouse",
                    f"{self._path} cannot be opened as a DuckDB file ({type(error).__name__}); put a copy of it from"
                    " your backup in its place, or move it away and run `throughline refresh`.",
                )
                return
            self._is_busy = True
            yield note("warehouse", f"{self._path} is in use by {holder}; {self._instead()}")

    def _instead(self) -> str:
        try:
            self.state = State.read(published_path(self._path))
        except duckdb.Error:
            return "there is no published copy to look into meanwhile. Run this again when it has ended."
        return "what follows is what the published copy says."

    def built(self) -> Iterator[Finding]:
        """The newest build: whether it ended well, and when."""
        if not self.state:
            return
        build = self.state.build
        if not build:
            yield act("build", "Nothing was built yet; run `throughline refresh`.")
            return
        began = f"The newest dbt {build.command} began {ago(build.started_at, self._now)}"
        if build.finished_at is None:
            is_old = self._now - build.started_at > PATIENCE
            yield (act if is_old else note)(
                "build", f"{began} and did not end; the next `throughline refresh` builds everything again."
            )
        elif build.errors:
            failed = build.failed_marts.split(",") if build.failed_marts else []
            more = f" and {len(failed) - _NAMED_MARTS} more" if len(failed) > _NAMED_MARTS else ""
            marts = f"; marts: {', '.join(failed[:_NAMED_MARTS])}{more}" if failed else ""
            yield act(
                "build",
                f"{began} and had {counted(build.errors, 'error')}{marts}, with what had to be left out for them. Run"
                " `throughline refresh` to see what failed, and mend it; nothing is published before.",
            )
        else:
            is_old = self._now - build.started_at > _DAY
            if is_old:
                yield act("build", f"{began}, and none has come since: see that `throughline refresh` is run.")
            else:
                yield ok("build", f"{began} and had no error.")

    def published(self) -> Iterator[Finding]:
        """The published copy: whether it is there, and is that of the newest build."""
        if not self.state:
            return
        path, build = published_path(self._path), self.state.build
        if not path.is_file():
            if build and build.is_clean:
                yield act("published copy", f"{path} is not there; make it with `throughline publish`.")
            else:
                yield note("published copy", f"{path} is not there; it is made of the first build without an error.")
            return
        if self._is_busy:
            yield note("published copy", f"{path} cannot be compared with the warehouse now.")
            return
        try:
            shown = State.read(path).build
        except duckdb.Error as error:
            yield act(
                "published copy",
                f"{path} cannot be opened ({type(error).__name__}); make it anew with `throughline publish`.",
            )
            return
        if build and shown and shown.invocation == build.invocation:
            yield ok("published copy", f"{path} is that of the newest build.")
            return
        of_when = f"{path} is of a build of {ago(shown.started_at, self._now)}" if shown else f"{path} is of no build"
        if build and build.is_clean and self._now - build.finished_at > PATIENCE:
            yield act("published copy", f"{of_when}, and there is a newer one: run `throughline publish`.")
        else:
            yield note("published copy", f"{of_when}; it stays until a newer one is without an error and published.")

    def site(self) -> Iterator[Finding]:
        """The site: whether it is there, and about as new as the published copy."""
        index, copy = site_path(self._path) / "index.html", published_path(self._path)
        if not index.is_file():
            if copy.is_file():
                yield note("site", f"There is none in {index.parent}; make it with `throughline site`.")
            return
        built_at = datetime.fromtimestamp(index.stat().st_mtime, UTC)
        text = f"{index.parent} was built {ago(built_at, self._now)}"
        if not copy.is_file():
            yield ok("site", f"{text}.")
            return
        lag = datetime.fromtimestamp(copy.stat().st_mtime, UTC) - built_at
        if lag > _DAY:
            yield act("site", f"{text}, {span(lag)} before the published copy; make it anew with `throughline site`.")
        else:
            yield ok("site", f"{text}.")

    def fresh(self, configured: list[str], empty: set[str]) -> Iterator[Finding]:
        """Each source: when somebody last looked, and how far its records reach.

        Args:
            configured: The sources that have settings; what is late of others calls for nobody.
            empty: Those of them that have nothing to load yet.
        """
        if not self.state:
            return
        for source in configured:
            if source not in self.state.loaded_at and source not in empty:
                yield act(source, f"It has settings and was never loaded; run `throughline refresh {source}`.")
        for source, loaded_at in sorted(self.state.loaded_at.items()):
            limits = [limit for limit in self.state.limits if limit.source == source]
            complaints = [*self._load_complaints(source, loaded_at, limits), *self._record_complaints(limits)]
            if source not in configured:
                settings = " or ".join(required_settings(source))
                yield note(
                    source, f"It was last loaded {ago(loaded_at, self._now)} and has no settings any more ({settings})."
                )
            elif complaints:
                yield from (act(source, complaint) for complaint in complaints)
            else:
                yield ok(source, f"It was last loaded {ago(loaded_at, self._now)}.")

    def _load_complaints(self, source: str, loaded_at: datetime, limits: list[Limit]) -> Iterator[str]:
        allowed = min((limit.max_load_age for limit in limits if limit.max_load_age), default=None)
        if allowed and self._now - loaded_at > allowed:
            yield (
                f"It was last loaded {ago(loaded_at, self._now)}, more than {span(allowed)}: see whether `throughline"
                f" refresh {source}` is run by its timer, and what it says."
            )

    def _record_complaints(self, limits: list[Limit]) -> Iterator[str]:
        for limit in limits:
            newest = limit.newest_record_at
            if newest and limit.max_record_age and self._now - newest > limit.max_record_age:
                yield (
                    f"The newest record of {limit.entity} is of {ago(newest, self._now)}, more than"
                    f" {span(limit.max_record_age)}: see whether whoever delivers it still does."
                )

    def rejected(self) -> Iterator[Finding]:
        """The sources of which something that was read last could not be used."""
        for rejection in self.state.rejections if self.state else ():
            rejected = (
                f"The last load that read something, {ago(rejection.finished_at, self._now)}, rejected"
                f" {counted(rejection.records, 'record')}"
            )
            where = f"raw_{rejection.source}.rejected_records says"
            if rejection.lost_table:
                yield act(
                    rejection.source,
                    f"{rejected}, among them every one of {rejection.lost_table}; {where} why. Correct it where it"
                    " comes from and load again, or remove what does not belong there; this stays until a load can use"
                    " some.",
                )
            else:
                yield note(rejection.source, f"{rejected}; {where} which and why.")

    def disk(self) -> Iterator[Finding]:
        """Whether there is room for what a publish needs: the copy beside the warehouse, and what a build adds."""
        if not self._path.is_file():
            return
        needed, free = 2 * self._path.stat().st_size, shutil.disk_usage(self._path.parent).free
        text = f"{size(free)} are free at {self._path.parent}"
        if free < needed:
            yield act("disk", f"{text}, and a publish may need {size(needed)}: make room.")
        else:
            yield ok("disk", f"{text}.")
