"""Loads of Calendly's API killed by SIGKILL, while they ask and while they land: the next load mends what they left."""

import json
import os
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from api_loading import start
from calendly_organization import NOW, form, invitee, iso, organization, scheduled_event, submission
from support import query

from ingestion import calendly
from ingestion.declarations import OUTCOMES
from ingestion.demo.calendly_simulator import TOKEN, CalendlySimulator
from ingestion.demo.simulator import serving

TABLES = [table.name for table in calendly.TABLES]
DAY = timedelta(days=1)
# Of the time from the last answer to the end.
FRACTIONS = (0.1, 0.3, 0.45, 0.6, 0.75, 0.9)


@dataclass(frozen=True)
class World:
    """An organization on two days, and a warehouse into which it was loaded on the first.

    Attributes:
        simulator: Serves one of them.
        old: The documents of the first day.
        new: Those of the second: more of them, and some changed.
        url: The simulator's address.
        filled: A warehouse with the documents of the first day.
        seconds: How long a load of the second day's documents takes after its last answer.
        requests: How many requests it makes.
    """

    simulator: CalendlySimulator
    old: dict
    new: dict
    url: str
    filled: Path
    seconds: float
    requests: int


def later(old):
    """Return an organization as it is a day later: every event changed, a third of them new, one gone."""
    events = [
        event | {"status": "canceled" if number % 2 else "active", "updated_at": iso(NOW + DAY / 2)}
        for number, event in enumerate(old["scheduled_events"][1:])
    ]
    events += [scheduled_event(f"new{n}", NOW + n * DAY) for n in range(len(events) // 2)]
    forms = [*old["routing_forms"], form("three")]
    submissions = [*old["routing_form_submissions"], submission(forms[-1]["uri"], "s3")]
    invitees = [invitee(event, status=event["status"]) for event in events]
    return organization(events, invitees) | {"routing_forms": forms, "routing_form_submissions": submissions}


def environment(world_url, warehouse):
    """Return the settings of a load on the second day."""
    return os.environ | {
        "SOURCES__CALENDLY__BASE_URL": world_url,
        "SOURCES__CALENDLY__API_TOKEN": TOKEN,
        "THROUGHLINE_WAREHOUSE": str(warehouse),
        "THROUGHLINE_NOW": (NOW + DAY).isoformat(),
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Be the organization, its simulator, and what an undisturbed load needs."""
    # All of them lie in the thirty days that a later load reads.
    old = organization([scheduled_event(f"e{n}", NOW - 25 * DAY + n * timedelta(hours=12)) for n in range(80)])
    simulator = CalendlySimulator(old, requests_per_minute=100_000)
    warehouse = tmp_path_factory.mktemp("filled") / "w.duckdb"
    with serving(simulator) as url, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(url, warehouse).items():
            patch.setenv(name, value)
        patch.setenv("THROUGHLINE_NOW", NOW.isoformat())
        calendly.load(warehouse)
        simulator.organization, new = later(old), later(old)
        copy = tmp_path_factory.mktemp("undisturbed") / "w.duckdb"
        shutil.copy(warehouse, copy)
        simulator.asked.clear()
        process = start("calendly", environment(url, copy))
        assert process.wait() == 0
        seconds = time.monotonic() - simulator.asked[-1].instant
        yield World(simulator, old, new, url, warehouse, seconds, len(simulator.asked))


@pytest.fixture
def target(request, world, warehouse):
    """Be an empty warehouse, or one with the first day's documents."""
    warehouse.parent.mkdir()
    if request.param == "filled":
        shutil.copy(world.filled, warehouse)
    return warehouse


@pytest.fixture(autouse=True)
def _reset(world):
    """Serve the second day's documents, and kill nobody."""
    world.simulator.before_answer = lambda _: None
    world.simulator.asked.clear()


def documents(warehouse, name):
    """Return the documents of a table by their URIs, of which none is there twice."""
    rows = query(warehouse, f"select uri, document from raw_calendly.{name}")
    assert len(rows) == len(dict(rows))
    return {uri: json.loads(text) for uri, text in rows}


def complete(world, warehouse, was_filled, monkeypatch):
    """Load to the end, and make sure that all is as an undisturbed load leaves it."""
    world.simulator.before_answer = lambda _: None
    for name, value in environment(world.url, warehouse).items():
        monkeypatch.setenv(name, value)
    calendly.load(warehouse)
    for name in TABLES:
        # What a filled warehouse had, and the API has no more, stays.
        expected = world.old[name] * was_filled + world.new[name]
        assert documents(warehouse, name) == {document["uri"]: document for document in expected}
    outcomes = " + ".join(f"records_{outcome}" for outcome in OUTCOMES)
    assert query(warehouse, f"select * from raw_meta.loads where records_read != {outcomes}") == []
    staged = "select count(*) from information_schema.tables where table_schema = 'raw_calendly_staging'"
    assert query(warehouse, f"{staged} and table_name not like '\\_dlt%' escape '\\'") == [(0,)]
    left = [path.name for path in (warehouse.parent / ".working").rglob("*") if not path.is_dir()]
    assert left == ["load.lock"]
    # And so does one more load, which finds nothing new.
    columns = {name: query(warehouse, f"from raw_calendly.{name} order by uri") for name in TABLES}
    calendly.load(warehouse)
    assert {name: query(warehouse, f"from raw_calendly.{name} order by uri") for name in TABLES} == columns


@pytest.mark.parametrize(
    ("target", "fraction"), [("empty", 0.0), ("filled", 0.1), ("empty", 0.5), ("filled", 1.0)], indirect=["target"]
)
def test_a_load_killed_while_it_asks_has_landed_nothing(world, target, monkeypatch, fraction):
    """Killed at its first request, in the listing, among the invitees, or at the last, it leaves what was there."""
    before = target.read_bytes() if target.exists() else None
    process = start("calendly", environment(world.url, target))
    number = 1 + round(fraction * (world.requests - 1))

    def kill(_):
        if len(world.simulator.asked) == number:
            process.kill()

    world.simulator.before_answer = kill
    assert process.wait() == -signal.SIGKILL
    assert (target.read_bytes() if target.exists() else None) == before
    complete(world, target, before is not None, monkeypatch)


@pytest.mark.parametrize("target", ["empty", "filled"], indirect=True)
@pytest.mark.parametrize(("place", "number"), [("invitees", 0), ("_merge", 2), ("scheduled_events", 0), ("_note", 1)])
def test_a_load_that_dies_between_two_steps_is_mended(world, target, monkeypatch, place, number):
    """Killed in either merge, between the two, or with all merged and nothing noted, it is complete in the end."""
    was_filled = target.exists()
    process = start("calendly", environment(world.url, target), place, number)
    assert process.wait() == -signal.SIGKILL
    if (place, number) == ("_merge", 2):
        # The scheduled events land last: none says that it is read before its invitees are there.
        new = {document["uri"]: document for document in world.new["invitees"]}
        assert documents(target, "invitees").items() >= new.items()
        if was_filled:
            old = {document["uri"]: document for document in world.old["scheduled_events"]}
            assert documents(target, "scheduled_events") == old
        else:
            tables = query(target, "select table_name from duckdb_tables() where schema_name = 'raw_calendly'")
            assert ("scheduled_events",) not in tables
    complete(world, target, was_filled, monkeypatch)


def test_a_load_killed_at_any_time_while_it_lands_is_mended(world, tmp_path, monkeypatch):
    """Killed at six points, in turn into an empty and into a filled warehouse, it is complete in the end."""
    killed = Counter()
    for number, fraction in enumerate(FRACTIONS):
        warehouse = tmp_path / str(number) / "w.duckdb"
        warehouse.parent.mkdir()
        if number % 2:
            shutil.copy(world.filled, warehouse)
        world.simulator.asked.clear()
        world.simulator.before_answer = lambda _: None
        process = start("calendly", environment(world.url, warehouse))
        while process.poll() is None and len(world.simulator.asked) < world.requests:
            time.sleep(0.005)
        time.sleep(fraction * world.seconds)
        process.kill()
        process.wait()
        killed[process.returncode] += 1
        complete(world, warehouse, bool(number % 2), monkeypatch)
    # How many depends on how busy the machine is; without any the test would show nothing.
    assert killed[-signal.SIGKILL] >= 3, killed
