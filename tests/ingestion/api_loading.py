"""What tests of loads share: rows that land at once, and loads that die where they are told to."""

import subprocess
import sys
from contextlib import contextmanager
from unittest import mock

from ingestion.demo.simulator import serving
from ingestion.landing import Landing
from ingestion.warehouse import connect

# A load that dies where it enters a step for that many times, or between deletion and insertion of one table's merge.
SUICIDE = """
import os, signal, sys
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from ingestion import cli, landing

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def die_at(number, step, entered=[]):
    def enter(*arguments):
        entered.append(arguments)
        return die() if len(entered) == number else step(*arguments)
    return enter

def die_merging(schema, table, execute_sql):
    def execute(self, sql, *values, **options):
        deletion, insertion, _ = sql.partition(f'INSERT INTO "{schema}"."{table}"')
        if deletion.startswith(f'DELETE FROM "{schema}"."') and insertion:
            execute_sql(self, deletion)
            die()
        return execute_sql(self, sql, *values, **options)
    return execute

number, place = int(sys.argv.pop()), sys.argv.pop()
if number:
    setattr(landing.Landing, place, die_at(number, getattr(landing.Landing, place)))
else:
    DuckDbSqlClient.execute_sql = die_merging(f"raw_{sys.argv[-1]}", place, DuckDbSqlClient.execute_sql)
cli.main()
"""

merge_by_dlt = Landing._merge


def merge_by_sql(load, stage):
    """Take the place of `Landing._merge`, for tests of what is asked: dlt needs a second for each stage."""
    tables = {table: load._changes(table).to_arrow_table() for table in stage if table in load.tables}
    with connect(load.warehouse) as connection:
        for table, rows in tables.items():
            if not rows.num_rows:
                continue
            relation = f"raw_{load.source}.{table.name}"
            columns = ", ".join(f"{name} {sql_type}" for name, sql_type in table.sql_types.items())
            connection.register("arrived", rows)
            connection.execute(f"""
                begin;
                create schema if not exists raw_{load.source};
                create table if not exists {relation} ({columns});
                delete from {relation} where {table.key} in (select {table.key} from arrived);
                insert into {relation} by name select * from arrived;
                commit
            """)


def landing_at_once():
    """Let every load land by SQL, for tests of many loads in a row."""
    return mock.patch.object(Landing, "_merge", merge_by_sql)


@contextmanager
def serving_in_turn():
    """Serve, at one address, whichever app was put there last: to stop a server takes a fifth of a second.

    Yields:
        A function that puts an app there, and returns the address.
    """
    apps = []

    async def answer(scope, receive, send):
        await apps[-1](scope, receive, send)

    def put(app):
        apps.append(app)
        return url

    with serving(answer) as url:
        yield put


def start(source, environment, *fate):
    """Start a load.

    Args:
        source: Of what.
        environment: The settings, and all else.
        fate: The step of a landing at which it dies, and at which time; or the table in whose merge, and 0. Left out,
            it lives.
    """
    script = SUICIDE if fate else "from ingestion import cli; cli.main()"
    return subprocess.Popen(
        [sys.executable, "-c", script, "load", source, *map(str, fate)], env=environment, stderr=subprocess.DEVNULL
    )
