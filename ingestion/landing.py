"""How records land in the warehouse: the same checks, counts and guarantees for every source.

A landing takes what a source module reads, checks and types it by SQL in a scratch DuckDB, compares it with what the
warehouse has, and lets dlt merge only new and changed rows. One transaction of our own then replaces the rejected
records of the files read and notes the load. A file counts as read only from that note on, so that a load killed
anywhere is simply repeated.
"""

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa

from ingestion.declarations import LOADS, OUTCOMES, REJECTED_RECORDS, Table
from ingestion.documents import Position
from ingestion.errors import ThroughlineError
from ingestion.files import Batch
from ingestion.settings import now
from ingestion.warehouse import connect, console, exclusive, has_table, identity, patiently, working_folder

# What must hold whatever else the environment says to dlt; telemetry alone is anybody's to switch on.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ["NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID"] = "false"
os.environ["DESTINATION__STAGING_DATASET_NAME_LAYOUT"] = "%s_staging"
os.environ["DESTINATION__DUCKDB__STAGING_DATASET_NAME_LAYOUT"] = "%s_staging"

# Of more files than these only the sum is told, and those with something to look at.
TOLD_FILES = 50

_ARROW_ROWS = 100_000

# A statement takes DuckDB's Python client milliseconds, whatever it inserts: with three for each of a year's hourly
# files a load took minutes.
_WAITING_BYTES = 16 << 20

# What is known of each file that is read: the columns of the scratch table `files`.
_FILES = pa.schema(
    {
        "file_number": pa.int32(),
        "entity": pa.string(),
        "name": pa.string(),
        "version": pa.string(),
        "modified_at": pa.timestamp("us"),
        "lines_before": pa.int64(),
        "lines_read": pa.int64(),
        "bytes_read": pa.int64(),
        "bytes_digest": pa.string(),
        "is_part": pa.bool_(),
    }
)
_TRIMMED = "nullif(trim({cell}, e' \\t\\r\\n' || chr(160)), '')"


@contextmanager
def landing(source: str, warehouse: Path) -> Iterator["Landing"]:
    """A landing into a warehouse that no other load can enter meanwhile; its scratch is gone afterwards.

    Args:
        source: The source's name, as in its settings and its schema.
        warehouse: The DuckDB file to load into.

    Raises:
        ThroughlineError: The warehouse is no DuckDB file, or stayed locked.
    """
    with exclusive(warehouse):
        if warehouse.exists():
            # Says at once if it is no DuckDB file, and replays what a killed process left in its log.
            connect(warehouse).close()
        load = Landing(source, warehouse)
        try:
            yield load
        finally:
            load.close()


def _ensure_table(connection: duckdb.DuckDBPyConnection, relation: str, columns: dict[str, str]) -> None:
    connection.execute(f"create schema if not exists {relation.split('.')[0]}")
    declared = ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
    connection.execute(f"create table if not exists {relation} ({declared})")
    for name, sql_type in columns.items():
        connection.execute(f"alter table {relation} add column if not exists {name} {sql_type}")


def _literal(text: str | None) -> str:
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


