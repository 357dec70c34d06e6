"""How files land in the warehouse: the same checks, counts and guarantees for every source.

A load reads the files that are new, checks and types their records by SQL in a scratch DuckDB, compares them with what
the warehouse has, and lets dlt merge only new and changed rows. One transaction of our own then replaces the rejected
records of the files read and notes the load. A file counts as read only from that note on, so that a load killed
anywhere is simply repeated.
"""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import dropwhile
from pathlib import Path

import dlt
import duckdb
import pyarrow as pa
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ingestion.declarations import LOADS, OUTCOMES, REJECTED_RECORDS, FileTable
from ingestion.errors import ThroughlineError
from ingestion.files import SourceFile, check_header, list_files, matching, read_batches
from ingestion.settings import now
from ingestion.warehouse import connect, console, exclusive, has_table, identity, patiently, working_folder

# What must hold whatever else the environment says to dlt; telemetry alone is anybody's to switch on.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ["NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID"] = "false"
os.environ["DESTINATION__STAGING_DATASET_NAME_LAYOUT"] = "%s_staging"
os.environ["DESTINATION__DUCKDB__STAGING_DATASET_NAME_LAYOUT"] = "%s_staging"

_ARROW_ROWS = 100_000
_TRIMMED = "nullif(trim({cell}, e' \\t\\r\\n' || chr(160)), '')"


def land_files(source: str, url: str, tables: Sequence[FileTable], warehouse: Path, *, reread: bool = False) -> None:
    """Loads the new and changed files of a source into raw_<source> and says what became of every record.

    Args:
        source: The source's name, as in its settings and its schema.
        url: Its BUCKET_URL: a folder or an s3:// prefix.
        tables: What to look for there.
        warehouse: The DuckDB file to load into.
        reread: Read again also the files that were read before and have not changed.

    Raises:
        ThroughlineError: A file lacks a column or cannot be read, nothing fits, or the warehouse stayed locked.
    """
    with exclusive(warehouse):
        if warehouse.exists():
            # Says at once if it is no DuckDB file, and replays what a killed process left in its log.
            connect(warehouse).close()
        started_at = now()
        files = list_files(source, url)
        chosen = {table: matching(files, table.pattern) for table in tables}
        if not any(chosen.values()):
            wanted = ", ".join(f"{table.pattern}.csv" for table in tables)
            raise ThroughlineError(f"{url} holds none of the files {wanted} (or .parquet); export them there.")
        for table, found in chosen.items():
            if not found:
                console.print(f"{source}: there is no {table.pattern}.csv or .parquet; {table.name} stays as it is.")
        unread = chosen if reread else _unread(source, chosen, warehouse)
        if known := sum(map(len, chosen.values())) - sum(map(len, unread.values())):
            console.print(f"{source}: {known} file{'s' * (known > 1)} unchanged since the last load.")
        for table, found in unread.items():
            for file in found:
                check_header(file, [column.name for column in table.columns if not column.is_optional])
        _Load(source, {table: found for table, found in unread.items() if found}, warehouse, started_at).run()


def _unread(
    source: str, chosen: dict[FileTable, list[SourceFile]], warehouse: Path
) -> dict[FileTable, list[SourceFile]]:
    """The files whose present version the warehouse does not have, and all that are later than one of these.

    The later ones, since what they say of a record that an older file brings late must win again. A note that a file
    was read is believed only while its rows are there: a table that was dropped or emptied since is filled again.
    """
    if not warehouse.is_file():
        return chosen
    with connect(warehouse) as connection:
        if not has_table(connection, "raw_meta", "loads"):
            return chosen
        unread = {}
        for table, files in chosen.items():
            notes = connection.execute(
                "select source_file, arg_max(file_version, rowid), sum(records_read - records_rejected) > 0,"
                " arg_max(records_rejected, rowid) > 0"
                " from raw_meta.loads where source = ? and entity = ? group by source_file",
                [source, table.name],
            ).fetchall()
            is_lost = (any(landed for *_, landed, _ in notes) and not _has_rows(connection, source, table.name)) or (
                any(rejected for *_, rejected in notes) and not _has_rows(connection, source, "rejected_records")
            )
            versions = {} if is_lost else {name: version for name, version, *_ in notes}
            is_known = {file for file in files if versions.get(file.name) == file.version}
            unread[table] = list(dropwhile(is_known.__contains__, files))
        return unread


