"""`throughline publish --to parquet`: the facts of the published copy as Parquet files, in folders by their date.

FOLDER/<fact>/<date column>=YYYY-MM-DD/data.parquet, as Hive, Spark, DuckDB and Polars partition. A file is put in place
whole, and one name is one date: nobody reads half a file, or a row in an old and in a new one. What is ours stands in
notes beside the facts, written before the files are: a publication that was killed is known by them, and mended by the
next one.
"""

import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import duckdb
from botocore.exceptions import BotoCoreError
from dlt.common.configuration.exceptions import ConfigFieldMissingException, InvalidNativeValue
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs.exceptions import NativeValueError
from dlt.common.storages.configuration import FilesystemConfiguration
from dlt.common.storages.fsspec_filesystem import fsspec_from_config
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from ingestion.errors import ThroughlineError
from ingestion.files import shown
from ingestion.findings import counted
from ingestion.marts import Mart, digest_expression, marts_of, quoted, relation
from ingestion.progress import bar
from ingestion.settings import local_folder
from ingestion.warehouse import connect, console, working_folder

# By fact, the date that it is divided by.
FACTS = {
    "attribution_credits": "created_month_start_date",
    "bookings_fact": "booked_date",
    "marketing_spend_fact": "spend_date",
    "scheduled_events_fact": "start_date",
    "transactions_fact": "transaction_date",
    "webhook_invitee_fact": "real_time_ingestion_date",
    "webinar_registrations_fact": "start_date",
}

SETTING = "DESTINATION__FILESYSTEM__CREDENTIALS"
# A name that readers of Parquet pass over, outside the folders of facts.
_NOTES = ".throughline"
_NO_DATE = "__HIVE_DEFAULT_PARTITION__"
_EMPTY_DATE = "1970-01-01"
_FILE = "data.parquet"
# DuckDB keeps so many files open at once without closing one before it is whole.
_DATES_AT_A_TIME = 32


def publish_to_parquet(published: Path, destination: str) -> None:
    """Makes the files of a folder or s3:// prefix equal to the facts of the published copy.

    Args:
        published: The published copy of a warehouse.
        destination: The folder or prefix.

    Raises:
        ThroughlineError: The place cannot be written, or holds under a fact's name what no publication wrote.
    """
    place = shown(destination)
    with _sentences(place), _turn(published):
        store = _Store(destination)
        # Only now, so that of two publications the later one never writes the older copy.
        with connect(published, read_only=True) as copy:
            # So that each date is one file.
            copy.execute("set threads = 1")
            facts = {mart.name: mart for mart in marts_of(copy) if mart.name in FACTS}
            folders = {name: _Folder(store, name, place) for name in {*facts, *store.noted()}}
            for folder in folders.values():
                folder.check()
            rows, files, written = 0, 0, 0
            for name, folder in sorted(folders.items()):
                partitions = _partitions(copy, facts[name]) if name in facts else []
                written += folder.make(copy, facts.get(name), partitions)
                rows += sum(partition.rows for partition in partitions)
                files += len(partitions)
    unchanged = f" ({files - written} of them had not changed)" if files > written else ""
    console.print(
        f"Published {counted(len(facts), 'fact')} with {counted(rows, 'row')} in {counted(files, 'file')}{unchanged}"
        f" to {place}."
    )


