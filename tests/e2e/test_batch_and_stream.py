"""The same fictional organization by API, by webhooks, or by both with either of them behind, gives the same bookings.

The ways to know it stand side by side in one warehouse: in each way, all ids, e-mails and channels have a mark of that
way inside, which is taken out before the marts are compared.
"""

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import bookings_by_hand as by_hand
import duckdb
import pytest
from booking_worlds import LATER_MOMENT, Posted, Replay, drawn_worlds
from support import ship_seeds

from ingestion.demo.simulators import simulated

ROUNDS = 3
RAW_SCHEMAS = ("raw_calendly", "raw_calendly_webhooks")
CHANNELS = ("facebook_paid_ads", "youtube_paid_ads")

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MARK = re.compile(r"zz\d+zz", re.IGNORECASE)


@dataclass(frozen=True)
class Way:
    """A way to know an organization; a world's first half ends with the middle one of its acts.

    Attributes:
        number: Its place among the ways.
        api: What the API had seen when it was read: None is never, 1 the first half, 2 all.
        halves: The halves whose deliveries came.
        source: What bookings_fact says of where its bookings are known from.
        is_shuffled: Whether deliveries come more than once, in any order and layout.
    """

    number: int
    api: int | None
    halves: tuple[int, ...]
    source: str | None
    is_shuffled: bool = False

    @property
    def mark(self) -> str:
        """What stands inside its ids, e-mails and channels."""
        return f"zz{self.number}zz"

    def marked(self, document: dict) -> dict:
        """The document as it is in this way."""
        text = _ID.sub(rf"\g<0>{self.mark}", json.dumps(document))
        return json.loads(re.sub("@(?=example.com)", f"@{self.mark}.", text, flags=re.IGNORECASE))


WAYS = {
    "by API alone": Way(0, 2, (), "api"),
    "by webhooks alone": Way(1, None, (1, 2), "webhook"),
    "by both": Way(2, 2, (1, 2), "api+webhook"),
    "API behind": Way(3, 1, (1, 2), None),
    "webhooks behind": Way(4, 2, (1,), None),
    "API first, then webhooks": Way(5, 1, (2,), None),
    "shuffled and repeated": Way(6, None, (1, 2), "webhook", is_shuffled=True),
}
OTHER_WAYS = [name for name in WAYS if name != "by API alone"]


