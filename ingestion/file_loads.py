"""Loading the files of a source: which are new, which have grown, and what is read of each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, dropwhile
from pathlib import Path

import duckdb
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ingestion.declarations import FileTable, Table
from ingestion.documents import DocumentFile, Position
from ingestion.errors import ThroughlineError
from ingestion.files import EXPORTS, SourceFile, check_header, list_files, matching, read_batches, shown
from ingestion.indexed_files import list_indexed_files
from ingestion.landing import TOLD_FILES, Landing, landing
from ingestion.warehouse import connect, console, has_table

DOCUMENTS = (".json", ".jsonl", ".ndjson")


def land_files(
    source: str,
    url: str,
    tables: Sequence[FileTable],
    warehouse: Path,
    *,
    reread: bool = False,
    has_index: bool = False,
) -> None:
    """Loads the new and changed files of a source into raw_<source> and says what became of every record.

    Args:
        source: The source's name, as in its settings and its schema.
        url: Its BUCKET_URL: a folder or an s3:// prefix.
        tables: What to look for there.
        warehouse: The DuckDB file to load into.
        reread: Read again also the files that were read before and have not changed.
        has_index: Whether url may be an https:// prefix with a file_index.json, too.

    Raises:
        ThroughlineError: A file lacks a column or cannot be read, nothing fits, or the warehouse stayed locked.
    """
    with landing(source, warehouse) as load:
        is_indexed = has_index and url.startswith(("https://", "http://"))
        files = (list_indexed_files if is_indexed else list_files)(source, url, extensions(tables))
        chosen = {
            table: [
                replace(file, version=f"{file.version}:{table.reading}" if table.reading else file.version)
                for file in matching(files, table.pattern, table.json_pattern)
            ]
            for table in tables
        }
        if not any(chosen.values()):
            raise ThroughlineError(
                f"{shown(url)} holds none of the files {', '.join(map(wanted, tables))}; put them there."
            )
        for table, found in chosen.items():
            if not found:
                console.print(f"{source}: there is no {wanted(table)}; {table.name} stays as it is.")
        unread = chosen if reread else _unread(source, chosen, warehouse)
        say_known(source, sum(map(len, chosen.values())) - sum(map(len, unread.values())))
        for table, found in unread.items():
            for file in found:
                check_header(file, table.required_cells, has_any_separator=table.has_any_separator)
        with reading(load, list(chain.from_iterable(unread.values()))) as begin:
            for table, found in unread.items():
                for file in found:
                    number = load.add_file(table, file.name, version=file.version, modified_at=file.modified_at)
                    progress = begin(file)
                    header_with = table.required_cells if table.has_any_separator else ()
                    for batch in read_batches(file, list(table.cells), progress, header_with=header_with):
                        load.add_batch(table, number, batch)
        load.land()


def land_document_files(source: str, url: str, table: Table, warehouse: Path, *, reread: bool = False) -> None:
    """Loads new files of JSON documents, and what files of JSON Lines have grown by, into raw_<source>.

    A file is known by its full address. Folders are looked through to their bottom.

    Args:
        source: The source's name, as in its settings and its schema.
        url: Its BUCKET_URL: a folder or an s3:// prefix.
        table: What each document is.
        warehouse: The DuckDB file to load into.
        reread: Read everything again, from the beginning.

    Raises:
        ThroughlineError: A file or the folder cannot be read, or the warehouse stayed locked.
    """
    with landing(source, warehouse) as load:
        files = list_files(source, url, DOCUMENTS, is_deep=True)
        if not files:
            # A receiver that has just been set up has received nothing.
            console.print(f"{source}: {shown(url)} holds no {', '.join(f'*{end}' for end in DOCUMENTS)} yet.")
        known = {} if reread else _known_positions(source, table, warehouse)
        unread = [file for file in files if known.get(file.address, ("", None))[0] != file.version]
        say_known(source, len(files) - len(unread))
        with reading(load, unread) as begin:
            for file in unread:
                document_file = DocumentFile(file, known.get(file.address, ("", None))[1])
                number = load.add_file(
                    table,
                    file.address,
                    version=file.version,
                    modified_at=file.modified_at,
                    lines_before=document_file.begins_at,
                )
                for batch in document_file.batches(begin(file)):
                    load.add_batch(table, number, batch)
                if document_file.position:
                    load.note_position(number, document_file.position)
                if document_file.is_waiting:
                    console.print(f"{source}: the last line of {file.name} is not whole yet; it waits for its end.")
        load.land()


def extensions(tables: Iterable[FileTable]) -> tuple[str, ...]:
    """What the names of the files that fill some tables may end in."""
    has_tsv = any(table.has_any_separator for table in tables)
    has_json = any(table.json_pattern for table in tables)
    return (*EXPORTS, *(".tsv",) * has_tsv, *(".json",) * has_json)


def wanted(table: FileTable) -> str:
    """The names of the files that fill a table, in words."""
    exports = f"{table.pattern}.csv{', .tsv' * table.has_any_separator} or .parquet"
    return f"{exports} or {table.json_pattern}.json" if table.json_pattern else exports


def say_known(source: str, count: int) -> None:
    """Prints how many files are passed over."""
    if count:
        console.print(f"{source}: {count} file{'s' * (count > 1)} unchanged since the last load.")


@contextmanager
def reading(load: Landing, files: Sequence[SourceFile]) -> Iterator[Callable[[SourceFile], Callable[[int], None]]]:
    """Shows a bar for each file that is read, or one for all if they are many; a log gets a line instead."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:

        def bar_of(name: str, size: int) -> TaskID:
            if not console.is_terminal:
                console.print(f"{load.source}: reading {name} ({size:,} bytes)")
            return progress.add_task(name, total=size)

        def begin(file: SourceFile) -> Callable[[int], None]:
            if bar_of_all is not None:
                progress.advance(bar_of_all, file.size)
                return lambda done: None
            bar = bar_of(file.name, file.size)
            return lambda done: progress.update(bar, completed=done)

        is_told_of_all = len(files) > TOLD_FILES
        bar_of_all = bar_of(f"{len(files):,} files", sum(file.size for file in files)) if is_told_of_all else None

        yield begin


