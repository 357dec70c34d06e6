"""`throughline publish --to postgres`: the marts of the published copy as tables of a PostgreSQL database.

All of it is one transaction. Rows are deleted and copied anew, since a reader whose transaction began before goes on
seeing the old ones then: TRUNCATE, or a table made anew, would look empty to it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import psycopg
from psycopg import sql

from ingestion import postgres
from ingestion.errors import ThroughlineError
from ingestion.findings import Finding, counted, note, ok
from ingestion.marts import SCHEMA, Column, ForeignKey, Mart, digest_expression, is_nested, marts_of, quoted, relation
from ingestion.progress import bar
from ingestion.warehouse import connect, console

NOTES = "published_tables"

# What makes a table ours: it goes where the table goes, and is gone when somebody puts another in its place.
_MARK = "Published by Throughline"
_COMMENT = f"{_MARK}, which replaces its rows; {SCHEMA}.{NOTES} says when it last did."
_NOTE_COLUMNS = {
    "table_name": "text",
    "row_count": "bigint",
    "published_at": "timestamp without time zone",
    "content_digest": "text",
    "written_by": "text",
}
_NAME_BYTES = 63
_ROWS_PER_BATCH = 10_000
_DOCTOR_SECONDS = 10

# By DuckDB's name of a type, PostgreSQL's, as pg_catalog writes it.
_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20,0)",
    "HUGEINT": "numeric(39,0)",
    "UHUGEINT": "numeric(39,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "UUID": "uuid",
    "JSON": "json",
}


def publish_to_postgres(published: Path) -> None:
    """Makes the schema marts of a PostgreSQL database equal to that of the published copy.

    Args:
        published: The published copy of a warehouse.

    Raises:
        ThroughlineError: The database cannot be reached or does not take the marts; it stays as it was.
    """
    database = postgres.Database()
    with database.transaction() as target:
        _wait_for_turn(target, database.place)
        # Only now, so that of two publications the later one never writes the older copy.
        with connect(published, read_only=True) as copy:
            # Cells of any length in one batch.
            copy.execute("set arrow_large_buffer_size = true")
            done = _Publication(copy, target, database.place).run()
    console.print(f"Published {done} into the schema {SCHEMA} of {database.place}.")


def postgres_findings() -> Iterator[Finding]:
    """Whether the database can be reached, if one is set, and when marts were last written there.

    Raises:
        ThroughlineError: It cannot.
    """
    try:
        database = postgres.Database()
    except postgres.NotSetError:
        return
    last = None
    with database.transaction(seconds=_DOCTOR_SECONDS) as target:
        if target.execute("select to_regclass(%s)", [f"{SCHEMA}.{NOTES}"]).fetchone()[0]:
            (last,) = target.execute(f"select max(published_at) from {SCHEMA}.{NOTES}").fetchone()
    answers = f"{database.place} answers"
    if last:
        yield ok("PostgreSQL", f"{answers}; rows of marts were last replaced there on {last:%Y-%m-%d %H:%M} UTC.")
    else:
        yield note("PostgreSQL", f"{answers}, and has no marts yet; `throughline publish --to postgres` writes them.")


def _wait_for_turn(target: psycopg.Connection, place: str) -> None:
    """Lets one publication at a time into a database."""
    lock = f"hashtext('throughline publish {SCHEMA}')"
    (is_first,) = target.execute(f"select pg_try_advisory_xact_lock({lock})").fetchone()
    if not is_first:
        console.print(f"Another publication into {place} is running; waiting for it to end.")
        target.execute(f"select pg_advisory_xact_lock({lock})")
    target.execute(f"set local lock_timeout = '{postgres.LOCK_SECONDS}s'")


@dataclass(frozen=True)
class _Shape:
    """A table as PostgreSQL has it, or is to have it.

    Attributes:
        columns: Each with its type and whether it is required; in no order that matters.
        primary_key: Its columns.
        foreign_keys: Those to other marts.
    """

    columns: dict[str, tuple[str, bool]]
    primary_key: tuple[str, ...]
    foreign_keys: frozenset[ForeignKey]


_NOTHING = _Shape({}, (), frozenset())


def _what_stays(there: _Shape, wanted: _Shape) -> _Shape:
    """What of a table is to stay: columns of the same type, and keys that are of nothing but these."""
    columns = {
        column: described
        for column, described in there.columns.items()
        if column in wanted.columns and wanted.columns[column][0] == described[0]
    }
    is_key_kept = there.primary_key == wanted.primary_key and columns.keys() >= set(there.primary_key)
    return _Shape(
        columns,
        there.primary_key if is_key_kept else (),
        frozenset(key for key in there.foreign_keys & wanted.foreign_keys if columns.keys() >= set(key.columns)),
    )


def _with_keys_to_what_stays(stays: dict[str, _Shape]) -> dict[str, _Shape]:
    """The tables without foreign keys to a key that does not stay: PostgreSQL drops none that is referred to."""
    return {
        name: replace(
            shape,
            foreign_keys=frozenset(
                key
                for key in shape.foreign_keys
                if set(key.parent_columns) == set(stays.get(key.parent, _NOTHING).primary_key)
            ),
        )
        for name, shape in stays.items()
    }


class _Publication:
    """One publication, inside its transaction."""

    def __init__(self, copy: duckdb.DuckDBPyConnection, target: psycopg.Connection, place: str) -> None:
        self._copy = copy
        self._target = target
        self._place = place
        self._marts = {mart.name: mart for mart in marts_of(copy)}
        self._wanted = {mart.name: _shape(mart) for mart in self._marts.values()}
        # By table, kind, columns and parent of a key, PostgreSQL's name for it.
        self._key_names: dict[tuple, str] = {}

    def run(self) -> str:
        """Does all of it, and says how much it was."""
        # Not by "if not exists", for which a user who may not create schemas is refused all the same.
        if not self._has_schema():
            self._execute(f"create schema {SCHEMA}")
        ours = self._ours()
        self._check_keys_of_others(ours)
        self._make_notes(NOTES in ours)
        there = {name: self._shape_of(name) for name in ours - {NOTES}}
        stays = _with_keys_to_what_stays(
            {name: _what_stays(there[name], self._wanted[name]) for name in there.keys() & self._wanted.keys()}
        )
        # Before any row is touched: PostgreSQL alters no table that rows wait to be checked of.
        self._drop_keys(there, stays)
        self._drop(there.keys() - self._wanted.keys())
        altered = {name for name in stays if not there[name] == stays[name] == self._wanted[name]}
        for name in sorted(altered):
            self._alter_columns(name, there[name])
        for name in sorted(self._wanted.keys() - there.keys()):
            self._create(name, self._wanted[name].columns)
        rows, replaced = self._write_rows(stays.keys() - altered)
        # Keys of rows that stay are checked now, as no key can be added before.
        self._execute("set constraints all immediate")
        for name in sorted(altered):
            self._require(name, stays[name])
        self._add_keys(stays)
        unchanged = len(self._wanted) - replaced
        return (
            f"{counted(len(self._wanted), 'table')} with {counted(rows, 'row')}"
            f"{f' ({unchanged} of them had not changed)' if unchanged else ''}"
        )

    def _execute(self, statement: str | sql.Composed, values: Sequence[object] = ()) -> psycopg.Cursor:
        return self._target.execute(statement, values or None)

    def _ddl(self, statement: str, **names: object) -> None:
        """Runs a statement whose {placeholders} are names or pieces of SQL."""
        pieces = {
            key: name
            if isinstance(name, sql.Composable)
            else sql.SQL(", ").join(map(sql.Identifier, [name] if isinstance(name, str) else name))
            for key, name in names.items()
        }
        self._execute(sql.SQL(statement).format(**pieces))

    def _has_schema(self) -> bool:
        return self._execute("select to_regnamespace(%s) is not null", [SCHEMA]).fetchone()[0]

    def _ours(self) -> set[str]:
        """The tables of the schema that publications made.

        Raises:
            ThroughlineError: Something else bears the name of a mart.
        """
        relations = self._execute(
            "select relname, relkind = 'r' and coalesce(obj_description(oid, 'pg_class') like %s, false)"
            " from pg_class where relnamespace = %s::regnamespace",
            [f"{_MARK}%", SCHEMA],
        ).fetchall()
        foreign = sorted(name for name, is_ours in relations if not is_ours and name in {*self._wanted, NOTES})
        if foreign:
            raise ThroughlineError(
                f"{', '.join(f'{SCHEMA}.{name}' for name in foreign)} in {self._place} was not made by `throughline"
                " publish`, and is not touched: rename it, or move it into another schema, then publish again. Nothing"
                " was changed."
            )
        return {name for name, is_ours in relations if is_ours}

    def _check_keys_of_others(self, ours: set[str]) -> None:
        """Makes sure that replacing our rows replaces nothing else.

        Raises:
            ThroughlineError: A key of a table of others would delete its rows, or empty their cells.
        """
        key = self._execute(
            """
            select quote_ident(nspname) || '.' || quote_ident(child.relname), conname, parent.relname
            from pg_constraint
            inner join pg_class as parent on confrelid = parent.oid
            inner join pg_class as child on conrelid = child.oid
            inner join pg_namespace on child.relnamespace = pg_namespace.oid
            where
                contype = 'f' and confdeltype in ('c', 'n', 'd')
                and parent.relnamespace = %s::regnamespace and parent.relname = any(%s)
            order by 1, 2
            limit 1
            """,
            [SCHEMA, sorted(ours)],
        ).fetchone()
        if key:
            child, constraint, parent = key
            raise ThroughlineError(
                f"Publishing replaces the rows of {SCHEMA}.{parent} in {self._place}, and so the rows of {child} would"
                f" be deleted or emptied (constraint {constraint}). Make that `on delete no action deferrable`, or drop"
                " it, then publish again. Nothing was changed."
            )

    def _make_notes(self, are_there: bool) -> None:
        """Makes the table of notes, anew if another version made it: what it does not know is written again."""
        columns = {name: (type_, True) for name, type_ in _NOTE_COLUMNS.items()}
        if are_there and self._shape_of(NOTES).columns != columns:
            self._ddl("drop table {table}", table=_table(NOTES))
            are_there = False
        if not are_there:
            self._create(NOTES, columns)

    def _shape_of(self, name: str) -> _Shape:
        """A table as it is there."""
        columns = self._execute(
            "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0 and not attisdropped",
            [_qualified(name)],
        ).fetchall()
        keys = self._execute(
            """
            select
                conname,
                contype::text,
                array(
                    select attname::text from unnest(conkey) with ordinality as part (number, place)
                    inner join pg_attribute on attrelid = conrelid and attnum = part.number order by place
                ),
                (select relname::text from pg_class where oid = confrelid and relnamespace = %s::regnamespace),
                array(
                    select attname::text from unnest(confkey) with ordinality as part (number, place)
                    inner join pg_attribute on attrelid = confrelid and attnum = part.number order by place
                )
            from pg_constraint where conrelid = %s::regclass and contype in ('p', 'f')
            """,
            [SCHEMA, _qualified(name)],
        ).fetchall()
        self._key_names |= {(name, kind, tuple(key), parent): given for given, kind, key, parent, _ in keys}
        return _Shape(
            {column: (type_, is_required) for column, type_, is_required in columns},
            next((tuple(key) for _, kind, key, *_ in keys if kind == "p"), ()),
            # One that somebody made to a table elsewhere is theirs.
            frozenset(
                ForeignKey(tuple(key), parent, tuple(parent_key))
                for _, kind, key, parent, parent_key in keys
                if kind == "f" and parent
            ),
        )

    def _drop_keys(self, there: dict[str, _Shape], stays: dict[str, _Shape]) -> None:
        """Drops the keys that tables are not to keep, those that refer first."""
        for name in sorted(there):
            for key in there[name].foreign_keys - stays.get(name, _NOTHING).foreign_keys:
                self._drop_key(name, "f", key.columns, key.parent)
        for name in sorted(stays):
            if there[name].primary_key != stays[name].primary_key:
                self._drop_key(name, "p", there[name].primary_key, None)

    def _drop_key(self, name: str, kind: str, columns: tuple[str, ...], parent: str | None) -> None:
        constraint = self._key_names[name, kind, columns, parent]
        self._ddl("alter table {table} drop constraint {name}", table=_table(name), name=constraint)

    def _drop(self, names: set[str]) -> None:
        """Drops the tables of marts that are no more, all at once as they may refer to one another."""
        if names:
            self._ddl("drop table {tables}", tables=sql.SQL(", ").join(_table(name) for name in sorted(names)))
            self._execute(f"delete from {SCHEMA}.{NOTES} where table_name = any(%s)", [sorted(names)])

    def _create(self, name: str, columns: dict[str, tuple[str, bool]]) -> None:
        described = [
            sql.SQL("{} {}{}").format(
                sql.Identifier(column), sql.SQL(type_), sql.SQL(" not null" if is_required else "")
            )
            for column, (type_, is_required) in columns.items()
        ]
        self._ddl("create table {table} ({columns})", table=_table(name), columns=sql.SQL(", ").join(described))
        self._ddl("comment on table {table} is {text}", table=_table(name), text=sql.Literal(_COMMENT))

    def _alter_columns(self, name: str, there: _Shape) -> None:
        """Gives a table its new columns, and takes those that are no more.

        A column of another type is another column: rewriting the table would make it look empty to whoever still reads
        the old rows.
        """
        wanted = self._wanted[name].columns
        for column, (type_, is_required) in there.columns.items():
            if wanted.get(column, (None,))[0] != type_:
                self._ddl("alter table {table} drop column {column}", table=_table(name), column=column)
            elif is_required and not wanted[column][1]:
                self._ddl("alter table {table} alter {column} drop not null", table=_table(name), column=column)
        for column, (type_, _) in wanted.items():
            if there.columns.get(column, (None,))[0] != type_:
                self._ddl(
                    "alter table {table} add column {column} {type}",
                    table=_table(name),
                    column=column,
                    type=sql.SQL(type_),
                )

    def _write_rows(self, as_before: set[str]) -> tuple[int, int]:
        """Writes the rows of each mart that has others than the table.

        Args:
            as_before: Tables whose rows may be right already.

        Returns:
            The rows of all marts, and how many marts were written.
        """
        rows, replaced = 0, 0
        with bar("postgres", len(self._marts), "marts") as update:
            for mart in self._marts.values():
                update(description=f"postgres: {mart.name}")
                (digest,) = self._copy.execute(
                    f"select {digest_expression(mart.columns)} from {relation(mart)}"
                ).fetchone()
                count = self._kept_rows(mart.name, digest) if mart.name in as_before else None
                if count is None:
                    count = self._replace_rows(mart, digest)
                    replaced += 1
                rows += count
                update(advance=1)
        return rows, replaced

    def _kept_rows(self, name: str, digest: str) -> int | None:
        """How many rows a table has, if they are those that the publication of this digest wrote; else None.

        Whatever somebody else wrote there has another transaction's number. Tables that inherit from it are theirs.
        """
        count, first, last = self._execute(
            sql.SQL("select count(*), min(xmin::text), max(xmin::text) from only {}").format(_table(name))
        ).fetchone()
        noted = self._execute(
            f"select row_count, content_digest, written_by from {SCHEMA}.{NOTES} where table_name = %s", [name]
        ).fetchone()
        return count if first == last and noted == (count, digest, first or "") else None

    def _replace_rows(self, mart: Mart, digest: str) -> int:
        """Puts a mart's rows in the place of a table's."""
        self._execute("set constraints all deferred")
        self._ddl("delete from only {table}", table=_table(mart.name))
        columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in mart.columns)
        into = sql.SQL("copy {} ({}) from stdin").format(_table(mart.name), columns)
        with self._target.cursor() as cursor:
            with cursor.copy(into) as lines:
                for text in self._lines(mart):
                    lines.write(text)
            count = cursor.rowcount
        one_row = sql.SQL("select xmin::text from only {} limit 1").format(_table(mart.name))
        written_by = self._execute(one_row).fetchone()
        self._execute(f"delete from {SCHEMA}.{NOTES} where table_name = %s", [mart.name])
        self._execute(
            f"insert into {SCHEMA}.{NOTES} values (%s, %s, now() at time zone 'UTC', %s, %s)",
            [mart.name, count, digest, written_by[0] if written_by else ""],
        )
        return count

    def _lines(self, mart: Mart) -> Iterator[str]:
        """A mart's rows as COPY reads them, made by DuckDB, which is faster than Python, some thousand at a time."""
        cells = " || chr(9) || ".join(_cell(column) for column in mart.columns)
        with self._copy.execute(f"select {cells} || chr(10) from {relation(mart)}").to_arrow_reader(
            _ROWS_PER_BATCH
        ) as reader:
            for batch in reader:
                yield "".join(batch.column(0).to_pylist())

    def _require(self, name: str, stays: _Shape) -> None:
        """Requires the columns that are never null, now that the old rows are gone."""
        for column, (type_, is_required) in self._wanted[name].columns.items():
            if is_required and stays.columns.get(column) != (type_, True):
                self._ddl("alter table {table} alter {column} set not null", table=_table(name), column=column)

    def _add_keys(self, stays: dict[str, _Shape]) -> None:
        """Adds the keys that tables lack, those that are referred to first."""
        for name, wanted in self._wanted.items():
            if wanted.primary_key != stays.get(name, _NOTHING).primary_key:
                self._ddl("alter table {table} add primary key ({key})", table=_table(name), key=wanted.primary_key)
        for name, wanted in self._wanted.items():
            missing = wanted.foreign_keys - stays.get(name, _NOTHING).foreign_keys
            for key in sorted(missing, key=lambda key: (key.columns, key.parent)):
                # Deferrable, so that the next publication may replace rows in any order.
                self._ddl(
                    "alter table {table} add foreign key ({columns}) references {parent} ({key}) deferrable",
                    table=_table(name),
                    columns=key.columns,
                    parent=_table(key.parent),
                    key=key.parent_columns,
                )


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(SCHEMA, name)


