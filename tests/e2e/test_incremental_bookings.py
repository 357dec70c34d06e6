"""A warehouse of bookings built step by step holds what one built from the beginning holds.

The halves of reschedules come in separate builds, in either order; documents change and vanish; then nothing comes, but
"now", the reporting time zone and the channel map are others.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from support import ship_seeds

from ingestion.demo.calendly_history import CalendlyHistory, event_of

HOSTS = "host_email,host_label,team\nada@example.com,Ada,North\n"
MAP_HEADER = "event_type_uri,event_type_name,channel,campaign,valid_from,valid_to\n"

# The eve of a day in New York, and of a month, that has begun in UTC.
FIRST = {"as_of": "2026-03-05T12:00:00Z", "reporting_timezone": "UTC"}
LATER = {"as_of": "2026-04-20T12:00:00Z", "reporting_timezone": "America/New_York"}

PARSED = ("int_api_invitees__parsed", "int_api_events__parsed", "int_webhook_invitees__parsed")


def at(day: int, hour: int = 12) -> datetime:
    """An instant in March 2026; days below one are in February."""
    return datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=day - 1)


@dataclass
class Story:
    """An organization and the invitees of it whom the tests speak of."""

    history: CalendlyHistory
    event_type: str
    people: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story() -> Story:
    """Chains of three whose halves come late, a cancellation, a mark taken off, a group, and one who vanishes."""
    history = CalendlyHistory("incremental")
    ada = history.add_host("Ada Example", "ada@example.com", at(-9))
    bob = history.add_host("Bob Example", "bob@example.com", at(-9))
    call = history.add_event_type("Call", [ada], at(-8))
    group = history.add_event_type("Workshop", [ada], at(-8), seats=9)
    panel = history.add_event_type("Panel", [ada, bob], at(-8), pooling="collective")

    def book(name: str, event_type: str, booked_at: datetime, start_at: datetime) -> str:
        return history.book(event_type, booked_at, start_at, name=name, email=f"{name}@example.com")

    told = Story(history, call)
    people = told.people
    # Booked in the first hours of a UTC day, and of a month, which are the day before in New York.
    people["backwards_1"] = book("backwards", call, at(1, 2), at(4))
    people["forwards_1"] = book("forwards", call, at(1, 3), at(4, 14))
    people["canceled"] = book("canceled", call, at(1, 4), at(10))
    people["unmarked"] = book("unmarked", panel, at(1, 5), at(2, 9))
    people["in_group"] = book("in_group", group, at(1, 6), at(12))
    people["left_group"] = book("left_group", group, at(1, 7), at(12))
    people["vanished"] = book("vanished", call, at(1, 8), at(3, 9))
    people["still_to_come"] = book("still_to_come", panel, at(1, 9), at(20))
    people["backwards_2"] = history.reschedule(people["backwards_1"], at(2, 2), at(5, 16))
    people["forwards_2"] = history.reschedule(people["forwards_1"], at(2, 3), at(5, 17))
    history.mark_no_show(people["unmarked"], at(2, 12))
    people["backwards_3"] = history.reschedule(people["backwards_2"], at(3, 2), at(11))
    people["forwards_3"] = history.reschedule(people["forwards_2"], at(3, 3), at(11, 15))
    history.cancel(people["canceled"], at(6))
    history.cancel(people["left_group"], at(6, 13))
    history.unmark_no_show(people["unmarked"], at(6, 14))
    return told


class RawTables:
    """The raw tables of a warehouse, as loaders would fill them: content that is known keeps when it came."""

    def __init__(self, warehouse: Path) -> None:
        """Begins with a warehouse whose raw tables dbt has made."""
        self.warehouse = warehouse
        self.loads = 0

    def load(self, deliveries: Iterable[dict], organization: dict | None = None) -> None:
        """Lands deliveries, and an organization's documents as the API gives them then."""
        self.loads += 1
        bodies = (json.dumps(delivery, separators=(",", ":")) for delivery in deliveries)
        rows = [
            ("raw_calendly_webhooks.deliveries", "delivery_id", hashlib.sha256(body.encode()).hexdigest(), body)
            for body in bodies
        ]
        for kind, documents in (organization or {}).items():
            if kind != "users_me":
                rows += [(f"raw_calendly.{kind}", "uri", one["uri"], json.dumps(one)) for one in documents]
        with duckdb.connect(self.warehouse) as connection:
            for table, key_column, key, document in rows:
                if connection.execute(
                    f"select 1 from {table} where {key_column} = ? and document = ?", [key, document]
                ).fetchone():
                    continue
                connection.execute(f"delete from {table} where {key_column} = ?", [key])
                connection.execute(
                    f"insert into {table} ({key_column}, document, _source_file, _source_line, _loaded_at)"
                    " values (?, ?, 'test', 1, ?)",
                    [key, document, datetime(2026, 5, self.loads)],
                )

    def forget(self, invitee: str) -> None:
        """Takes out what is known of an invitee, as a request to be forgotten does."""
        with duckdb.connect(self.warehouse) as connection:
            connection.execute("delete from raw_calendly.invitees where uri = ?", [invitee])
            connection.execute("delete from raw_calendly.scheduled_events where uri = ?", [event_of(invitee)])
            connection.execute(
                "delete from raw_calendly_webhooks.deliveries where document -> 'payload' ->> 'uri' = ?", [invitee]
            )