def _unread(
    source: str, chosen: dict[FileTable, list[SourceFile]], warehouse: Path
) -> dict[FileTable, list[SourceFile]]:
    """The files whose present version the warehouse does not have, and all that are later than one of these.

    The later ones, since what they say of a record that an older file brings late must win again.
    """
    unread = {}
    for table, files in chosen.items():
        known = known_versions(source, table, warehouse)
        is_known = {file for file in files if known.get(file.name) == file.version}
        unread[table] = list(dropwhile(is_known.__contains__, files))
    return unread


def known_versions(source: str, table: Table, warehouse: Path) -> dict[str, str]:
    """The version of each file that the warehouse has of a table, by the file's name."""
    return {name: version for name, (version, _) in _notes(source, table, warehouse).items()}


def _known_positions(source: str, table: Table, warehouse: Path) -> dict[str, tuple[str, Position | None]]:
    return {
        name: (version, Position(*position) if None not in position else None)
        for name, (version, position) in _notes(source, table, warehouse).items()
    }


def _notes(source: str, table: Table, warehouse: Path) -> dict[str, tuple[str, tuple]]:
    """The version of each file that the warehouse has, and how far it was read, by the file's name.

    A note that a file was read is believed only while its rows are there: a table that was dropped or emptied since is
    filled again.
    """
    if not warehouse.is_file():
        return {}
    with connect(warehouse) as connection:
        if not has_table(connection, "raw_meta", "loads"):
            return {}
        columns = {
            name
            for (name,) in connection.execute(
                "select column_name from duckdb_columns() where schema_name = 'raw_meta' and table_name = 'loads'"
            ).fetchall()
        }
        position = (
            "arg_max((lines_read, bytes_read, bytes_digest), rowid)"
            if "lines_read" in columns
            else "(null, null, null)"
        )
        notes = connection.execute(
            f"select source_file, arg_max(file_version, rowid), {position},"
            " sum(records_read - records_rejected) > 0, arg_max(records_rejected, rowid) > 0"
            " from raw_meta.loads where source = ? and entity = ? group by source_file",
            [source, table.name],
        ).fetchall()
        is_lost = (any(landed for *_, landed, _ in notes) and not _has_rows(connection, source, table.name)) or (
            any(rejected for *_, rejected in notes) and not _has_rows(connection, source, "rejected_records")
        )
        return {} if is_lost else {name: (version, position) for name, version, position, *_ in notes}


def _has_rows(connection: duckdb.DuckDBPyConnection, source: str, table: str) -> bool:
    if not has_table(connection, f"raw_{source}", table):
        return False
    return connection.execute(f"select 1 from raw_{source}.{table} limit 1").fetchone() is not None