def _qualified(name: str) -> str:
    """A table's name as a text that PostgreSQL looks up."""
    return f"{SCHEMA}.{quoted(name)}"


def _shape(mart: Mart) -> _Shape:
    """The table that a mart is to be.

    Raises:
        ThroughlineError: PostgreSQL cannot have such a one.
    """
    if mart.name == NOTES:
        raise ThroughlineError(
            f"A mart cannot be called {NOTES} in PostgreSQL, where publishing keeps its notes in a table of that name;"
            " rename the model. Nothing was published."
        )
    named = [(mart.name, mart.name), *((f"{mart.name}.{column.name}", column.name) for column in mart.columns)]
    for what, name in named:
        if len(name.encode()) > _NAME_BYTES:
            raise ThroughlineError(
                f"{SCHEMA}.{what} has a name of more than {_NAME_BYTES} bytes, which PostgreSQL would cut; rename it in"
                " the model. Nothing was published."
            )
    return _Shape(
        {column.name: (_postgres_type(mart, column), column.is_required) for column in mart.columns},
        mart.primary_key,
        mart.foreign_keys,
    )


def _postgres_type(mart: Mart, column: Column) -> str:
    """PostgreSQL's type for a column, which holds each of its values as it is.

    Raises:
        ThroughlineError: There is none.
    """
    if known := _TYPES.get(column.type):
        return known
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", column.type):
        return f"numeric({decimal[1]},{decimal[2]})"
    if column.type.startswith("ENUM("):
        return "text"
    if is_nested(column):
        return "json"
    raise ThroughlineError(
        f"{SCHEMA}.{mart.name}.{column.name} is of the type {column.type}, which is not published to PostgreSQL; cast"
        " it in the model. Nothing was published."
    )


def _cell(column: Column) -> str:
    r"""SQL of a cell as COPY's text format has it: \N for null, and escaped what would end a cell or line.

    PostgreSQL's text has no character NUL; what stands in its place is the sign for one that cannot be shown.
    """
    value = quoted(column.name)
    if is_nested(column):
        value = f"to_json({value})"
    text = f"cast({value} as varchar)"
    if column.type == "VARCHAR":
        text = f"replace({text}, chr(0), chr(65533))"
    if column.type in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
        text = f"replace({text}, ' (BC)', ' BC')"
    elif column.type in ("VARCHAR", "JSON") or column.type.startswith("ENUM(") or is_nested(column):
        for sign, escaped in (("chr(92)", r"\\"), ("chr(9)", r"\t"), ("chr(10)", r"\n"), ("chr(13)", r"\r")):
            text = f"replace({text}, {sign}, '{escaped}')"
    return f"coalesce({text}, '\\N')"