def _has_rows(connection: duckdb.DuckDBPyConnection, source: str, table: str) -> bool:
    if not has_table(connection, f"raw_{source}", table):
        return False
    return connection.execute(f"select 1 from raw_{source}.{table} limit 1").fetchone() is not None


def _ensure_table(connection: duckdb.DuckDBPyConnection, relation: str, columns: dict[str, str]) -> None:
    connection.execute(f"create schema if not exists {relation.split('.')[0]}")
    declared = ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
    connection.execute(f"create table if not exists {relation} ({declared})")
    for name, sql_type in columns.items():
        connection.execute(f"alter table {relation} add column if not exists {name} {sql_type}")


class _Load:
    """One load under way, with its scratch database.

    Scratch tables: `files` (the files read), `read_<table>` (text cells), `landing_<table>` (typed rows with their
    outcome), `rejected` (rejected_records to be), `tally` (records by file and outcome).
    """

    def __init__(
        self, source: str, files: dict[FileTable, list[SourceFile]], warehouse: Path, started_at: datetime
    ) -> None:
        self.source = source
        self.files = files
        self.warehouse = warehouse
        self.started_at = started_at.replace(tzinfo=None)
        self.load_id = f"{started_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self.folder = working_folder(warehouse) / source
        # What a killed load left behind is of no use: its files count as unread.
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.scratch = duckdb.connect(config={"temp_directory": str(self.folder / "spill")})
        self.scratch.execute("""
            set timezone = 'UTC';
            create table files (
                file_number integer, entity varchar, name varchar, version varchar, modified_at timestamp
            );
            create table rejected (
                file_number integer, line bigint, source_key varchar, record_text varchar, reason varchar
            );
            create table tally (file_number integer, outcome varchar, records bigint);
        """)

    def run(self) -> None:
        """Reads, compares, merges and notes; prints a line for each file."""
        try:
            self._read()
            self._compare()
            self._merge()
            self._note()
        finally:
            self.scratch.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            for table, files in self.files.items():
                cells = ", ".join(f"{name} varchar" for name in table.column_names)
                self.scratch.execute(f"create table read_{table.name} ({cells}, line bigint, file_number integer)")
                for file in files:
                    if not console.is_terminal:
                        console.print(f"{self.source}: reading {file.name} ({file.size:,} bytes)")
                    self._read_file(table, file, progress)

    def _read_file(self, table: FileTable, file: SourceFile, progress: Progress) -> None:
        (number,) = self.scratch.execute("select count(*) + 1 from files").fetchone()
        self.scratch.execute(
            "insert into files values (?, ?, ?, ?, ?)",
            [number, table.name, file.name, file.version, file.modified_at.replace(tzinfo=None)],
        )
        bar = progress.add_task(file.name, total=file.size)
        for batch in read_batches(file, table.column_names, lambda done: progress.update(bar, completed=done)):
            rows = pa.table({**batch.cells, "line": batch.lines})  # noqa: F841 - DuckDB finds it by its name
            self.scratch.execute(f"insert into read_{table.name} select *, {number} from rows")
            if batch.malformed:
                lines, texts, reasons = (list(part) for part in zip(*batch.malformed, strict=True))
                self.scratch.execute(
                    "insert into rejected select ?, unnest(?), null, unnest(?), unnest(?)",
                    [number, lines, texts, reasons],
                )

    def _compare(self) -> None:
        """Types and checks the cells, and finds every record's outcome."""
        if self.warehouse.is_file():
            path = str(self.warehouse).replace("'", "''")
            patiently(self.warehouse, lambda: self.scratch.execute(f"attach '{path}' as warehouse (read_only)"))
        try:
            for table in self.files:
                self.scratch.execute(self._comparison(table))
                self.scratch.execute(f"drop table read_{table.name}")
                self.scratch.execute(f"""
                    insert into rejected select file_number, line, source_key, record_text, reason
                    from landing_{table.name} where outcome = 'rejected';
                    insert into tally select file_number, outcome, count(*)
                    from landing_{table.name} where outcome != 'rejected' group by all;
                """)
            self.scratch.execute(
                "insert into tally select file_number, 'rejected', count(*) from rejected group by all"
            )
        finally:
            # dlt opens the same file next, which one process must not do twice.
            self.scratch.execute("detach database if exists warehouse")

    def _comparison(self, table: FileTable) -> str:
        """SQL for `landing_<table>`: one row for each record read, with typed values, outcome and reason."""
        trimmed = ", ".join(f"{_TRIMMED.format(cell=name)} as {name}" for name in table.column_names)
        typed = ", ".join(f"{column.kind.typed(f'trimmed.{column.name}')} as {column.name}" for column in table.columns)
        complaints = ", ".join(
            f"case when cells.{column.name} is null and {column.is_required} then '{column.name} is blank'"
            f" when cells.{column.name} is not null and {column.name} is null"
            f" then '{column.name} {column.kind.complaint}' end"
            for column in table.columns
        )
        as_read = ", ".join(f"'{name}': cells.{name}" for name in table.column_names)
        is_same = " and ".join(f"old.{name} is not distinct from ranked.{name}" for name in table.column_names)
        return f"""
            create table landing_{table.name} as
            with trimmed as (
                select file_number, line, {trimmed}
                from read_{table.name}
            ),
            typed as (
                select trimmed as cells, file_number, line, {typed}
                from trimmed
            ),
            checked as (
                select
                    * exclude (cells), cells.{table.key} as source_key,
                    nullif(concat_ws('; ', {complaints}), '') as reason,
                    case when reason is not null then to_json({{{as_read}}})::varchar end as record_text
                from typed
            ),
            ranked as (
                select
                    *,
                    row_number() over (
                        partition by {table.key}, reason is null order by file_number desc, line desc
                    ) as recency
                from checked
            )
            select
                ranked.*, files.name as _source_file, line as _source_line, files.modified_at as _source_modified_at,
                case
                    when reason is not null then 'rejected'
                    when recency > 1 then 'repeated'
                    when old._loaded_at is null then 'new'
                    when {is_same} then 'unchanged'
                    -- A file that arrives late: what the warehouse has comes from a later one, which wins although
                    -- it is no longer there to be read.
                    when (old._source_modified_at, old._source_file) > (files.modified_at, files.name)
                        and old._source_file not in (select name from files) then 'repeated'
                    else 'changed'
                end as outcome
            from ranked
            inner join files on ranked.file_number = files.file_number
            left join {self._existing(table)} as old on ranked.{table.key} = old.{table.key}
        """

    def _existing(self, table: FileTable) -> str:
        """The warehouse's table as a relation, with nulls for columns that it does not have yet."""
        schema = f"raw_{self.source}"
        rows = self.scratch.execute(
            "select column_name from duckdb_columns()"
            " where database_name = 'warehouse' and schema_name = ? and table_name = ?",
            [schema, table.name],
        ).fetchall()
        known = {name for (name,) in rows}
        columns = ", ".join(
            name if name in known else f"cast(null as {sql_type}) as {name}"
            for name, sql_type in table.sql_types.items()
        )
        return f"(select {columns} {f'from warehouse.{schema}.{table.name}' if known else 'where false'})"

    def _merge(self) -> None:
        """Merges the new and changed rows by dlt, each table in a transaction."""
        tables = [table for table in self.files if self._changes(table).fetchone()]
        if not tables:
            return
        with connect(self.warehouse) as connection:
            # dlt goes by its own note of what it made, though a table or column was dropped since.
            for table in tables:
                _ensure_table(connection, f"raw_{self.source}.{table.name}", table.sql_types)
        pipeline = dlt.pipeline(
            pipeline_name=f"{self.source}_{identity(self.warehouse)}",
            pipelines_dir=str(self.folder / "dlt"),
            destination=dlt.destinations.duckdb(str(self.warehouse)),
            dataset_name=f"raw_{self.source}",
            # Left out, both would be taken from the environment: one loads elsewhere, the other drops what is there.
            dev_mode=False,
            refresh=None,
        )

        @dlt.source(name=self.source)
        def changed_rows() -> list:
            return [
                dlt.resource(
                    self._batches(table),
                    name=table.name,
                    primary_key=table.key,
                    write_disposition="merge",
                    # Left to itself dlt makes every instant one with a zone.
                    columns={
                        name: {"data_type": "timestamp", "timezone": False}
                        for name, sql_type in table.sql_types.items()
                        if sql_type == "timestamp"
                    },
                )
                for table in tables
            ]

        with console.status(f"{self.source}: merging into {self.warehouse.name}"):
            # dlt's default file format for DuckDB is INSERT statements as text: 30 times slower, 10 times the memory.
            patiently(self.warehouse, lambda: pipeline.run(changed_rows(), loader_file_format="parquet"))
        self._check_merged(tables)

    def _check_merged(self, tables: list[FileTable]) -> None:
        """Makes sure that dlt's word is true before the files are noted as read."""
        with connect(self.warehouse) as connection:
            for table in tables:
                (expected,) = self.scratch.execute(
                    f"select count(*) from landing_{table.name} where outcome in ('new', 'changed')"
                ).fetchone()
                (landed,) = connection.execute(
                    f"select count(*) from raw_{self.source}.{table.name} where _loaded_at = ?", [self.started_at]
                ).fetchone()
                if landed < expected:
                    raise ThroughlineError(
                        f"{landed:,} of {expected:,} rows arrived in raw_{self.source}.{table.name}; load again, and"
                        " look for settings of dlt in the environment that send them elsewhere."
                    )

    def _changes(self, table: FileTable) -> duckdb.DuckDBPyConnection:
        """The rows to merge, as the raw table has them, on a cursor of their own: dlt reads tables in turn."""
        lineage = "_source_file, _source_line, _source_modified_at, cast(? as timestamp) as _loaded_at"
        return self.scratch.cursor().execute(
            f"select {', '.join(table.column_names)}, {lineage} from landing_{table.name}"
            " where outcome in ('new', 'changed')",
            [self.started_at],
        )

    def _batches(self, table: FileTable) -> Iterator[pa.RecordBatch]:
        with self._changes(table).to_arrow_reader(_ARROW_ROWS) as reader:
            # dlt warns where its primary key, which is never null, meets a column that might be.
            fields = [field.with_nullable(field.name != table.key) for field in reader.schema]
            for batch in reader:
                yield pa.RecordBatch.from_arrays(batch.columns, schema=pa.schema(fields))

    def _note(self) -> None:
        """Replaces the rejected records of the files read and notes the load, in one transaction.

        A load that found nothing new leaves a note without a file: that somebody looked is news, too.
        """
        counts = ", ".join(
            f"coalesce(sum(records) filter (where outcome = '{name}'), 0) as records_{name}" for name in OUTCOMES
        )
        notes = self.scratch.execute(
            f"""
            select
                ? as load_id, ? as source, entity, name as source_file, version as file_version,
                modified_at as file_modified_at, cast(? as timestamp) as started_at,
                cast(? as timestamp) as finished_at,
                coalesce(sum(records), 0) as records_read, {counts}
            from (select 0) left join files on true left join tally on files.file_number = tally.file_number
            group by all order by min(files.file_number)
            """,
            [self.load_id, self.source, self.started_at, now().replace(tzinfo=None)],
        ).to_arrow_table()
        rejected = self.scratch.execute(
            """
            select
                entity, name as source_file, line as source_line, source_key, record_text, reason,
                cast(? as timestamp) as _loaded_at
            from rejected inner join files on rejected.file_number = files.file_number
            """,
            [self.started_at],
        ).to_arrow_table()
        rejected_records = f"raw_{self.source}.rejected_records"
        with connect(self.warehouse) as connection:
            connection.register("notes", notes)
            connection.register("rejected", rejected)
            connection.execute("begin")
            _ensure_table(connection, rejected_records, REJECTED_RECORDS)
            _ensure_table(connection, "raw_meta.loads", LOADS)
            # dlt's second copy of the rows goes here, and with it what a killed load left there.
            connection.execute(f"""
                drop schema if exists raw_{self.source}_staging cascade;
                delete from {rejected_records}
                where (entity, source_file) in (select (entity, source_file) from notes);
                insert into {rejected_records} by name select * from rejected;
                insert into raw_meta.loads by name select * from notes;
            """)
            connection.execute("commit")
        self._report(notes)

    def _report(self, notes: pa.Table) -> None:
        for note in notes.to_pylist():
            if note["source_file"] is None:
                continue
            parts = [f"{note[f'records_{name}']:,} {name}" for name in OUTCOMES if note[f"records_{name}"]]
            console.print(
                f"{self.source}: {note['entity']} from {note['source_file']}:"
                f" {note['records_read']:,} records read{' = ' * bool(parts)}{' + '.join(parts)}"
            )
            if note["records_rejected"]:
                console.print(f"  see raw_{self.source}.rejected_records for the lines and reasons")