Tables = dict[str, list[tuple]]


@dataclass
class Stages:
    """The tables after each build, and after a last one of the same raw tables from the beginning."""

    first: Tables
    second: Tables
    third: Tables
    anew: Tables
    parsed_again: int


def tables_of(warehouse: Path) -> Tables:
    """All rows of all models that are tables or views, in an order of their own."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        names = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_schema in ('staging', 'intermediate', 'marts')"
        ).fetchall()
        return {name: connection.execute(f"select * from {name} order by all").fetchall() for (name,) in names}


@pytest.fixture(scope="module")
def stages(folder: Path, command: Callable[..., str], story: Story) -> Stages:
    """The builds, made once for all tests."""
    warehouse, copy, seeds = folder / "steps.duckdb", folder / "copy.duckdb", folder / "seeds"
    ship_seeds(seeds)
    (seeds / "hosts.csv").write_text(HOSTS, encoding="utf-8")
    channel_map = seeds / "event_type_channels.csv"
    channel_map.write_text(f"{MAP_HEADER}{story.event_type},,tv,spring,,\n", encoding="utf-8")

    def build(path: Path, variables: dict, *words: str) -> Tables:
        command(
            *("dbt", "build", "--selector", "bookings", "--vars", json.dumps(variables)),
            *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", *words),
            THROUGHLINE_WAREHOUSE=path,
            THROUGHLINE_SEEDS=seeds,
        )
        return tables_of(path)

    command("dbt", "seed", THROUGHLINE_WAREHOUSE=warehouse, THROUGHLINE_SEEDS=seeds)
    raw = RawTables(warehouse)
    people, deliveries = story.people, story.history.deliveries()

    # Of one chain only the last half is known, of the other only the first.
    late = {people[name] for name in ("backwards_1", "backwards_2", "forwards_2", "forwards_3")}
    early = [one for one in deliveries if one["payload"]["uri"] not in late and one["created_at"] < "2026-03-05"]
    first_of_forwards = next(one for one in early if one["payload"]["uri"] == people["forwards_1"])
    early = [one for one in early if one["payload"]["uri"] != people["forwards_1"]]
    raw.load([*early, first_of_forwards], without(story.history.organization(at(2, 13)), late | {people["forwards_1"]}))
    first = build(warehouse, FIRST)

    raw.load(reversed(deliveries), story.history.organization())
    raw.forget(people["vanished"])
    second = build(warehouse, FIRST)

    channel_map.write_text(
        f"{MAP_HEADER}{story.event_type},,tv,spring,,2026-03-01T03:00:00\n"
        f"{story.event_type},,radio,,2026-03-01T03:00:00,\n",
        encoding="utf-8",
    )
    third = build(warehouse, LATER)
    shutil.copy(warehouse, copy)
    anew = build(copy, LATER, "--full-refresh")

    with duckdb.connect(warehouse) as connection:
        for model in PARSED:
            connection.execute(f"update intermediate.{model} set created_at = timestamp '1970-01-01'")
    parsed = [word for model in PARSED for word in ("-s", model)]
    command("dbt", "run", *parsed, THROUGHLINE_WAREHOUSE=warehouse, THROUGHLINE_SEEDS=seeds)
    with duckdb.connect(warehouse, read_only=True) as connection:
        again = " + ".join(f"(select count(*) from intermediate.{m} where created_at > '1970-01-01')" for m in PARSED)
        (parsed_again,) = connection.execute(f"select {again}").fetchone()
    return Stages(first, second, third, anew, parsed_again)


def without(organization: dict, invitees: set[str]) -> dict:
    """The organization as the API gives it before it has read these invitees and their events."""
    events = {event_of(invitee) for invitee in invitees}
    kept = {
        "invitees": [one for one in organization["invitees"] if one["uri"] not in invitees],
        "scheduled_events": [one for one in organization["scheduled_events"] if one["uri"] not in events],
    }
    return organization | kept


def bookings(tables: Tables) -> dict[str, tuple]:
    """By booking_id: last invitee, channel, date, status and number of reschedules."""
    # The contract fixes the columns' order, in which booking_id and last_invitee_uri come first.
    return {row[0]: (row[1], row[4], row[9], row[11], row[12]) for row in tables["marts.bookings_fact"]}


def test_step_by_step_gives_what_one_build_gives(stages):
    """Every table is the same, row for row, whether its rows came in steps or at once."""
    assert set(stages.third) == set(stages.anew)
    assert {name for name in stages.anew if stages.third[name] != stages.anew[name]} == set()
    assert {f"intermediate.{model}" for model in PARSED} <= {name for name, rows in stages.anew.items() if rows}


def test_chain_takes_the_id_of_the_half_that_came_later(stages, story):
    """As long as only the last half is known, the one that it names is the first; no row of that id stays."""
    people = story.people
    assert bookings(stages.first)[people["backwards_2"]][0] == people["backwards_3"]
    assert people["backwards_2"] not in bookings(stages.second)
    assert bookings(stages.second)[people["backwards_1"]][0] == people["backwards_3"]
    assert bookings(stages.second)[people["backwards_1"]][4] == 2


def test_chain_grows_by_the_half_that_came_later(stages, story):
    """The first half keeps its id, and gets the last one's status."""
    people = story.people
    assert bookings(stages.first)[people["forwards_1"]][0] == people["forwards_1"]
    assert bookings(stages.first)[people["forwards_1"]][4] == 0
    assert bookings(stages.second)[people["forwards_1"]][0] == people["forwards_3"]
    assert bookings(stages.second)[people["forwards_1"]][3] == "scheduled"
    assert bookings(stages.third)[people["forwards_1"]][3] == "held"


