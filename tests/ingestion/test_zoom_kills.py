"""Loads of Zoom's API and files killed by SIGKILL, while they ask and while they land: the next load mends it all."""

import copy
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from api_loading import start
from support import query
from zoom_account import DAY, NOW, account, hold, registrant, session

from ingestion import zoom
from ingestion.declarations import OUTCOMES
from ingestion.demo.simulator import serving
from ingestion.demo.zoom_simulator import ACCOUNT_ID, CLIENT_ID, CLIENT_SECRET, ZoomSimulator

# Each with what lands before it.
LAST = {"reports": "participants", "attendee_reports": "attendee_report_rows"}


@dataclass(frozen=True)
class World:
    """An account and a folder of reports on two days, and a warehouse into which they were loaded on the first.

    Attributes:
        simulator: Serves the second day's.
        environment: The settings of a load on the second day.
        filled: A warehouse with what there was on the first day.
        old: What it says.
        whole: For an empty and for a filled warehouse, what an undisturbed load leaves there.
        requests: How many requests it makes.
    """

    simulator: ZoomSimulator
    environment: dict[str, str]
    filled: Path
    old: dict
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


def report(number, *names):
    """Return the Attendee Report of a webinar to which these people came."""
    day = f"06/{number}/2026"
    people = "".join(f"Yes,{name},{name}@example.com,{day} 09:00:00 AM,{day} 09:30:00 AM,30\n" for name in names)
    return (
        "Attendee Report\nTopic,Webinar ID,Actual Start Time,Actual Duration (minutes),Unique Viewers\n"
        f"Grow,{number},{day} 09:00:00 AM,60,{len(names)}\n"
        "Attendee Details\nAttended,First Name,Email,Join Time,Leave Time,Time in Session (minutes)\n"
    ) + people


def contents(warehouse):
    """Return what all tables say by their keys, of which none is there twice."""
    found = {}
    for table in zoom.TABLES:
        columns = ", ".join(table.column_names)
        rows = query(warehouse, f"select {table.key}, ({columns})::varchar from raw_zoom.{table.name}")
        found[table.name] = dict(rows)
        assert len(rows) == len(found[table.name])
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Be the account, its simulator, the folder, and what an undisturbed load leaves."""
    old = account()
    simulator = ZoomSimulator(old, limits={"Light": 10**6, "Medium": 10**6, "Heavy": 10**6})
    folder = tmp_path_factory.mktemp("reports")
    filled, *undisturbed = (tmp_path_factory.mktemp(name) / "w.duckdb" for name in ("filled", "empty", "undisturbed"))
    with serving(simulator) as url, pytest.MonkeyPatch.context() as patch:
        environment = {
            "SOURCES__ZOOM__ACCOUNT_ID": ACCOUNT_ID,
            "SOURCES__ZOOM__CLIENT_ID": CLIENT_ID,
            "SOURCES__ZOOM__CLIENT_SECRET": CLIENT_SECRET,
            "SOURCES__ZOOM__OAUTH_URL": f"{url}/oauth/token",
            "SOURCES__ZOOM__BASE_URL": f"{url}/v2",
            "SOURCES__ZOOM__BUCKET_URL": str(folder),
            "SOURCES__ZOOM__TIMEZONE": "UTC",
            "THROUGHLINE_NOW": (NOW + DAY).isoformat(),
        }
        for name, value in environment.items():
            patch.setenv(name, value)
        (folder / "a.csv").write_text(report(11, "ann", "bob", "cyd"))
        patch.setenv("THROUGHLINE_NOW", NOW.isoformat())
        zoom.load(filled)
        patch.setenv("THROUGHLINE_NOW", (NOW + DAY).isoformat())
        simulator.account = later(old)
        # Exported anew, with somebody less, and others in other lines.
        (folder / "a.csv").write_text(report(11, "bob", "ann"))
        (folder / "b.csv").write_text(report(12, "ann", "dan"))
        shutil.copy(filled, undisturbed[True])
        whole, requests = {}, {}
        for is_filled, warehouse in enumerate(undisturbed):
            simulator.asked.clear()
            zoom.load(warehouse)
            whole[is_filled], requests[is_filled] = contents(warehouse), len(simulator.asked)
        yield World(simulator, environment, filled, contents(filled), whole, requests)


@pytest.fixture
def target(request, world, warehouse):
    """Be an empty warehouse, or one with what there was on the first day."""
    warehouse.parent.mkdir()
    if request.param == "filled":
        shutil.copy(world.filled, warehouse)
    world.simulator.asked.clear()
    yield warehouse
    world.simulator.before_answer = lambda _: None


def begin(world, warehouse, *fate):
    """Start a load on the second day, which dies where it is told to."""
    return start("zoom", os.environ | world.environment | {"THROUGHLINE_WAREHOUSE": str(warehouse)}, *fate)


def complete(world, warehouse, was_filled, monkeypatch):
    """Load to the end, and make sure that all is as an undisturbed load leaves it."""
    world.simulator.before_answer = lambda _: None
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    zoom.load(warehouse)
    assert contents(warehouse) == world.whole[was_filled]
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
    process = begin(world, target)

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
        ("filled", "attendee_report_rows", 0),
        ("filled", "_merge", 2),
        ("empty", "_merge", 2),
        ("filled", "reports", 0),
        ("filled", "attendee_reports", 0),
        ("empty", "_note", 1),
    ],
    indirect=["target"],
)
def test_a_load_that_dies_between_two_steps_is_mended(world, target, monkeypatch, place, number):
    """Killed in a merge, between the two, or with all merged and nothing noted, it is complete in the end."""
    was_filled = target.exists()
    assert begin(world, target, place, number).wait() == -signal.SIGKILL
    if (place, number) == ("_merge", 2):
        # The reports land last: none says that everybody is there before they are.
        tables = query(target, "select table_name from duckdb_tables() where schema_name = 'raw_zoom'")
        for report, people in LAST.items():
            assert (people,) in tables
            assert ((report,) in tables) is was_filled
        if was_filled:
            found = contents(target)
            for report, people in LAST.items():
                assert found[report] == world.old[report] != world.whole[True][report]
                assert found[people].items() >= world.whole[True][people].items()
            # Of a file that was exported anew, rows that it no longer has go with the note.
            assert len(found["attendee_report_rows"]) == 5
            assert len(world.whole[True]["attendee_report_rows"]) == 4
    complete(world, target, was_filled, monkeypatch)
