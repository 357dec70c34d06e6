"""Loads of Zoom's API killed by SIGKILL, while they ask and while they land: the next load mends what they left."""

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import query
from zoom_account import DAY, NOW, account, hold, registrant, session

from ingestion import zoom
from ingestion.declarations import OUTCOMES
from ingestion.demo.simulator import serving
from ingestion.demo.zoom_simulator import ACCOUNT_ID, CLIENT_ID, CLIENT_SECRET, ZoomSimulator

KEYS = {table.name: table.key for table in zoom.API_TABLES}
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

def die_merging(table, execute_sql):
    def execute(self, sql, *values, **options):
        deletion, insertion, _ = sql.partition(f'INSERT INTO "raw_zoom"."{table}"')
        if deletion.startswith('DELETE FROM "raw_zoom"."') and insertion:
            execute_sql(self, deletion)
            die()
        return execute_sql(self, sql, *values, **options)
    return execute

number, place = int(sys.argv.pop()), sys.argv.pop()
if number:
    setattr(landing.Landing, place, die_at(number, getattr(landing.Landing, place)))
else:
    DuckDbSqlClient.execute_sql = die_merging(place, DuckDbSqlClient.execute_sql)
cli.main()
"""


@dataclass(frozen=True)
class World:
    """An account on two days, and a warehouse into which it was loaded on the first.

    Attributes:
        simulator: Serves the second day's.
        url: Its address.
        filled: A warehouse with the documents of the first day.
        whole: For an empty and for a filled warehouse, the documents that an undisturbed load leaves there.
        requests: How many requests it makes.
    """

    simulator: ZoomSimulator
    url: str
    filled: Path
    whole: dict[bool, dict]
    requests: dict[bool, int]


def later(old):
    """Return an account as it is a day later: somebody came late to the list, and another webinar took place."""
    new = copy.deepcopy(old)
    hold(new, 84, "new/one==", NOW + DAY / 2)
    new["registrants"]["84"][0] |= {"status": "denied"}
    new["registrants"]["83"].append(registrant("late"))
    new["participants"]["mid/dle="].append(session("late", NOW - 2 * DAY))
    new["reports"]["mid/dle="] |= {"participants_count": 3}
    return new


def environment(url, warehouse):
    """Return the settings of a load on the second day."""
    return os.environ | {
        "SOURCES__ZOOM__ACCOUNT_ID": ACCOUNT_ID,
        "SOURCES__ZOOM__CLIENT_ID": CLIENT_ID,
        "SOURCES__ZOOM__CLIENT_SECRET": CLIENT_SECRET,
        "SOURCES__ZOOM__OAUTH_URL": f"{url}/oauth/token",
        "SOURCES__ZOOM__BASE_URL": f"{url}/v2",
        "THROUGHLINE_WAREHOUSE": str(warehouse),
        "THROUGHLINE_NOW": (NOW + DAY).isoformat(),
    }


def start(url, warehouse, *fate):
    """Start a load, which dies where it is told to."""
    script = SUICIDE if fate else "from ingestion import cli; cli.main()"
    return subprocess.Popen(
        [sys.executable, "-c", script, "load", "zoom", *fate],
        env=environment(url, warehouse),
        stderr=subprocess.DEVNULL,
    )


def documents(warehouse):
    """Return the documents of all tables by their keys, of which none is there twice."""
    found = {}
    for name, key in KEYS.items():
        rows = query(warehouse, f"select {key}, document from raw_zoom.{name}")
        found[name] = {key: json.loads(text) for key, text in rows}
        assert len(rows) == len(found[name])
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Be the account, its simulator, and what an undisturbed load leaves."""
    old = account()
    simulator = ZoomSimulator(old, limits={"Light": 10**6, "Medium": 10**6, "Heavy": 10**6})
    filled = tmp_path_factory.mktemp("filled") / "w.duckdb"
    empty = tmp_path_factory.mktemp("empty") / "w.duckdb"
    with serving(simulator) as url, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(url, filled).items():
            patch.setenv(name, value)
        patch.setenv("THROUGHLINE_NOW", NOW.isoformat())
        zoom.load(filled)
        patch.setenv("THROUGHLINE_NOW", (NOW + DAY).isoformat())
        simulator.account = later(old)
        undisturbed = {False: empty, True: tmp_path_factory.mktemp("undisturbed") / "w.duckdb"}
        shutil.copy(filled, undisturbed[True])
        whole, requests = {}, {}
        for is_filled, warehouse in undisturbed.items():
            simulator.asked.clear()
            zoom.load(warehouse)
            whole[is_filled], requests[is_filled] = documents(warehouse), len(simulator.asked)
        yield World(simulator, url, filled, whole, requests)


@pytest.fixture
def target(request, world, warehouse):
    """Be an empty warehouse, or one with the first day's documents."""
    warehouse.parent.mkdir()
    if request.param == "filled":
        shutil.copy(world.filled, warehouse)
    world.simulator.asked.clear()
    yield warehouse
    world.simulator.before_answer = lambda _: None


def complete(world, warehouse, was_filled, monkeypatch):
    """Load to the end, and make sure that all is as an undisturbed load leaves it."""
    world.simulator.before_answer = lambda _: None
    for name, value in environment(world.url, warehouse).items():
        monkeypatch.setenv(name, value)
    zoom.load(warehouse)
    assert documents(warehouse) == world.whole[was_filled]
    outcomes = " + ".join(f"records_{outcome}" for outcome in OUTCOMES)
    assert query(warehouse, f"select * from raw_meta.loads where records_read != {outcomes}") == []
    left = [path.name for path in (warehouse.parent / ".working").rglob("*") if not path.is_dir()]
    assert left == ["load.lock"]


@pytest.mark.parametrize(
    ("target", "fraction"), [("filled", 0.0), ("empty", 0.5), ("filled", 1.0)], indirect=["target"]
)
def test_a_load_killed_while_it_asks_has_landed_nothing(world, target, monkeypatch, fraction):
    """Killed at its first request, in the middle, or at the last, it leaves what was there."""
    before = target.read_bytes() if target.exists() else None
    number = 1 + round(fraction * (world.requests[before is not None] - 1))
    process = start(world.url, target)

    def kill(_):
        if len(world.simulator.asked) == number:
            process.kill()

    world.simulator.before_answer = kill
    assert process.wait() == -signal.SIGKILL
    assert (target.read_bytes() if target.exists() else None) == before
    complete(world, target, before is not None, monkeypatch)


@pytest.mark.parametrize(
    ("target", "place", "number"),
    [
        ("filled", "participants", 0),
        ("filled", "_merge", 2),
        ("empty", "_merge", 2),
        ("filled", "reports", 0),
        ("empty", "_note", 1),
    ],
    indirect=["target"],
)
def test_a_load_that_dies_between_two_steps_is_mended(world, target, monkeypatch, place, number):
    """Killed in a merge, between the two, or with all merged and nothing noted, it is complete in the end."""
    was_filled = target.exists()
    assert start(world.url, target, place, str(number)).wait() == -signal.SIGKILL
    if (place, number) == ("_merge", 2):
        # The reports land last: none says that its participants are there before they are.
        reports = query(target, "select table_name from duckdb_tables() where schema_name = 'raw_zoom'")
        assert (("reports",) in reports) is was_filled
        if was_filled:
            found = documents(target)
            assert found["participants"] == world.whole[True]["participants"]
            assert found["reports"] == documents(world.filled)["reports"]
    complete(world, target, was_filled, monkeypatch)