@contextmanager
def _turn(published: Path) -> Iterator[None]:
    """Lets one publication of a warehouse's facts at a time write; a second one waits and says so."""
    with (working_folder(published) / "parquet.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("Another publication to Parquet is running; waiting for it to end.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _sentences(place: str) -> Iterator[None]:
    """Turns what a file system refuses into a sentence with a remedy."""
    again = "Publish again: what is whole there stays, and the rest is written"
    try:
        yield
    except (ConfigFieldMissingException, InvalidNativeValue):
        raise ThroughlineError(
            f"{place} has no usable credentials; set {SETTING}__AWS_ACCESS_KEY_ID and"
            f" {SETTING}__AWS_SECRET_ACCESS_KEY. Nothing was written."
        ) from None
    except FileNotFoundError as error:
        remedy = "make the bucket, or correct the address" if place.startswith("s3://") else "correct the path"
        raise ThroughlineError(f"{place} is not there ({_reason(error)}); {remedy}.") from None
    except PermissionError as error:
        raise ThroughlineError(
            f"{place} may not be written ({_reason(error)}); let this user, or these credentials, read, write and"
            f" delete there. {again}."
        ) from None
    except (OSError, ValueError, BotoCoreError, NativeValueError, duckdb.IOException) as error:
        raise ThroughlineError(f"{place} could not be written ({_reason(error)}). {again}.") from None


def _reason(error: Exception) -> str:
    """What an error says, in a line."""
    return (getattr(error, "strerror", None) or str(error)).strip().rstrip(".").partition("\n")[0]


@dataclass(frozen=True)
class _Partition:
    """The rows of a fact on one date.

    Attributes:
        folder: Inside that of the fact.
        date: As DuckDB writes it; None for rows without one.
        rows: How many there are.
        digest: Differs when rows or columns do.
    """

    folder: str
    date: str | None
    rows: int
    digest: str


def _partitions(copy: duckdb.DuckDBPyConnection, fact: Mart) -> list[_Partition]:
    """The dates of a fact.

    A fact without a dated row has an empty one besides, whose file and date tell readers its columns and types.
    """
    column = FACTS[fact.name]
    found = copy.execute(
        f"select cast({quoted(column)} as varchar), count(*), {digest_expression(fact.columns)} from {relation(fact)}"
        " group by 1"
    ).fetchall()
    if not any(date for date, *_ in found):
        found += copy.execute(
            f"select '{_EMPTY_DATE}', count(*), {digest_expression(fact.columns)} from {relation(fact)} where false"
        ).fetchall()
    return [
        # Percent signs only where DuckDB puts them, too: years before Christ.
        _Partition(f"{column}={_NO_DATE if date is None else quote(date)}", date, rows, digest)
        for date, rows, digest in found
    ]


def _write_partitions(copy: duckdb.DuckDBPyConnection, fact: Mart, partitions: list[_Partition], folder: Path) -> None:
    """Writes some dates of a fact, each as the one file of its folder in that of the fact."""
    column = quoted(FACTS[fact.name])
    target = str(folder / fact.name).replace("'", "''")
    if dates := [partition.date or "" for partition in partitions if partition.rows]:
        copy.execute(
            f"copy (from {relation(fact)} where list_contains($dates, coalesce(cast({column} as varchar), '')))"
            f" to '{target}' (format parquet, compression zstd, partition_by ({column}))",
            {"dates": dates},
        )
    # For which DuckDB makes no file by itself.
    for partition in partitions:
        if not partition.rows:
            (folder / fact.name / partition.folder).mkdir(parents=True)
            copy.execute(
                f"copy (select * exclude ({column}) from {relation(fact)} where false)"
                f" to '{target}/{partition.folder}/{_FILE}' (format parquet, compression zstd)"
            )


class _Store:
    """The folder or prefix, by the paths of its files relative to it."""

    def __init__(self, destination: str) -> None:
        self._is_local = not destination.startswith("s3://")
        self._files: AbstractFileSystem
        if self._is_local:
            if "://" in destination and not destination.startswith("file://"):
                raise ThroughlineError(f"{shown(destination)} is neither a folder nor an s3:// prefix.")
            if destination.startswith("~"):
                raise ThroughlineError(
                    f"{shown(destination)} begins with ~, which only a shell expands; write the whole path."
                )
            # Not by dlt, which makes a URL of the path and does not find what it had to escape in it. What a command is
            # told counts from where it runs, unlike a setting.
            folder = local_folder(destination) if "://" in destination else Path(destination).resolve()
            self._files, self._root = LocalFileSystem(), str(folder)
        else:
            configuration = resolve_configuration(
                FilesystemConfiguration(bucket_url=destination.rstrip("/")), sections=("destination", "filesystem")
            )
            self._files, self._root = fsspec_from_config(configuration)
        self._files.invalidate_cache()

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def sizes(self, folder: str) -> dict[str, int]:
        """All files below a folder with their sizes; links and whatever else is no folder count, too."""
        found = self._files.find(self._path(folder), detail=True)
        return {
            path.removeprefix(f"{self._root}/"): int(entry.get("size") or 0)
            for path, entry in found.items()
            # On S3 an object of such a name stands for a folder.
            if not path.endswith("/")
        }

    def noted(self) -> list[str]:
        """The facts that publications wrote."""
        names = (path.rpartition("/")[2] for path in self.sizes(_NOTES))
        return [name.removesuffix(".json") for name in names if name.endswith(".json")]

    def read(self, name: str) -> bytes | None:
        """A file's content; None if there is none."""
        try:
            return self._files.cat_file(self._path(name))
        except FileNotFoundError:
            return None

    def put(self, name: str, content: bytes | Path) -> None:
        """Puts a file in place, in one step, with all its bytes."""
        path = self._path(name)
        if not self._is_local:
            if isinstance(content, bytes):
                self._files.pipe_file(path, content)
            else:
                self._files.put_file(str(content), path)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside it, as only there it can be renamed into place; of a name that no reader of Parquet takes.
        unfinished = target.with_name(f".{target.name}.unfinished")
        try:
            if isinstance(content, bytes):
                unfinished.write_bytes(content)
            else:
                # Not forced onto the disk, which would take longer than all else: what a power failure cuts short has
                # another size than is noted, and is written again.
                shutil.copyfile(content, unfinished)
            unfinished.replace(target)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def remove(self, name: str) -> None:
        """Removes a file, and the folders that are empty then."""
        self._files.rm_file(self._path(name))
        if self._is_local:
            for folder in list(Path(self._root, name).parents)[: name.count("/")]:
                if any(folder.iterdir()):
                    break
                folder.rmdir()


class _Folder:
    """The files of one fact."""

    def __init__(self, store: _Store, fact: str, place: str) -> None:
        self._store = store
        self._fact = fact
        self._place = place
        self._notes = f"{_NOTES}/{fact}.json"
        # By file, what it is to hold; a digest of null while it is being written.
        self._noted = self._read_notes()
        self._sizes = store.sizes(fact)

    def _read_notes(self) -> dict[str, dict]:
        """What is noted.

        Raises:
            ThroughlineError: It cannot be read.
        """
        content = self._store.read(self._notes)
        try:
            noted = {} if content is None else json.loads(content)
            if isinstance(noted, dict) and all(isinstance(file, dict) for file in noted.values()):
                return noted
        except ValueError:
            pass
        raise ThroughlineError(
            f"{self._notes} in {self._place} is damaged; delete it and the folder {self._fact}, then publish again,"
            " which writes them anew. Nothing was written."
        )

    def check(self) -> None:
        """Makes sure that every file of the folder is one that a publication wrote.

        Raises:
            ThroughlineError: One is not.
        """
        known = {*self._noted, *(_unfinished(name) for name in self._noted)}
        foreign = sorted(self._sizes.keys() - known)
        if foreign:
            raise ThroughlineError(
                f"{self._place} holds {foreign[0]}{f' and {len(foreign) - 1} more' if foreign[1:] else ''}, which"
                f" `throughline publish` did not write: readers would take it for rows of {self._fact}. Move it, or"
                " publish to another place; nothing was written."
            )

    def make(self, copy: duckdb.DuckDBPyConnection, fact: Mart | None, partitions: list[_Partition]) -> int:
        """Makes the folder hold these partitions and nothing else; returns how many files were written."""
        wanted = {f"{self._fact}/{partition.folder}/{_FILE}": partition for partition in partitions}
        stale = {name: partition for name, partition in wanted.items() if not self._is_there(name, partition)}
        gone = self._sizes.keys() - wanted.keys()
        if not stale and not gone and self._noted.keys() == wanted.keys():
            return 0
        # Said before it is done: after a kill everything there is known as ours, and these as unfinished.
        self._note({**self._noted, **{name: {"digest": None} for name in stale}})
        # First, as rows that left a date had better be missing for a moment than count twice.
        for name in sorted(gone):
            self._store.remove(name)
        with bar(f"parquet: {self._fact}", len(stale), "files") as update:
            names = sorted(stale)
            for start in range(0, len(names), _DATES_AT_A_TIME):
                some = names[start : start + _DATES_AT_A_TIME]
                self._write(copy, fact, {name: stale[name] for name in some})
                update(advance=len(some))
        self._note({name: self._noted[name] for name in wanted})
        if not wanted:
            self._store.remove(self._notes)
        return len(stale)

    def _is_there(self, name: str, partition: _Partition) -> bool:
        noted = self._noted.get(name, {})
        return noted.get("digest") == partition.digest and noted.get("size") == self._sizes.get(name)

    def _write(self, copy: duckdb.DuckDBPyConnection, fact: Mart, partitions: dict[str, _Partition]) -> None:
        """Writes some dates on this machine, and puts each in place."""
        with tempfile.TemporaryDirectory() as scratch:
            _write_partitions(copy, fact, list(partitions.values()), Path(scratch))
            for name, partition in partitions.items():
                (written,) = (Path(scratch) / name).parent.iterdir()
                self._store.put(name, written)
                size = written.stat().st_size
                self._noted[name] = {"digest": partition.digest, "rows": partition.rows, "size": size}

    def _note(self, noted: dict[str, dict]) -> None:
        self._noted = noted
        self._store.put(self._notes, json.dumps(noted, indent=1, sort_keys=True).encode())


def _unfinished(name: str) -> str:
    folder, _, file = name.rpartition("/")
    return f"{folder}/.{file}.unfinished"
