"""The marts in PostgreSQL: every cell and key arrives, readers see whole states only, and nobody else's is touched."""

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from support import PROJECT_ROOT, require

from ingestion import postgres as connecting
from ingestion import postgres_publication
from ingestion.errors import ThroughlineError
from ingestion.marts import marts_of
from ingestion.postgres_publication import postgres_findings, publish_to_postgres
from ingestion.warehouse import connect

DEMO = PROJECT_ROOT / "warehouse" / "demo.published.duckdb"
SETTING = "DESTINATION__POSTGRES__CREDENTIALS"
SECRET = "s3cr3t-that-nobody-may-read"

# Each table says of which state it is, so that a reader can tell whether it saw one state or two.
WORLD = """
    create schema marts;
    create table marts.users_dim (customer_id varchar primary key, customer_name varchar, state integer);
    insert into marts.users_dim select 'u' || i, 'Name ' || i, {state} from range({users}) as numbers (i);
    create table marts.subscriptions_dim (subscription_id varchar primary key, status varchar, state integer);
    insert into marts.subscriptions_dim select 's' || i, 'active', {state} from range(10) as numbers (i);
    create table marts.subscription_lines (
        subscription_id varchar not null references marts.subscriptions_dim (subscription_id),
        plan varchar not null,
        state integer,
        primary key (subscription_id, plan)
    );
    insert into marts.subscription_lines
    select 's' || i % 10, 'plan ' || i, {state} from range(30) as numbers (i);
    create table marts.transactions_fact (
        transaction_id varchar primary key,
        customer_id varchar not null references marts.users_dim (customer_id),
        subscription_id varchar not null references marts.subscriptions_dim (subscription_id),
        amount decimal(38, 9),
        state integer
    );
    insert into marts.transactions_fact
    select 't' || i, 'u' || i % {users}, 's' || i % 10, i / 8, {state} from range({transactions}) as numbers (i);
    create view marts.revenue as select count(*) as transactions, {state} as state from marts.transactions_fact;
"""
KEYS = {
    ("users_dim", "p", ("customer_id",), None),
    ("subscriptions_dim", "p", ("subscription_id",), None),
    ("subscription_lines", "p", ("subscription_id", "plan"), None),
    ("subscription_lines", "f", ("subscription_id",), "subscriptions_dim"),
    ("transactions_fact", "p", ("transaction_id",), None),
    ("transactions_fact", "f", ("customer_id",), "users_dim"),
    ("transactions_fact", "f", ("subscription_id",), "subscriptions_dim"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Be a function that writes a published copy of a small world in some state, changed by further statements."""
    folder = tmp_path_factory.mktemp("copies")
    numbers = iter(range(1_000))

    def write(state=1, *changes, users=20, transactions=100):
        path = folder / f"{next(numbers)}.published.duckdb"
        with duckdb.connect(path) as connection:
            connection.execute(WORLD.format(state=state, users=users, transactions=transactions))
            for change in changes:
                connection.execute(change)
        return path

    return write


def rows(address, statement, *values):
    """Return the rows of a query of PostgreSQL."""
    with psycopg.connect(address) as connection:
        return connection.execute(statement, values or None).fetchall()


def run(address, *statements):
    """Run statements in PostgreSQL."""
    with psycopg.connect(address) as connection:
        for statement in statements:
            connection.execute(statement)


def as_user(address, name, password="reader"):
    """Return an address with another user."""
    parts = conninfo_to_dict(address)
    return f"postgresql://{name}:{password}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def states(address):
    """Return the states that the tables are of, by one query, which sees one snapshot."""
    tables = ("users_dim", "subscriptions_dim", "subscription_lines", "transactions_fact", "revenue")
    union = " union all ".join(f"select '{table}' as name, state from marts.{table}" for table in tables)
    found = rows(address, f"select name, min(state), max(state) from ({union}) as all_rows group by name")
    assert len(found) == len(tables)
    return {state for _, *range_ in found for state in range_}


def keys(address):
    """Return the primary and foreign keys that PostgreSQL has."""
    return {
        (table, kind, tuple(columns), parent)
        for table, kind, columns, parent in rows(
            address,
            "select conrelid::regclass::text, contype::text, array(select attname::text from unnest(conkey)"
            " with ordinality as part (number, place) inner join pg_attribute"
            " on attrelid = conrelid and attnum = number order by place),"
            " nullif(confrelid, 0)::regclass::text from pg_constraint where connamespace = 'marts'::regnamespace"
            " and contype in ('p', 'f')",
        )
        for table, parent in [(table.removeprefix("marts."), parent and parent.removeprefix("marts."))]
    }


def orphans(address):
    """Return how many rows of each foreign key refer to nothing, counted and not believed."""
    counts = {}
    for child, column, parent in {(key[0], key[2][0], key[3]) for key in keys(address) if key[1] == "f"}:
        (counts[child, column],) = rows(
            address,
            f"select count(*) from marts.{child} as child where not exists"
            f" (select from marts.{parent} as parent where parent.{column} = child.{column})",
        )[0]
    return counts


def comparable(row):
    """Return a row of which the cells that are not equal to themselves are texts."""
    return tuple("nan" if cell != cell else cell for cell in row)


# --- What arrives -------------------------------------------------------------------------------------------------


def test_every_mart_of_the_demo_arrives_cell_by_cell(postgres):
    """All tables with their columns in order and their keys, and each row as often as the copy has it."""
    require(DEMO.is_file(), "the demo's published copy (make run)")
    publish_to_postgres(DEMO)
    with duckdb.connect(DEMO, read_only=True) as connection:
        marts = marts_of(connection)
        assert len(marts) > 30
        for mart in marts:
            names = [column.name for column in mart.columns]
            listed = ", ".join(f'"{name}"' for name in names)
            expected = connection.execute(f"select {listed} from marts.{mart.name}").fetchall()
            with psycopg.connect(postgres) as target:
                there = target.execute(f"select * from marts.{mart.name}")
                assert [column.name for column in there.description] == names
                assert Counter(map(comparable, there)) == Counter(map(comparable, expected)), mart.name
        declared = {
            (name, "p" if kind == "PRIMARY KEY" else "f", tuple(columns), parent)
            for name, kind, columns, parent in connection.execute(
                "select table_name, constraint_type, constraint_column_names, referenced_table"
                " from duckdb_constraints()"
                " where schema_name = 'marts' and constraint_type in ('PRIMARY KEY', 'FOREIGN KEY')"
            ).fetchall()
        }
    assert {key for key in keys(postgres) if key[0] != "published_tables"} == declared
    assert {table: count for table, count in orphans(postgres).items() if count} == {}


TYPES = {
    "boolean": "boolean",
    "tinyint": "smallint",
    "bigint": "bigint",
    "ubigint": "numeric(20,0)",
    "hugeint": "numeric(39,0)",
    "float": "real",
    "double": "double precision",
    "decimal(38, 9)": "numeric(38,9)",
    "decimal(38, 18)": "numeric(38,18)",
    "varchar": "text",
    "date": "date",
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "uuid": "uuid",
    "enum('a', 'b')": "text",
    "json": "json",
    "varchar[]": "json",
    "struct(a integer)": "json",
}


def test_each_type_has_its_own_and_not_null_stays(postgres, copy):
    """Nothing is rounded, and nothing becomes text that was a number or an instant."""
    columns = ", ".join(f"c{number} {type_} not null" for number, type_ in enumerate(TYPES))
    publish_to_postgres(copy(1, f"create table marts.types ({columns}, free integer)"))
    there = rows(
        postgres,
        "select format_type(atttypid, atttypmod), attnotnull from pg_attribute"
        " where attrelid = 'marts.types'::regclass and attnum > 0 order by attnum",
    )
    assert there == [*((type_, True) for type_ in TYPES.values()), ("integer", False)]


def test_a_type_without_its_like_is_named(postgres, copy):
    """Before anything is written."""
    with pytest.raises(ThroughlineError, match=r"marts.odd.c is of the type BLOB, .*; cast it in the model"):
        publish_to_postgres(copy(1, "create table marts.odd (c blob)"))
    assert rows(postgres, "select count(*) from pg_namespace where nspname = 'marts'") == [(0,)]


# What DuckDB, PostgreSQL and Python can each hold.
CELLS = st.tuples(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(["", "\\N", "\\.", "\\", "\t", "\n", "\r\n", '"', "'", ",", "\0", "a\0b", "😀", "\\x00", " "]),
    st.decimals(min_value=-(10**28), max_value=10**28, places=9),
    st.floats() | st.sampled_from([0.1, 5e-324, 1.7976931348623157e308]),
    st.datetimes().map(lambda instant: instant.replace(fold=0)),
    st.dates(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.lists(st.sampled_from(["a", "\0", "\\", '"', "\n", "é"]), max_size=3),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=st.lists(CELLS.flatmap(lambda row: st.tuples(*(st.none() | st.just(cell) for cell in row))), max_size=8))
def test_every_value_arrives_as_it_is(postgres, tmp_path, table):
    """Null is not the empty text, no sign ends a cell or a line, no digit is lost; NUL alone has a stand-in."""
    path = tmp_path / "values.published.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(
            "create schema if not exists marts; create or replace table marts.cells (number integer, t varchar,"
            " d decimal(38, 9), f double, noted_at timestamp, day date, b boolean, i bigint, l varchar[])"
        )
        for number, row in enumerate(table):
            connection.execute("insert into marts.cells values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [number, *row])
    publish_to_postgres(path)
    expected = [
        comparable((number, text and text.replace("\0", "\N{REPLACEMENT CHARACTER}"), *others))
        for number, (text, *others) in enumerate(table)
    ]
    # PostgreSQL keeps a list with \u0000 as JSON's text, but cannot take it apart.
    found = [
        comparable((*row[:-1], row[-1] and json.loads(row[-1])))
        for row in rows(
            postgres, "select number, t, d, f, noted_at, day, b, i, l::text from marts.cells order by number"
        )
    ]
    assert list(map(repr, found)) == list(map(repr, expected))


def test_long_texts_and_the_ends_of_time_arrive(postgres, copy):
    """Cells of megabytes, infinite instants, and years before Christ."""
    change = (
        "create table marts.ends as select repeat('ä', 5000000) as t, timestamp 'infinity' as noted_at,"
        " date '0044-03-15 (BC)' as day, timestamp '0044-03-15 (BC) 12:00:00' as noon, '-infinity'::double as f"
    )
    publish_to_postgres(copy(1, change))
    found = rows(postgres, "select length(t), noted_at::text, day::text, noon::text, f::text from marts.ends")
    assert found == [(5_000_000, "infinity", "0044-03-15 BC", "0044-03-15 12:00:00 BC", "-Infinity")]


# --- Publishing again ---------------------------------------------------------------------------------------------


def test_keys_are_real_and_publishing_again_replaces_rows(postgres, copy, capsys):
    """The second time every row is another, children and parents alike; the third time nothing has changed."""
    publish_to_postgres(copy(1))
    assert "Published 5 tables with 161 rows into the schema marts" in capsys.readouterr().err
    assert {key for key in keys(postgres) if key[0] != "published_tables"} == KEYS
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        run(postgres, "insert into marts.transactions_fact values ('t', 'nobody', 's1', 1, 1)")
    second = copy(2, users=7, transactions=90)
    publish_to_postgres(second)
    assert states(postgres) == {2}
    assert orphans(postgres) == dict.fromkeys(orphans(postgres), 0)
    assert len(orphans(postgres)) == 3
    capsys.readouterr()
    publish_to_postgres(second)
    assert "with 138 rows (5 of them had not changed)" in capsys.readouterr().err
    noted = dict(rows(postgres, "select table_name, row_count from marts.published_tables"))
    assert noted == {
        "users_dim": 7,
        "subscriptions_dim": 10,
        "subscription_lines": 30,
        "transactions_fact": 90,
        "revenue": 1,
    }


@pytest.mark.parametrize(
    "change",
    [
        "update marts.users_dim set customer_name = 'x' where customer_id = 'u3'",
        "delete from marts.transactions_fact where transaction_id = 't3'",
        "insert into marts.users_dim values ('new', 'x', 1)",
        "delete from marts.revenue",
        "update marts.users_dim set customer_name = 'x'",
        "delete from marts.published_tables",
        "alter table marts.published_tables add column of_another_version text not null default ''",
    ],
)
def test_what_somebody_changed_there_is_made_good(postgres, copy, change):
    """A table counts as unchanged only while its rows are those that were written."""
    published = copy(1)
    publish_to_postgres(published)
    before = rows(postgres, "select * from marts.users_dim order by 1")
    run(postgres, change)
    publish_to_postgres(published)
    assert rows(postgres, "select * from marts.users_dim order by 1") == before
    assert rows(postgres, "select count(*), (select count(*) from marts.revenue) from marts.transactions_fact") == [
        (100, 1)
    ]


def test_only_a_parent_or_only_a_child_changes(postgres, copy):
    """A parent's rows are replaced while its children's stay, and the other way round."""
    publish_to_postgres(copy(1))
    publish_to_postgres(copy(1, "update marts.users_dim set customer_name = 'other'"))
    assert rows(postgres, "select distinct customer_name from marts.users_dim") == [("other",)]
    publish_to_postgres(copy(1, "delete from marts.transactions_fact where transaction_id = 't1'"))
    assert rows(postgres, "select count(*) from marts.transactions_fact") == [(99,)]
    assert {key for key in keys(postgres) if key[0] != "published_tables"} == KEYS


def test_columns_that_exchange_their_names_are_others(postgres, copy):
    """Though the table has the same columns as before, and the mart the same cells in the same places."""
    for names in (("a", "b"), ("b", "a")):
        publish_to_postgres(copy(1, "create table marts.two as select 1 as {}, 2 as {}".format(*names)))
    assert rows(postgres, "select a, b from marts.two") == [(2, 1)]


def test_rows_that_exchange_a_cell_are_others(postgres, copy):
    """Though the cells of each column are the same ones, and as many."""
    publish_to_postgres(copy(1))
    exchange = "case customer_id when 'u1' then 'Name 2' when 'u2' then 'Name 1' else customer_name end"
    publish_to_postgres(copy(1, f"update marts.users_dim set customer_name = {exchange}"))
    assert rows(postgres, "select customer_name from marts.users_dim where customer_id = 'u1'") == [("Name 2",)]


@pytest.mark.parametrize(
    ("type_", "before", "after"),
    [("double", "'0'", "'-0'"), ("varchar[]", "null", "[]"), ("varchar", "''", "null"), ("boolean", "false", "null")],
)
def test_cells_that_nearly_are_the_same_are_others(postgres, copy, type_, before, after):
    """Also those for which DuckDB has one hash."""
    for value in (before, after):
        publish_to_postgres(copy(1, f"create table marts.one as select cast({value} as {type_}) as cell"))
        expected = None if value == "null" else value.strip("'")
        assert rows(postgres, "select cell::text from marts.one") == [(expected,)]


def test_readers_see_whole_states_only(postgres, copy):
    """Whoever reads without pause sees the old state or the new one, also by several queries of one transaction."""
    copies = [copy(state, users=50 + state, transactions=3_000) for state in range(4)]
    publish_to_postgres(copies[0])
    seen, failed, is_over = set(), [], threading.Event()

    def read():
        try:
            with psycopg.connect(postgres) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                while not is_over.is_set():
                    found = {
                        row
                        for table in ("users_dim", "transactions_fact", "revenue", "subscription_lines")
                        for row in connection.execute(f"select distinct state from marts.{table}")
                    }
                    connection.commit()
                    seen.add(frozenset(state for (state,) in found))
                    seen.add(frozenset(states(postgres)))
        except Exception as error:
            failed.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for published in [*copies[1:], *copies]:
        publish_to_postgres(published)
    is_over.set()
    for reader in readers:
        reader.join()
    assert failed == []
    assert {len(states_) for states_ in seen} == {1}
    assert len(seen) > 1


def test_a_reader_who_began_before_goes_on_seeing_the_old_state(postgres, copy):
    """Rows are deleted and not truncated: a transaction's snapshot holds for tables that it has not touched yet."""
    publish_to_postgres(copy(1))
    with psycopg.connect(postgres) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert connection.execute("select distinct state from marts.users_dim").fetchall() == [(1,)]
        publish_to_postgres(copy(2))
        assert connection.execute("select distinct state from marts.transactions_fact").fetchall() == [(1,)]
    assert states(postgres) == {2}


@contextmanager
def publishing(published):
    """Publish in a process of its own."""
    code = (
        "import sys, pathlib; from ingestion.postgres_publication import publish_to_postgres;"
        " publish_to_postgres(pathlib.Path(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, published], stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def wait_until(address, condition):
    """Wait until a query of PostgreSQL's own tables finds something."""
    deadline = time.monotonic() + 60
    while not rows(address, f"select 1 from pg_stat_activity where {condition}"):
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)


WAITING = "application_name = 'throughline publish' and datname = current_database() and wait_event_type = 'Lock'"


def test_a_publication_that_is_killed_leaves_the_old_state(postgres, copy):
    """In the middle: one table is replaced already, and another waits for somebody's lock."""
    publish_to_postgres(copy(1))
    with psycopg.connect(postgres) as holder:
        holder.execute("lock table marts.users_dim in share mode")
        with publishing(copy(2)) as process:
            wait_until(postgres, WAITING)
            process.send_signal(signal.SIGKILL)
            process.wait()
    wait_until(postgres, "not exists (select from pg_stat_activity where application_name = 'throughline publish')")
    assert states(postgres) == {1}
    publish_to_postgres(copy(2))
    assert states(postgres) == {2}


def test_a_server_that_stops_in_the_middle_is_one_sentence(postgres, copy, monkeypatch, caplog):
    """And nothing that the library has to say besides."""

    def lines(publication, mart):
        pid = publication._target.info.backend_pid
        run(postgres, f"select pg_terminate_backend({pid})")
        wait_until(postgres, f"not exists (select from pg_stat_activity where pid = {pid})")
        yield from itertools.repeat("x\n" * 100_000, 10)

    publish_to_postgres(copy(1))
    with monkeypatch.context() as patch:
        patch.setattr(postgres_publication._Publication, "_lines", lines)
        with pytest.raises(ThroughlineError, match=r"Publish again|Try again"):
            publish_to_postgres(copy(2))
    assert caplog.messages == []
    assert states(postgres) == {1}


@pytest.fixture
def limits(postgres_server):
    """Be a server that limits its users in all ways."""
    postgres_server.execute(
        "alter role throughline set statement_timeout = '500ms'",
        "alter role throughline set lock_timeout = '100ms'",
        "alter role throughline set idle_in_transaction_session_timeout = '500ms'",
        "alter role throughline set default_transaction_isolation = 'serializable'",
    )
    yield
    postgres_server.execute("alter role throughline reset all")


@pytest.mark.usefixtures("limits")
def test_limits_on_queries_do_not_end_a_publication(postgres, copy, monkeypatch):
    """As servers have some for people: neither while somebody's lock is waited for, nor while the copy is."""
    publish_to_postgres(copy(1))

    def connect_late(*arguments, **options):
        time.sleep(0.7)
        return connect(*arguments, **options)

    monkeypatch.setattr(postgres_publication, "connect", connect_late)
    with psycopg.connect(postgres) as holder:
        holder.execute("set idle_in_transaction_session_timeout = 0")
        holder.execute("lock table marts.users_dim in share mode")
        end = threading.Timer(1.5, holder.rollback)
        end.start()
        publish_to_postgres(copy(2))
        end.join()
    assert states(postgres) == {2}


@pytest.mark.usefixtures("limits")
def test_two_publications_take_turns(postgres, copy):
    """The second one waits and says so."""
    publish_to_postgres(copy(1))
    with psycopg.connect(postgres) as holder:
        holder.execute("set idle_in_transaction_session_timeout = 0")
        holder.execute("lock table marts.users_dim in share mode")
        with publishing(copy(2)) as first:
            wait_until(postgres, f"{WAITING} and wait_event = 'relation'")
            with publishing(copy(3)) as second:
                wait_until(postgres, f"{WAITING} and wait_event = 'advisory'")
                time.sleep(0.2)
                holder.rollback()
                assert first.wait(60) == 0
                assert second.wait(60) == 0
                assert "Another publication into" in second.stderr.read()
    assert states(postgres) == {3}


# --- When the marts change ----------------------------------------------------------------------------------------


def test_a_change_of_columns_and_keys_leaves_views_and_grants(postgres, copy):
    """What others made upon columns that stay goes on working, as do a reader's rights, a policy and an index."""
    reader = "reader_of_columns"
    publish_to_postgres(copy(1))
    run(
        postgres,
        f"create role {reader} login password 'reader'",
        f"grant usage on schema marts to {reader}",
        f"grant select on marts.users_dim, marts.transactions_fact to {reader}",
        "create schema theirs",
        "create view theirs.names as select customer_id, customer_name from marts.users_dim",
        "create index theirs_by_name on marts.users_dim (customer_name)",
        "alter table marts.users_dim enable row level security",
        f"create policy theirs on marts.users_dim for select to {reader} using (customer_id = 'u1')",
    )
    publish_to_postgres(
        copy(
            2,
            "drop view marts.revenue",
            "alter table marts.subscription_lines rename to old_lines",
            "create table marts.subscription_lines as select subscription_id, plan, state, 1.5::double as share"
            " from marts.old_lines",
            "drop table marts.old_lines",
            # Rebuilt with another type, a further column, one less, and another key.
            "create table marts.new_fact (transaction_id varchar, customer_id varchar references marts.users_dim"
            " (customer_id), subscription_id varchar not null, amount varchar not null, currency varchar not null,"
            " primary key (transaction_id, subscription_id))",
            "insert into marts.new_fact select transaction_id, customer_id, subscription_id, amount, 'USD'"
            " from marts.transactions_fact",
            "drop table marts.transactions_fact",
            "alter table marts.new_fact rename to transactions_fact",
        )
    )
    assert rows(postgres, "select count(*) from theirs.names") == [(20,)]
    assert rows(as_user(postgres, reader), "select count(*), min(currency) from marts.transactions_fact") == [
        (100, "USD")
    ]
    assert rows(postgres, "select count(*) from pg_indexes where indexname = 'theirs_by_name'") == [(1,)]
    assert rows(as_user(postgres, reader), "select customer_id, state from marts.users_dim") == [("u1", 2)]
    assert rows(postgres, "select to_regclass('marts.revenue')") == [(None,)]
    described = rows(
        postgres,
        "select attname::text, format_type(atttypid, atttypmod), attnotnull from pg_attribute"
        " where attrelid = 'marts.transactions_fact'::regclass and attnum > 0 and not attisdropped",
    )
    assert set(described) == {
        ("transaction_id", "text", True),
        ("customer_id", "text", False),
        ("subscription_id", "text", True),
        ("amount", "text", True),
        ("currency", "text", True),
    }
    assert {key for key in keys(postgres) if key[0] != "published_tables"} == {
        ("users_dim", "p", ("customer_id",), None),
        ("subscriptions_dim", "p", ("subscription_id",), None),
        ("transactions_fact", "p", ("transaction_id", "subscription_id"), None),
        ("transactions_fact", "f", ("customer_id",), "users_dim"),
    }
    # And back again, over rows that are there.
    publish_to_postgres(copy(3))
    assert states(postgres) == {3}
    assert {key for key in keys(postgres) if key[0] != "published_tables"} == KEYS


def test_keys_that_get_another_type_or_parent_are_made_anew(postgres, copy):
    """Columns that others refer to are replaced with all that refers to them, and a parent goes with its children."""
    publish_to_postgres(copy(1))
    without = ("drop view marts.revenue", "drop table marts.transactions_fact", "drop table marts.subscription_lines")
    numbered = (
        "drop table marts.users_dim",
        "create table marts.users_dim (customer_id integer primary key, state integer)",
        "insert into marts.users_dim select i, 2 from range(9) as numbers (i)",
        "create table marts.transactions_fact (transaction_id varchar, customer_id integer not null"
        " references marts.users_dim (customer_id), primary key (transaction_id, customer_id))",
        "insert into marts.transactions_fact select i, i % 9 from range(30) as numbers (i)",
    )
    publish_to_postgres(copy(2, *without, *numbered, "drop table marts.subscriptions_dim"))
    assert {key for key in keys(postgres) if key[0] != "published_tables"} == {
        ("users_dim", "p", ("customer_id",), None),
        ("transactions_fact", "p", ("transaction_id", "customer_id"), None),
        ("transactions_fact", "f", ("customer_id",), "users_dim"),
    }
    assert rows(postgres, "select count(*), max(customer_id) from marts.transactions_fact") == [(30, 8)]
    publish_to_postgres(copy(3))
    assert {key for key in keys(postgres) if key[0] != "published_tables"} == KEYS
    assert states(postgres) == {3}


def test_a_key_whose_type_somebody_changed_is_made_good(postgres, copy):
    """What refers to it is ours, so nobody has to drop anything."""
    publish_to_postgres(copy(1))
    run(postgres, "alter table marts.users_dim alter customer_id type varchar(50)")
    publish_to_postgres(copy(2))
    assert {key for key in keys(postgres) if key[0] != "published_tables"} == KEYS
    assert states(postgres) == {2}


def test_a_mart_may_go_while_the_key_that_it_refers_to_changes(postgres, copy):
    """It is a table of ours, so nobody has to drop anything."""
    publish_to_postgres(copy(1))
    publish_to_postgres(
        copy(
            2,
            "drop view marts.revenue",
            "drop table marts.transactions_fact",
            "drop table marts.users_dim",
            "create table marts.users_dim (customer_key integer primary key)",
        )
    )
    assert ("users_dim", "p", ("customer_key",), None) in keys(postgres)
    assert rows(postgres, "select to_regclass('marts.transactions_fact')") == [(None,)]


@pytest.mark.parametrize(
    "change",
    ["alter table marts.users_dim drop customer_name", "drop table marts.users_dim"],
)
def test_a_view_that_stands_in_the_way_is_named(postgres, copy, change):
    """Nothing is changed; once the view is dropped, publishing goes on."""
    publish_to_postgres(copy(1))
    run(postgres, "create schema theirs", "create view theirs.names as select customer_name from marts.users_dim")
    changes = (
        "drop view marts.revenue",
        "drop table marts.transactions_fact",
        "drop table marts.subscription_lines",
        change,
    )
    with pytest.raises(ThroughlineError, match=r"Nothing was changed .*\(view theirs\.names\)\. Drop these, publish"):
        publish_to_postgres(copy(2, *changes))
    assert states(postgres) == {1}
    run(postgres, "drop view theirs.names")
    publish_to_postgres(copy(2, *changes))
    assert rows(postgres, "select to_regclass('marts.transactions_fact')") == [(None,)]


def test_a_mart_that_is_no_more_is_dropped_and_what_is_theirs_stays(postgres, copy):
    """Only tables that a publication made are ever dropped."""
    publish_to_postgres(copy(1))
    run(postgres, "create table marts.theirs as select 1 as number", "create view marts.look as select 1 as number")
    publish_to_postgres(copy(2, "drop view marts.revenue", "create table marts.more as select 1 as number"))
    names = {
        name for (name,) in rows(postgres, "select relname from pg_class where relnamespace = 'marts'::regnamespace")
    }
    assert {"theirs", "look", "more"} <= names
    assert "revenue" not in names
    assert ("revenue",) not in rows(postgres, "select table_name from marts.published_tables")


@pytest.mark.parametrize(
    "kind", ["table marts.users_dim as", "view marts.revenue as", "table marts.published_tables as"]
)
def test_somebody_elses_table_of_that_name_is_not_touched(postgres, copy, kind):
    """It is named, and nothing is written beside it."""
    name = kind.split()[1]
    run(postgres, "create schema marts", f"create {kind} select 7 as number")
    with pytest.raises(ThroughlineError, match=f"{name} in .* was not made by `throughline publish`, and is not touch"):
        publish_to_postgres(copy(1))
    assert rows(postgres, f"select number from {name}") == [(7,)]
    assert rows(postgres, "select count(*) from pg_class where relnamespace = 'marts'::regnamespace") == [(1,)]


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        *((action, r"rows of theirs\.notes would be .*") for action in ("cascade", "set null", "set default")),
        *((action, r"rows of theirs\.notes break their_key\.") for action in ("restrict", "no action")),
    ],
)
def test_a_key_of_theirs_that_replacing_rows_would_break_is_named(postgres, copy, action, sentence):
    """Also where PostgreSQL would break it without a word, by changing their rows."""
    publish_to_postgres(copy(1))
    run(
        postgres,
        "create schema theirs",
        "create table theirs.notes (customer_id text constraint their_key references marts.users_dim"
        f" on delete {action})",
        "insert into theirs.notes values ('u1')",
    )
    with pytest.raises(ThroughlineError, match=rf"{sentence}.*deferrable"):
        publish_to_postgres(copy(2))
    assert rows(postgres, "select customer_id from theirs.notes") == [("u1",)]
    assert states(postgres) == {1}
    run(
        postgres,
        "alter table theirs.notes drop constraint their_key",
        "alter table theirs.notes add foreign key (customer_id) references marts.users_dim on delete no action"
        " deferrable",
    )
    publish_to_postgres(copy(2))
    assert rows(postgres, "select customer_id from theirs.notes") == [("u1",)]