@dataclass
class Loaded:
    """The warehouse with all ways in it after it was loaded and built twice, and its tables after the first time."""

    path: Path
    replays: list[Replay]
    raw_before: dict[str, list[tuple]]
    marts_before: dict[str, list[tuple]]

    def rows(self, query: str) -> list[tuple]:
        """What the warehouse answers."""
        with duckdb.connect(self.path, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def by_way(self, query: str, way: str) -> Counter:
        """The rows of one way, without its mark."""
        mark = WAYS[way].mark
        return Counter(
            tuple(_MARK.sub("", value) if isinstance(value, str) else value for value in row)
            for row in self.rows(query)
            if any(isinstance(value, str) and mark in value.lower() for value in row)
        )


def middle_of(replay: Replay) -> int:
    """The number of acts in a world's first half."""
    return (len(replay.instants) + 1) // 2


def write_organization(folder: Path, replays: list[Replay]) -> None:
    """Writes one organization for the API to answer from: all worlds in all ways that it knows."""
    merged = defaultdict(list)
    owner = replays[0].history.organization()["users_me"]
    for way in WAYS.values():
        for replay in replays if way.api else ():
            acts = middle_of(replay) if way.api == 1 else len(replay.instants)
            for kind, documents in replay.read(acts).items():
                merged[kind] += map(way.marked, documents)
    for membership in merged["organization_memberships"]:
        membership["organization"] = owner["current_organization"]
    folder.mkdir(parents=True)
    (folder / "organization.json").write_text(json.dumps({"users_me": owner, **merged}), encoding="utf-8")


def write_deliveries(folder: Path, replays: list[Replay]) -> None:
    """Writes what was delivered in the ways that get deliveries: in order, or in disorder over several files."""
    folder.mkdir()
    random = Random("deliveries")
    files = defaultdict(list)
    for way in WAYS.values():
        for replay in replays:
            whole = replay.history.deliveries()
            middle = len(replay.history.deliveries(replay.instants[middle_of(replay) - 1]))
            chosen = [one for half in way.halves for one in (whole[:middle] if half == 1 else whole[middle:])]
            for document in map(way.marked, chosen):
                if way.is_shuffled:
                    for spelling in random.sample(range(4), random.randint(1, 3)):
                        name = "pretty.json" if spelling == 2 else random.choice(["one.jsonl", "two.jsonl"])
                        files[name].append(Posted(document, 1, spelling).text)
                else:
                    files["in_order.jsonl"].append(Posted(document, 1, 0).text)
    for name, lines in files.items():
        if name != "in_order.jsonl":
            random.shuffle(lines)
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_seeds(folder: Path, replays: list[Replay]) -> None:
    """Writes the company's seeds: each event type belongs to one channel, and to another from its middle act on."""
    ship_seeds(folder)
    rows = []
    for way in WAYS.values():
        for replay in replays:
            turn = replay.instants[middle_of(replay) - 1].isoformat(" ")
            for uri in replay.event_types:
                one, other = (way.mark + channel for channel in CHANNELS)
                rows += [
                    (uri + way.mark, None, one, "spring", None, turn),
                    (uri + way.mark, None, other, None, turn, None),
                ]
    with (folder / "event_type_channels.csv").open("a", encoding="utf-8", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)


@pytest.fixture(scope="module")
def loaded(folder: Path, command: Callable[..., str]) -> Loaded:
    """The warehouse after everything was loaded and built twice."""
    replays = [Replay(world, number) for number, world in enumerate(drawn_worlds(ROUNDS))]
    write_organization(folder / "demo" / "calendly", replays)
    write_deliveries(folder / "deliveries", replays)
    write_seeds(folder / "seeds", replays)
    warehouse = folder / "ways.duckdb"
    own = {
        "THROUGHLINE_WAREHOUSE": warehouse,
        "THROUGHLINE_SEEDS": folder / "seeds",
        "SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL": folder / "deliveries",
    }
    variables = {"as_of": f"{LATER_MOMENT.as_of.isoformat()}Z", "reporting_timezone": str(LATER_MOMENT.zone)}
    chosen = ("--selector", "bookings", "--vars", json.dumps(variables))
    with simulated(folder / "demo") as simulator:
        command("throughline", "load", "calendly", "calendly_webhooks", **own, **simulator)
        raw = tables(warehouse, *RAW_SCHEMAS)
        command("dbt", "build", "--exclude-resource-type", "test", "unit_test", *chosen, **own)
        marts = tables(warehouse, "marts")
        command("throughline", "load", "calendly", "calendly_webhooks", "--backfill", "--reread", **own, **simulator)
    command("dbt", "run", *chosen, **own)
    return Loaded(warehouse, replays, raw, marts)


def tables(warehouse: Path, *schemas: str) -> dict[str, list[tuple]]:
    """All rows of all tables of some schemas, but for dlt's own notes."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        names = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where list_contains(?, table_schema) and not starts_with(table_name, '_dlt_')",
            [list(schemas)],
        ).fetchall()
        return {name: connection.execute(f"select * from {name} order by all").fetchall() for (name,) in names}


@pytest.mark.parametrize("way", OTHER_WAYS)
@pytest.mark.parametrize(
    "query",
    [
        "select * exclude (source) from marts.bookings_fact",
        "select * from marts.scheduled_events_fact",
        "select * from marts.daily_calls_booked_by_source",
        "select * from marts.booking_volume_by_time_slot",
        "select * exclude (host_label) from marts.employee_meeting_load",
    ],
    ids=lambda query: query.rpartition(".")[2],
)
def test_every_way_tells_the_same(loaded, way, query):
    """Whatever an organization is known by, the marts say the same of it."""
    expected = loaded.by_way(query, "by API alone")
    assert expected
    assert loaded.by_way(query, way) == expected


@pytest.mark.parametrize("way", ["by both", "API behind", "shuffled and repeated"])
def test_deliveries_tell_the_same_in_any_order(loaded, way):
    """The facts of deliveries depend neither on what else is known nor on order, files, layout or repetition."""
    query = (
        "select webhook_event, invitee_uri, scheduled_event_uri, invitee_name, invitee_email,"
        " real_time_ingestion_timestamp, real_time_ingestion_date, channel, campaign from marts.webhook_invitee_fact"
    )
    expected = loaded.by_way(query, "by webhooks alone")
    assert expected.total() == sum(len(replay.history.deliveries()) for replay in loaded.replays)
    assert loaded.by_way(query, way) == expected


def test_what_all_ways_tell_is_right(loaded):
    """The bookings are those that can be worked out from what happened."""
    expected = Counter()
    for replay in loaded.replays:
        whole = replay.read(len(replay.instants))
        sources = by_hand.Sources(events=tuple(whole["scheduled_events"]), invitees=tuple(whole["invitees"]))
        bookings = by_hand.Organization(sources).bookings(LATER_MOMENT)
        expected += Counter((one.booking_id, one.booked_at, one.status, one.reschedule_count) for one in bookings)
    query = "select booking_id, booked_at, status, reschedule_count from marts.bookings_fact"
    assert loaded.by_way(query, "by API alone") == expected
    shown = {status for _, _, status, _ in expected}
    assert shown == {"scheduled", "held", "no_show", "canceled"}
    assert {0, 1, 2} <= {count for *_, count in expected}


@pytest.mark.parametrize("way", [name for name, way in WAYS.items() if way.source])
def test_bookings_say_where_they_are_known_from(loaded, way):
    """A booking names the sources that know it."""
    found = loaded.by_way("select booking_id, source from marts.bookings_fact", way)
    assert {source for _, source in found} == {WAYS[way].source}


def test_loading_twice_changes_nothing(loaded):
    """Reading everything again leaves each raw row as it was, lineage included, and so each mart."""
    assert all(loaded.raw_before[f"raw_calendly.{name}"] for name in ("scheduled_events", "invitees"))
    assert loaded.raw_before["raw_calendly_webhooks.deliveries"]
    after = tables(loaded.path, *RAW_SCHEMAS)
    # dbt has made the tables that nothing was loaded into.
    assert {name: rows for name, rows in after.items() if rows} == {
        name: rows for name, rows in loaded.raw_before.items() if rows
    }
    assert tables(loaded.path, "marts") == loaded.marts_before