class Landing:
    """One load under way, with its scratch database.

    Scratch tables: `files` (what was read from where), `read_<table>` (text cells), `landing_<table>` (typed rows with
    their outcome), `rejected` (rejected_records to be), `tally` (records by file and outcome).

    Attributes:
        source: The source's name.
        warehouse: The DuckDB file.
        started_at: When the load began (UTC); `_loaded_at` is that too, but where an earlier load has it already.
    """

    def __init__(self, source: str, warehouse: Path) -> None:
        """Makes the scratch database; `landing` is the way to one."""
        self.source = source
        self.warehouse = warehouse
        self.started_at = now()
        self._started_at = self._instant = self.started_at.replace(tzinfo=None)
        self.load_id = f"{self.started_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self.folder = working_folder(warehouse) / source
        # What a killed load left behind is of no use: its files count as unread.
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.tables: list[Table] = []
        self._files: list[dict[str, Any]] = []
        self._waiting: dict[str, list[pa.Table]] = {}
        self._waiting_bytes: Counter[str] = Counter()
        self._numbers: dict[tuple[str, str], int] = {}
        self._documents_read: Counter[int] = Counter()
        self._scratch = duckdb.connect(config={"temp_directory": str(self.folder / "spill")})
        self._scratch.execute("""
            set timezone = 'UTC';
            set enable_progress_bar = false;
            create table rejected (
                file_number integer, line bigint, source_key varchar, record_text varchar, reason varchar
            );
            create table tally (file_number integer, outcome varchar, records bigint);
        """)

    def close(self) -> None:
        """Removes the scratch database."""
        self._scratch.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def add_file(
        self,
        table: Table,
        name: str,
        *,
        version: str,
        modified_at: datetime,
        lines_before: int = 0,
        is_part: bool = False,
    ) -> int:
        """Announces something that is read for a table, and returns its number; later ones win.

        Args:
            table: What its records are.
            name: What `source_file` says in the warehouse.
            version: Changes whenever its content may have changed.
            modified_at: With a zone.
            lines_before: How many lines were read by earlier loads; what was rejected of them stays.
            is_part: Whether it shows only some of its records each time; then all that was rejected stays.
        """
        if table not in self.tables:
            self.tables.append(table)
            cells = ", ".join(f'"{name}" varchar' for name in table.cells)
            self._scratch.execute(f"create table read_{table.name} ({cells}, line bigint, file_number integer)")
            self._waiting[table.name] = []
        number = len(self._files) + 1
        self._files.append(
            {
                "file_number": number,
                "entity": table.name,
                "name": name,
                "version": version,
                "modified_at": modified_at.replace(tzinfo=None),
                "lines_before": lines_before,
                "is_part": is_part,
            }
        )
        return number

    def add_batch(self, table: Table, number: int, batch: Batch) -> None:
        """Takes some of the records of the file of this number."""
        numbers = pa.repeat(pa.scalar(number, pa.int32()), len(batch.lines))
        rows = pa.table({**batch.cells, "line": batch.lines, "file_number": numbers})
        self._waiting[table.name].append(rows)
        self._waiting_bytes[table.name] += rows.nbytes
        if self._waiting_bytes[table.name] >= _WAITING_BYTES:
            self._insert_waiting(table)
        if batch.malformed:
            lines, texts, reasons = (list(part) for part in zip(*batch.malformed, strict=True))
            self._scratch.execute(
                "insert into rejected select ?, unnest(?), null, unnest(?), unnest(?)",
                [number, lines, texts, reasons],
            )

    def _insert_waiting(self, table: Table) -> None:
        if waiting := self._waiting[table.name]:
            self._scratch.from_arrow(pa.concat_tables(waiting).combine_chunks()).insert_into(f"read_{table.name}")
            waiting.clear()
            self._waiting_bytes[table.name] = 0

    def note_position(self, number: int, position: Position) -> None:
        """Keeps how far the file of this number was read, for the load that reads it on."""
        self._files[number - 1] |= {
            "lines_read": position.lines,
            "bytes_read": position.bytes,
            "bytes_digest": position.digest,
        }

    def read_documents(
        self,
        table: Table,
        address: str,
        texts: Iterable[str],
        *,
        version: str = "",
        parents: Iterable[str] | None = None,
    ) -> None:
        """Takes JSON documents that an API answered; called again, it continues the same address.

        Args:
            table: What the documents are.
            address: Where they come from; this is what `source_file` says in the warehouse.
            texts: The documents.
            version: Kept in raw_meta.loads.file_version.
            parents: To what each of them belongs, where the table has a column for that.
        """
        number = self._numbers.get((table.name, address))
        if number is None:
            number = self.add_file(table, address, version=version, modified_at=self.started_at, is_part=True)
            self._numbers[table.name, address] = number
        # In the order of the columns: what they belong to comes first.
        columns = [texts] if parents is None else [parents, texts]
        cells = {name: pa.array(list(values), pa.string()) for name, values in zip(table.cells, columns, strict=True)}
        count = len(cells["document"])
        line = self._documents_read[number]
        lines = pa.array(range(line + 1, line + 1 + count), pa.int64())
        self._documents_read[number] += count
        self.add_batch(table, number, Batch(cells, lines, []))

    def land(self, *stages: Sequence[Table]) -> None:
        """Compares, merges stage after stage, and notes what was read; prints a line for each file.

        Args:
            stages: Tables to merge together; those that later loads go by come in a later stage than what they stand
                for. Left out, all tables are merged in one.

        Raises:
            ThroughlineError: Rows did not arrive, or the warehouse stayed locked.
        """
        self._compare()
        for stage in stages or [self.tables]:
            self._merge(stage)
        self._note()

    def _compare(self) -> None:
        """Types and checks the cells, and finds every record's outcome."""
        self._scratch.from_arrow(pa.Table.from_pylist(self._files, _FILES)).create("files")
        for table in self.tables:
            self._insert_waiting(table)
            self._say_of_files(table)
        if self.warehouse.is_file():
            path = str(self.warehouse).replace("'", "''")
            patiently(self.warehouse, lambda: self._scratch.execute(f"attach '{path}' as warehouse (read_only)"))
        try:
            self._instant = self._unused_instant()
            for table in self.tables:
                self._scratch.execute(self._comparison(table))
                self._scratch.execute(f"drop table read_{table.name}")
                self._scratch.execute(f"""
                    insert into rejected select file_number, line, source_key, record_text, reason
                    from landing_{table.name} where outcome = 'rejected';
                    insert into tally select file_number, outcome, count(*)
                    from landing_{table.name} where outcome != 'rejected' group by all;
                """)
            self._scratch.execute(
                "insert into tally select file_number, 'rejected', count(*) from rejected group by all"
            )
        finally:
            # dlt opens the same file next, which one process must not do twice.
            self._scratch.execute("detach database if exists warehouse")

    def _say_of_files(self, table: Table) -> None:
        """Prints what a table's declaration has to say of each of its files.

        Raises:
            ThroughlineError: By that declaration nothing of a file may be loaded.
        """
        if not (table.refusal or table.remark):
            return
        said = self._scratch.execute(f"""
            with trimmed as ({self._trimmed(table)})
            select any_value(files.name), {table.refusal or "null"}, {table.remark or "null"}
            from trimmed
            inner join files on trimmed.file_number = files.file_number
            group by trimmed.file_number
            order by trimmed.file_number
        """).fetchall()
        for name, refusal, _ in said:
            if refusal:
                raise ThroughlineError(f"{name} {refusal}")
        for name, _, remark in said:
            if remark:
                console.print(f"{self.source}: {name} {remark}")

    def _unused_instant(self) -> datetime:
        """When this load began; later by microseconds where an earlier load has that instant.

        So that the pair of a key and `_loaded_at` says whether somebody has seen this content, whatever the clock says.
        A killed load has no note, and one whose rows were all replaced has none of them left: both are looked at.
        """
        instant = self._started_at
        lookups = [
            f"select 1 from warehouse.raw_{self.source}.{table.name} where _loaded_at = $instant limit 1"
            for table in self.tables
            if "_loaded_at" in self._known_columns(f"raw_{self.source}", table.name)
        ]
        if self._known_columns("raw_meta", "loads"):
            lookups.append(
                f"select 1 from warehouse.raw_meta.loads where source = '{self.source}' and started_at = $instant"
            )
        while any(self._scratch.execute(lookup, {"instant": instant}).fetchone() for lookup in lookups):
            instant += timedelta(microseconds=1)
        return instant

    def _comparison(self, table: Table) -> str:
        """SQL for `landing_<table>`: one row for each record read, with typed values, outcome and reason."""
        cells = {f'"{name}"': column for name, column in table.cells.items()}
        typed = ", ".join(
            f"case when trimmed.{name} is null then {_literal(column.default)}"
            f" else {column.kind.typed(f'trimmed.{name}')} end as {column.name}"
            for name, column in cells.items()
        )
        computed = "".join(f", {column.computed} as {column.name}" for column in table.columns if column.computed)
        of_cells = ", ".join(
            f"case when cells.{name} is null and {column.is_required} then '{column.header or column.name} is blank'"
            f" when cells.{name} is not null and {column.name} is null"
            f" then '{column.header or column.name} {column.kind.complaint}' end"
            for name, column in cells.items()
            if column.kind.complaint
        )
        of_record = ", ".join(
            [
                f"case when {column.name} is null then 'has no {column.name}' end"
                for column in table.columns
                if column.computed and column.is_required
            ]
            + list(table.complaints)
            or ["null"]
        )
        # When a record came is no part of it.
        own_cells = {name: column for name, column in cells.items() if column.name != table.earliest_by}
        as_read = (
            f"to_json({{{', '.join(f'{_literal(column.name)}: cells.{name}' for name, column in own_cells.items())}}})"
        )
        if len(own_cells) == 1:
            as_read = f"cells.{next(iter(own_cells))}"
        is_same = " and ".join(f"old.{name} is not distinct from ranked.{name}" for name in table.column_names)
        if table.has_last_origin:
            is_same += (
                " and (old._source_modified_at, old._source_file, old._source_line)"
                " = (files.modified_at, files.name, line)"
            )
        recency, is_later, is_no_later = "file_number desc, line desc", "false", "true"
        if table.earliest_by:
            old, new = f"old.{table.earliest_by}", f"ranked.{table.earliest_by}"
            recency = f"{table.earliest_by} asc nulls last, {recency}"
            is_later = f"{old} < {new} or ({old} is not null and {new} is null)"
            is_no_later = f"{old} is not distinct from {new}"
        return f"""
            create table landing_{table.name} as
            with trimmed as (
                {self._trimmed(table)}
            ),
            typed as (
                select
                    trimmed as cells, trimmed.file_number, line, files.name as file_name,
                    files.modified_at as file_modified_at, {typed}
                from trimmed
                inner join files on trimmed.file_number = files.file_number
            ),
            computed as (
                select * {computed}
                from typed
            ),
            checked as (
                select
                    * exclude (cells, file_name, file_modified_at), cast({table.key} as varchar) as source_key,
                    coalesce(
                        nullif(concat_ws('; ', {of_cells}), ''), nullif(concat_ws('; ', {of_record}), '')
                    ) as reason,
                    case when reason is not null then cast({as_read} as varchar) end as record_text
                from computed
            ),
            ranked as (
                select
                    *,
                    row_number() over (
                        partition by {table.key}, reason is null order by {recency}
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
                    when {is_later} then 'repeated'
                    -- A file that arrives late: what the warehouse has comes from a later one, which wins although
                    -- it is no longer there to be read.
                    when (old._source_modified_at, old._source_file) > (files.modified_at, files.name)
                        and old._source_file not in (select name from files) and {is_no_later} then 'repeated'
                    else 'changed'
                end as outcome
            from ranked
            inner join files on ranked.file_number = files.file_number
            left join {self._existing(table)} as old on ranked.{table.key} = old.{table.key}
        """

    def _trimmed(self, table: Table) -> str:
        """SQL for the cells of a table's records without blanks around them; null where nothing is left."""
        cells = [f'"{name}"' for name in table.cells]
        trimmed = ", ".join(f"{_TRIMMED.format(cell=name)} as {name}" for name in cells)
        return f"select file_number, line, {trimmed} from read_{table.name}"

    def _existing(self, table: Table) -> str:
        """The warehouse's table as a relation, with nulls for columns that it does not have yet."""
        known = self._known_columns(f"raw_{self.source}", table.name)
        columns = ", ".join(
            name if name in known else f"cast(null as {sql_type}) as {name}"
            for name, sql_type in table.sql_types.items()
        )
        return f"(select {columns} {f'from warehouse.raw_{self.source}.{table.name}' if known else 'where false'})"

    def _known_columns(self, schema: str, table: str) -> set[str]:
        rows = self._scratch.execute(
            "select column_name from duckdb_columns()"
            " where database_name = 'warehouse' and schema_name = ? and table_name = ?",
            [schema, table],
        ).fetchall()
        return {name for (name,) in rows}

    def _merge(self, stage: Sequence[Table]) -> None:
        """Merges the new and changed rows of some tables by dlt, each table in a transaction."""
        tables = [table for table in stage if table in self.tables and self._changes(table).fetchone()]
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
                    # Left to itself dlt makes every instant one with a zone. A document it may take for a text: the
                    # table is there already, and knows better.
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

    def _check_merged(self, tables: list[Table]) -> None:
        """Makes sure that dlt's word is true before the files are noted as read."""
        with connect(self.warehouse) as connection:
            for table in tables:
                (expected,) = self._scratch.execute(
                    f"select count(*) from landing_{table.name} where outcome in ('new', 'changed')"
                ).fetchone()
                (landed,) = connection.execute(
                    f"select count(*) from raw_{self.source}.{table.name} where _loaded_at = ?", [self._instant]
                ).fetchone()
                if landed < expected:
                    raise ThroughlineError(
                        f"{landed:,} of {expected:,} rows arrived in raw_{self.source}.{table.name}; load again, and"
                        " look for settings of dlt in the environment that send them elsewhere."
                    )

    def _changes(self, table: Table) -> duckdb.DuckDBPyConnection:
        """The rows to merge, as the raw table has them, on a cursor of their own: dlt reads tables in turn."""
        lineage = "_source_file, _source_line, _source_modified_at, cast(? as timestamp) as _loaded_at"
        return self._scratch.cursor().execute(
            f"select {', '.join(table.column_names)}, {lineage} from landing_{table.name}"
            " where outcome in ('new', 'changed')",
            [self._instant],
        )

    def _batches(self, table: Table) -> Iterator[pa.RecordBatch]:
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
        notes = self._scratch.execute(
            f"""
            select
                ? as load_id, ? as source, entity, name as source_file, version as file_version,
                modified_at as file_modified_at, lines_read, bytes_read, bytes_digest,
                cast(? as timestamp) as started_at, cast(? as timestamp) as finished_at,
                coalesce(sum(records), 0) as records_read, {counts}
            from (select 0) left join files on true left join tally on files.file_number = tally.file_number
            group by all order by min(files.file_number)
            """,
            [self.load_id, self.source, self._instant, now().replace(tzinfo=None)],
        ).to_arrow_table()
        rejected = self._scratch.execute(
            """
            select
                entity, name as source_file, line as source_line, source_key, record_text, reason,
                cast(? as timestamp) as _loaded_at
            from rejected inner join files on rejected.file_number = files.file_number
            """,
            [self._started_at],
        ).to_arrow_table()
        replaced = self._scratch.execute(
            "select entity, name as source_file, lines_before from files where not is_part"
        ).to_arrow_table()
        rejected_records = f"raw_{self.source}.rejected_records"
        with connect(self.warehouse) as connection:
            connection.register("notes", notes)
            connection.register("rejected", rejected)
            connection.register("replaced", replaced)
            connection.execute("begin")
            removed = {table.name: self._remove(connection, table) for table in self.tables}
            _ensure_table(connection, rejected_records, REJECTED_RECORDS)
            _ensure_table(connection, "raw_meta.loads", LOADS)
            # dlt's second copy of the rows goes here, and with it what a killed load left there.
            connection.execute(f"""
                drop schema if exists raw_{self.source}_staging cascade;
                delete from {rejected_records} as old using replaced
                where
                    old.entity = replaced.entity and old.source_file = replaced.source_file
                    and old.source_line > replaced.lines_before;
                insert into {rejected_records} by name
                select * from rejected
                where (entity, source_file, record_text) not in (
                    select (entity, source_file, record_text) from {rejected_records} where record_text is not null
                ) or source_file in (select source_file from replaced);
                insert into raw_meta.loads by name select * from notes;
            """)
            connection.execute("commit")
        self._report(notes)
        for name, count in removed.items():
            if count:
                console.print(f"{self.source}: {count:,} rows of {name} went, which their files no longer have")

    def _remove(self, connection: duckdb.DuckDBPyConnection, table: Table) -> int:
        """Deletes what the files that were read again no longer have, where the table forgets such rows."""
        relation = f"raw_{self.source}.{table.name}"
        if not table.is_replaced or not has_table(connection, f"raw_{self.source}", table.name):
            return 0
        kept = self._scratch.execute(
            f"select distinct source_key from landing_{table.name} where outcome != 'rejected'"
        ).to_arrow_table()
        names = self._scratch.execute("select name from files where entity = ?", [table.name]).to_arrow_table()
        connection.register("kept", kept)
        connection.register("names", names)
        (count,) = connection.execute(
            f"delete from {relation} where _source_file in (select name from names)"
            f" and {table.key} not in (select source_key from kept)"
        ).fetchone()
        return count

    def _report(self, notes: pa.Table) -> None:
        files = [note for note in notes.to_pylist() if note["source_file"] is not None]
        if len(files) > TOLD_FILES:
            for entity in dict.fromkeys(note["entity"] for note in files):
                these = [note for note in files if note["entity"] == entity]
                origin = these[0]["source_file"] if len(these) == 1 else f"{len(these):,} files"
                self._report_counts(entity, origin, sum((Counter(_counts(one)) for one in these), Counter()))
            files = [note for note in files if note["records_rejected"]]
        for note in files:
            self._report_counts(note["entity"], note["source_file"], _counts(note))
            if note["records_rejected"]:
                console.print(f"  see raw_{self.source}.rejected_records for the lines and reasons")

    def _report_counts(self, entity: str, origin: str, counts: Mapping[str, int]) -> None:
        parts = [f"{counts[name]:,} {name}" for name in OUTCOMES if counts[name]]
        console.print(
            f"{self.source}: {entity} from {origin}:"
            f" {counts['read']:,} records read{' = ' * bool(parts)}{' + '.join(parts)}"
        )


def _counts(note: Mapping[str, Any]) -> dict[str, int]:
    return {name: note[f"records_{name}"] for name in ("read", *OUTCOMES)}