def test_rows_of_a_table_that_inherits_stay(postgres, copy):
    """They can be read through ours, but are not ours."""
    publish_to_postgres(copy(1))
    run(
        postgres,
        "create schema theirs",
        "create table theirs.users () inherits (marts.users_dim)",
        "insert into theirs.users values ('theirs', 'x', 7)",
    )
    second = copy(2)
    for _ in range(2):
        publish_to_postgres(second)
        assert rows(postgres, "select state, count(*) from marts.users_dim group by 1 order by 1") == [(2, 20), (7, 1)]


def test_a_query_that_does_not_end_keeps_only_changes_of_columns_waiting(postgres, copy, monkeypatch):
    """Rows are replaced beside it; for a change of columns it is waited for, and not for ever."""
    monkeypatch.setattr(connecting, "LOCK_SECONDS", 1)
    publish_to_postgres(copy(1))
    with psycopg.connect(postgres) as reader:
        reader.execute("select * from marts.users_dim")
        publish_to_postgres(copy(2))
        with pytest.raises(ThroughlineError, match=r"another query kept a table .* for 1 seconds"):
            publish_to_postgres(copy(3, "alter table marts.users_dim add column more integer"))
    assert states(postgres) == {2}


def test_a_constraint_of_theirs_is_named(postgres, copy):
    """And no value of the row that breaks it, as that could be a person's."""
    publish_to_postgres(copy(1))
    run(postgres, "alter table marts.users_dim add constraint theirs check (customer_name <> 'Name x')")
    with pytest.raises(ThroughlineError, match=r"rows of marts\.users_dim break theirs") as error:
        publish_to_postgres(copy(2, "update marts.users_dim set customer_name = 'Name x'"))
    assert "Name x" not in str(error.value)
    assert states(postgres) == {1}


