"""The marts of a published copy as other stores need to know them: columns, keys, and whether rows changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import md5

import duckdb

SCHEMA = "marts"


@dataclass(frozen=True)
class Column:
    """A column of a mart.

    Attributes:
        name: As in the mart.
        type: DuckDB's name of its type.
        is_required: Whether it is never null.
    """

    name: str
    type: str
    is_required: bool


@dataclass(frozen=True)
class ForeignKey:
    """Columns whose values are a key of another mart.

    Attributes:
        columns: Of the mart that refers.
        parent: The mart that is referred to.
        parent_columns: Its key, in the order of `columns`.
    """

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]


@dataclass(frozen=True)
class Mart:
    """One table of the schema marts.

    Attributes:
        name: Without the schema.
        columns: In their order.
        primary_key: Its columns; empty without one.
        foreign_keys: Those that are declared.
    """

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    foreign_keys: frozenset[ForeignKey] = frozenset()


def marts_of(connection: duckdb.DuckDBPyConnection) -> list[Mart]:
    """All marts of a warehouse by name; a view counts as the table that it shows."""
    rows = connection.execute(
        "select table_name, list(struct_pack(name := column_name, type := data_type, required := not is_nullable)"
        " order by column_index) from duckdb_columns()"
        " where database_name = current_database() and schema_name = ? group by all order by all",
        [SCHEMA],
    ).fetchall()
    keys = _keys(connection)
    return [
        Mart(
            name,
            tuple(Column(column["name"], column["type"], column["required"]) for column in columns),
            next((tuple(key) for kind, key, *_ in keys.get(name, []) if kind == "PRIMARY KEY"), ()),
            frozenset(
                ForeignKey(tuple(key), parent, tuple(parent_key))
                for kind, key, parent, parent_key in keys.get(name, [])
                if kind == "FOREIGN KEY"
            ),
        )
        for name, columns in rows
    ]


def _keys(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple]]:
    """By table: what duckdb_constraints() knows of its keys."""
    keys: dict[str, list[tuple]] = {}
    for name, *key in connection.execute(
        "select table_name, constraint_type, constraint_column_names, referenced_table, referenced_column_names"
        " from duckdb_constraints()"
        " where database_name = current_database() and schema_name = ?"
        " and constraint_type in ('PRIMARY KEY', 'FOREIGN KEY')",
        [SCHEMA],
    ).fetchall():
        keys.setdefault(name, []).append(tuple(key))
    return keys


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever it is."""
    return '"{}"'.format(name.replace('"', '""'))


def relation(mart: Mart) -> str:
    """The mart as a query of the copy names it."""
    return f"{SCHEMA}.{quoted(mart.name)}"


def is_nested(column: Column) -> bool:
    """Whether its cells are made of others."""
    return column.type.endswith("]") or column.type.startswith(("STRUCT(", "MAP("))


def digest_expression(columns: Iterable[Column]) -> str:
    """An aggregate that differs when these columns or their rows do, in whichever order they come.

    Hashes of rows are hashed once more, since DuckDB combines those of cells by exclusive or: two rows that exchange a
    cell would cancel out. The version is in it because the next one may hash differently, and the names are, because
    other columns may have the same cells.
    """
    columns = list(columns)
    names = md5(repr([(column.name, column.type) for column in columns]).encode()).hexdigest()
    row = f"hash({', '.join(map(_hashed, columns))})"
    digests = f"coalesce(sum(hash({row})), 0), coalesce(bit_xor(hash({row}, 1)), 0)"
    return f"concat_ws(':', version(), '{names}', count(*), {digests})"


def _hashed(column: Column) -> str:
    """A cell as it is hashed: as text where DuckDB has one hash for two (0.0 and -0.0, no list and an empty one)."""
    if is_nested(column):
        return f"cast(to_json({quoted(column.name)}) as varchar)"
    return f"cast({quoted(column.name)} as varchar)" if column.type in ("FLOAT", "DOUBLE") else quoted(column.name)