def test_changed_documents_replace_what_was_parsed(stages, story):
    """A cancellation and a mark that was taken off count; of a group one left and one stays."""
    changes = {
        name: (bookings(stages.first)[story.people[name]][3], bookings(stages.second)[story.people[name]][3])
        for name in ("canceled", "unmarked", "in_group", "left_group")
    }
    assert changes == {
        "canceled": ("scheduled", "canceled"),
        "unmarked": ("no_show", "held"),
        "in_group": ("scheduled", "scheduled"),
        "left_group": ("scheduled", "canceled"),
    }


def test_what_vanished_from_the_raw_tables_vanishes(stages, story):
    """An invitee who had to be forgotten is in no table."""
    vanished = story.people["vanished"]
    assert vanished in bookings(stages.first)
    mentions = [name for name, rows in stages.second.items() if any(vanished in row for row in rows)]
    assert mentions == []


def test_variables_and_seeds_alone_change_what_depends_on_them(stages, story):
    """With nothing loaded, time passes, days are New York's, and the channel map has another row."""
    second, third = bookings(stages.second), bookings(stages.third)
    still, backwards, canceled = (story.people[name] for name in ("still_to_come", "backwards_1", "canceled"))
    assert (second[still][3], third[still][3]) == ("scheduled", "held")
    assert [str(second[backwards][2]), str(third[backwards][2])] == ["2026-03-01", "2026-02-28"]
    assert (second[canceled][1], third[canceled][1]) == ("tv", "radio")
    assert (second[backwards][1], third[backwards][1]) == ("tv", "tv")


def test_a_build_parses_only_what_is_new(stages):
    """What an earlier build has parsed is not parsed again where nothing came."""
    assert stages.parsed_again == 0