@pytest.mark.parametrize(
    ("table", "column", "sentence"),
    [
        ("published_tables", "c", r"A mart cannot be called published_tables in PostgreSQL, .*; rename the model"),
        ("ä" * 32, "c", rf"marts\.{'ä' * 32} has a name of more than 63 bytes, .*; rename it"),
        ("long", "ä" * 32, rf"marts\.long\.{'ä' * 32} has a name of more than 63 bytes, .*; rename it"),
    ],
    ids=["notes", "mart", "column"],
)
def test_a_name_that_postgresql_cannot_have_is_a_sentence(postgres, copy, table, column, sentence):
    """Before anything is written: it would cut one, and a cut column would be another one each time."""
    with pytest.raises(ThroughlineError, match=sentence):
        publish_to_postgres(copy(1, f"create table marts.{table} as select 1 as {column}"))
    assert rows(postgres, "select to_regnamespace('marts')") == [(None,)]


def test_a_value_that_postgresql_does_not_know_is_a_sentence(postgres, copy):
    """Which names the table and the column, and not the value, as others may be people's."""
    change = "create table marts.ends as select timestamp '290000-01-01 (BC) 00:00:00' as noted_at"
    with pytest.raises(ThroughlineError, match=r"in ends, column noted_at \(timestamp out of range\)") as error:
        publish_to_postgres(copy(1, change))
    assert "290000" not in str(error.value)
    assert rows(postgres, "select to_regnamespace('marts')") == [(None,)]


def test_a_key_that_is_too_long_is_a_sentence(postgres, copy):
    """PostgreSQL's keys end at some thousand bytes; texts that are no keys do not."""
    noise = "(select string_agg(md5(i::varchar), '') from range(500) as numbers (i))"
    with pytest.raises(ThroughlineError, match="PostgreSQL does not take what it was given"):
        publish_to_postgres(copy(1, f"insert into marts.users_dim values ({noise}, '', 1)"))


# --- Settings and rights ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"password": SECRET}, "refuses the user or the password; correct them in"),
        ({"host": "nobody.invalid"}, "has a host that nobody knows"),
        ({"port": "1"}, "takes no connections; see whether PostgreSQL runs there"),
        ({"dbname": "nowhere"}, "is not there; create the database"),
        ({"options": "?sslmode=require"}, "cannot be spoken to by TLS"),
        ({"options": "?nonsense=1"}, "an option that makes no sense"),
    ],
)
def test_a_database_that_cannot_be_reached_is_a_sentence(postgres, copy, monkeypatch, changed, sentence):
    """Which names the database and the setting, and shows neither user nor password."""
    parts = {"options": ""} | conninfo_to_dict(postgres) | changed
    address = "postgresql://{user}:{password}@{host}:{port}/{dbname}{options}".format(**parts)
    monkeypatch.setenv(SETTING, address)
    with pytest.raises(ThroughlineError) as error:
        publish_to_postgres(copy(1))
    assert sentence in str(error.value)
    assert parts["password"] not in str(error.value)
    with pytest.raises(ThroughlineError) as of_doctor:
        list(postgres_findings())
    assert str(of_doctor.value) == str(error.value)


def test_doctor_does_not_wait_for_tables_that_others_hold(postgres, copy, monkeypatch):
    """It says so, and goes on with what else there is to look at."""
    publish_to_postgres(copy(1))
    monkeypatch.setattr(postgres_publication, "_DOCTOR_SECONDS", 1)
    with psycopg.connect(postgres) as other:
        other.execute(f"lock table marts.{postgres_publication.NOTES} in access exclusive mode")
        # Whoever waits longer gets an answer.
        other.execute("set idle_in_transaction_session_timeout = '5s'")
        with pytest.raises(ThroughlineError, match="did not answer within 1 seconds; see in pg_stat_activity"):
            list(postgres_findings())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, f"No PostgreSQL database is named; set {SETTING}, like postgresql://"),
        ({SETTING: SECRET}, f"{SETTING} is no address of a PostgreSQL database"),
        ({SETTING: f"postgresql://u:{SECRET}@h:port/d"}, f"{SETTING} is no address of a PostgreSQL database"),
        ({SETTING: f"mysql://u:{SECRET}@h/d"}, f"{SETTING} is no address of a PostgreSQL database"),
        ({SETTING: f"postgresql://u:with@{SECRET}@h/d"}, f"{SETTING} is no address of a PostgreSQL database"),
        ({SETTING: f"postgresql://u:with@and/{SECRET}@h/d"}, f"{SETTING} is no address of a PostgreSQL database"),
        ({SETTING: f"postgresql://u:with@and/or?{SECRET}@h/d"}, f"{SETTING} is no address of a PostgreSQL database"),
        ({SETTING: "postgresql://u@h/d"}, f"{SETTING} lacks its password"),
        ({SETTING: f"postgresql://u:{SECRET}@h:5432"}, f"{SETTING} lacks its database"),
        ({SETTING: f"postgresql://u:{SECRET}@h:5432/"}, f"{SETTING} lacks its database"),
        ({SETTING: f"postgresql://u:{SECRET}@/d"}, f"{SETTING} lacks its host"),
        (
            {
                f"{SETTING}__HOST": f"u:{SECRET}@h",
                f"{SETTING}__DATABASE": "d",
                f"{SETTING}__USERNAME": "u",
                f"{SETTING}__PASSWORD": "p",
            },
            f"{SETTING} is no address of a PostgreSQL database",
        ),
        ({f"{SETTING}__HOST": "h", f"{SETTING}__PASSWORD": SECRET}, f"{SETTING} lacks its database and username"),
    ],
)
def test_settings_that_make_no_sense_are_named(copy, monkeypatch, given, sentence):
    """Without what stands in them."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ThroughlineError) as error:
        publish_to_postgres(copy(1))
    assert sentence in str(error.value)
    assert SECRET not in str(error.value)
    if given:
        with pytest.raises(ThroughlineError):
            list(postgres_findings())
    else:
        assert list(postgres_findings()) == []


@pytest.mark.parametrize("password", ["", SECRET])
def test_an_answer_that_is_new_is_quoted_without_the_password(monkeypatch, password):
    """There may be none, where the server trusts the machine."""

    def refuse(**options):
        raise psycopg.OperationalError(f"odd words {password} about it")

    monkeypatch.setenv(SETTING, f"postgresql://u:{password}@h/d")
    monkeypatch.setattr(psycopg, "connect", refuse)
    with pytest.raises(ThroughlineError, match=r"d at h:5432 broke off \(odd words …? about it\)"):
        list(postgres_findings())


def test_single_settings_name_a_database_too(postgres, copy, monkeypatch):
    """As dlt's other destinations have them, with a password that no address could hold unescaped."""
    password = "p@ss/w:rd %"
    run(postgres, f"create role owner_of_all login superuser password '{password}'")
    parts = conninfo_to_dict(postgres)
    monkeypatch.delenv(SETTING)
    for name, value in {
        "HOST": parts["host"],
        "PORT": parts["port"],
        "DATABASE": parts["dbname"],
        "USERNAME": "owner_of_all",
        "PASSWORD": password,
    }.items():
        monkeypatch.setenv(f"{SETTING}__{name}", value)
    try:
        assert [finding.mark for finding in postgres_findings()] == ["note"]
        publish_to_postgres(copy(1))
        assert states(postgres) == {1}
        (finding,) = postgres_findings()
        assert finding.mark == "ok"
        assert "rows of marts were last replaced there on" in finding.text
    finally:
        run(postgres, "drop owned by owner_of_all cascade", "drop role owner_of_all")


def test_rights_are_asked_for_and_a_role_with_them_is_enough(postgres_server, copy, monkeypatch):
    """By the statements of docs/operations.md a writer who is no superuser publishes, and a reader reads new tables."""
    postgres = postgres_server.new_database()
    documented = (PROJECT_ROOT / "docs" / "operations.md").read_text().partition("create role throughline ")[2]
    statements = "create role throughline " + documented.partition("\n\n")[0]
    # The server's own user is called so.
    statements = statements.replace("throughline", "writer").replace("analysts", "analysts_of_marts")
    database = conninfo_to_dict(postgres)["dbname"]
    run(postgres, "create role writer_without login password 'reader'")
    monkeypatch.setenv(SETTING, as_user(postgres, "writer_without"))
    with pytest.raises(ThroughlineError, match=r"permission denied for database .* create the schema marts and own"):
        publish_to_postgres(copy(1))
    run(postgres, *statements.replace("company", database).split(";"))
    run(postgres, "alter role writer password 'reader'", "alter role analysts_of_marts login password 'reader'")
    monkeypatch.setenv(SETTING, as_user(postgres, "writer"))
    publish_to_postgres(copy(1))
    assert states(as_user(postgres, "analysts_of_marts")) == {1}
    publish_to_postgres(copy(2, "create table marts.later as select 1 as number"))
    assert rows(as_user(postgres, "analysts_of_marts"), "select number from marts.later") == [(1,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(as_user(postgres, "analysts_of_marts"), "delete from marts.users_dim")
    run(postgres, f"alter database {database} set default_transaction_read_only = on")
    with pytest.raises(ThroughlineError, match=r"it can only be read\. Name the primary server"):
        publish_to_postgres(copy(3))
