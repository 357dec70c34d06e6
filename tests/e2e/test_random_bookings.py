"""Many small random Calendly organizations go through files, loader and models, and each mart is compared by hand.

The warehouse is built three times: from what is known first; from what came later, with a channel map, a time zone and
a "now" that changed meanwhile; and once more from the beginning.
"""

import csv
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import chain
from pathlib import Path

import bookings_by_hand as by_hand
import duckdb
import pytest
from booking_worlds import API_KINDS, FIRST_MOMENT, LATER_MOMENT, Seen, drawn_worlds, seen
from support import ship_seeds

ROUNDS = 40

MARTS = (
    *("event_type_dim", "scheduled_events_fact", "webhook_invitee_fact", "bookings_fact"),
    *("daily_calls_booked_by_source", "booking_trends", "booking_volume_by_time_slot", "employee_meeting_load"),
)
SEED_HEADERS = {
    "channel_aliases": ("source", "source_channel", "channel"),
    "event_type_channels": ("event_type_uri", "event_type_name", "channel", "campaign", "valid_from", "valid_to"),
    "hosts": ("host_email", "host_label", "team"),
}
LINEAGE = "_source_file varchar, _source_line bigint, _source_modified_at timestamp, _loaded_at timestamp"
EXPORT_COLUMNS = {
    **dict.fromkeys(
        ("invitee_uri", "scheduled_event_uri", "event_type_name", "user_name", "user_email", "invitee_email"), "varchar"
    ),
    **dict.fromkeys(("start_at", "end_at", "created_at"), "timestamp"),
    **dict.fromkeys(("is_canceled", "is_no_show"), "boolean"),
}


@dataclass
class Built:
    """A copy of the warehouse after a build, and what it was built from."""

    path: Path
    worlds: list[Seen]
    is_later: bool

    @property
    def moment(self) -> by_hand.Moment:
        """When and where the marts were looked at."""
        return LATER_MOMENT if self.is_later else FIRST_MOMENT

    @cached_property
    def organizations(self) -> list[by_hand.Organization]:
        """The worlds, each worked out without the others."""
        return [by_hand.Organization(world.sources(is_later=self.is_later)) for world in self.worlds]

    @cached_property
    def bookings(self) -> list[by_hand.Booking]:
        """The bookings of all worlds."""
        return [booking for organization in self.organizations for booking in organization.bookings(self.moment)]

    def rows(self, query: str) -> list[tuple]:
        """What the warehouse answers."""
        with duckdb.connect(self.path, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def assert_same(self, query: str, expected: Iterable[tuple]) -> None:
        """The query gives exactly the expected rows, each as often; a failure shows the smallest world that differs."""
        found, wanted = Counter(self.rows(query)), Counter(expected)
        missing, surplus = wanted - found, found - wanted
        if missing or surplus:
            parts = [query, f"{len(missing)} rows are missing", f"{len(surplus)} rows should not be there"]
            differing = [world for world in self.worlds if any(map(world.is_told_of, chain(missing, surplus)))]
            if differing:
                smallest = min(differing, key=lambda world: len(str(world)))
                parts += [f"{len(differing)} worlds differ; one of them, what is missing:"]
                parts += [*filter(smallest.is_told_of, missing), "what should not be there:"]
                parts += [*filter(smallest.is_told_of, surplus), "how it was drawn:", smallest.world]
                parts += ["what is known of it:", smallest.sources(is_later=self.is_later)]
            else:
                parts += ["missing:", *list(missing)[:10], "should not be there:", *list(surplus)[:10]]
            pytest.fail("\n".join(map(str, parts)))


# --- Writing what the sources hold --------------------------------------------------------------------------


def write_deliveries(folder: Path, worlds: list[Seen], step: int) -> None:
    """Spreads the deliveries of a step over files; the second step lengthens one of those of the first."""
    folder.mkdir(exist_ok=True)
    (folder / "deep").mkdir(exist_ok=True)
    files = {1: ("grows.jsonl", "deep/other.ndjson"), 2: ("grows.jsonl", "later.jsonl")}[step]
    texts = defaultdict(list)
    for number, post in enumerate(chain.from_iterable(reversed(world.posted) for world in worlds)):
        if post.step == step:
            is_pretty = post.spelling == 2 and post.wait is None
            texts[f"pretty_{step}.json" if is_pretty else files[number % 2]].append(post.text)
    others = [
        {"event": "contact.created", "created_at": "2026-01-01T00:00:00Z", "created_by": None, "payload": {}},
        {"event": "routing_form_submission.created", "created_at": "2026-01-01T00:00:00Z", "payload": {"uri": "x"}},
    ]
    texts[files[0]] += [json.dumps(other) for other in others]
    for name, lines in texts.items():
        with (folder / name).open("a", encoding="utf-8") as handle:
            handle.writelines(f"{line}\n" for line in lines)


def write_seeds(folder: Path, worlds: list[Seen], *, is_later: bool) -> None:
    """Writes the company's seeds, with names of another source that must not be taken for Calendly's."""
    ship_seeds(folder)
    rows = defaultdict(list)
    for world in worlds:
        rows["channel_aliases"] += [("calendly", *names) for names in world.aliases.items()]
        rows["channel_aliases"] += [("crm", f"{world.mark}facebook", f"{world.mark}Webinar")]
        rows["event_type_channels"] += [
            tuple(getattr(period, name) for name in SEED_HEADERS["event_type_channels"])
            for period in world.periods[is_later]
        ]
        rows["hosts"] += [(email, label, None) for email, label in world.labels.items()]
    for name, header in SEED_HEADERS.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(header)
            writer.writerows(rows[name])


def land_documents(warehouse: Path, worlds: list[Seen], step: int) -> None:
    """Puts into the warehouse what API and export give in a step, as their loaders do: an unchanged row keeps all."""
    with duckdb.connect(warehouse) as connection:
        for kind in API_KINDS:
            documents = chain.from_iterable(world.reads[step - 1].get(kind, []) for world in worlds)
            rows = ((document["uri"], json.dumps(document)) for document in documents)
            _merge(connection, f"raw_calendly.{kind}", {"uri": "varchar", "document": "json"}, rows, step)
        exported = [row for world in worlds for row, exported_in in world.exported if exported_in == step]
        rows = (tuple(row[name] for name in EXPORT_COLUMNS) for row in exported)
        _merge(connection, "raw_calendly_export.invitees", EXPORT_COLUMNS, rows, step)


def _merge(
    connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], rows: Iterator[tuple], step: int
) -> None:
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    connection.execute(f"create schema if not exists {table.split('.')[0]}")
    connection.execute(f"create table if not exists {table} ({declared}, {LINEAGE})")
    connection.execute(f"create or replace temp table come ({declared})")
    if rows := list(rows):
        connection.executemany(f"insert into come values ({', '.join('?' * len(columns))})", rows)
    key, names = next(iter(columns)), ", ".join(columns)
    connection.execute(f"delete from come where ({names}) in (select ({names}) from {table})")
    connection.execute(f"delete from {table} where {key} in (select {key} from come)")
    # Two loads never bear the same time, though the clocks may be a microsecond apart.
    loaded_at = f"2026-01-01 00:00:00.00000{step}"
    connection.execute(
        f"insert into {table} ({names}, _source_file, _source_line, _source_modified_at, _loaded_at)"
        f" select {names}, 'test', 1, timestamp '{loaded_at}', timestamp '{loaded_at}' from come"
    )


# --- Building -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(folder: Path, command: Callable[..., str]) -> Built:
    """All worlds side by side in one warehouse."""
    return loaded_and_built(
        folder, command, [seen(world, number) for number, world in enumerate(drawn_worlds(ROUNDS))], is_later=False
    )


@pytest.fixture(scope="module")
def second(folder: Path, command: Callable[..., str], first: Built) -> Built:
    """The same warehouse after more was loaded; a file was lengthened, and the map, the zone and "now" changed."""
    return loaded_and_built(folder, command, first.worlds, is_later=True)


@pytest.fixture(scope="module")
def refreshed(folder: Path, command: Callable[..., str], second: Built) -> Built:
    """The same once more, built from the beginning."""
    build(folder, command, second, "run", "--full-refresh")
    return Built(shutil.copy(folder / "worlds.duckdb", folder / "refreshed.duckdb"), second.worlds, is_later=True)


@pytest.fixture(params=["first", "second"])
def built(request: pytest.FixtureRequest) -> Built:
    """The warehouse after the first and after the second build."""
    return request.getfixturevalue(request.param)


def loaded_and_built(folder: Path, command: Callable[..., str], worlds: list[Seen], *, is_later: bool) -> Built:
    """Writes the files, loads and builds, and keeps a copy of the warehouse as it is then."""
    warehouse = folder / "worlds.duckdb"
    write_deliveries(folder / "deliveries", worlds, 1 + is_later)
    write_seeds(folder / "seeds", worlds, is_later=is_later)
    command(
        *("throughline", "load", "calendly_webhooks"),
        THROUGHLINE_WAREHOUSE=warehouse,
        SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL=folder / "deliveries",
    )
    land_documents(warehouse, worlds, 1 + is_later)
    built = Built(folder / f"built_{1 + is_later}.duckdb", worlds, is_later)
    build(folder, command, built, "build", "--exclude-resource-type", "unit_test")
    shutil.copy(warehouse, built.path)
    return built


def build(folder: Path, command: Callable[..., str], built: Built, *words: str) -> None:
    """Builds the bookings marts and what they need."""
    variables = {"as_of": f"{built.moment.as_of.isoformat()}Z", "reporting_timezone": str(built.moment.zone)}
    command(
        *("dbt", *words, "--vars", json.dumps(variables), "--select", *(f"+{name}" for name in MARTS)),
        THROUGHLINE_WAREHOUSE=folder / "worlds.duckdb",
        THROUGHLINE_SEEDS=folder / "seeds",
    )


# --- The tests ----------------------------------------------------------------------------------------------

BOOKINGS_FACT = (
    "select booking_id, last_invitee_uri, event_type_uri, event_type_name, channel, campaign, booked_at, booked_date,"
    " booked_month_start_date, status, reschedule_count, meeting_start_at, meeting_end_at,"
    " cast(round(lead_time_hours * 3600) as bigint), scheduled_event_uri, source from marts.bookings_fact"
)


def cases_of(world: Seen, organization: by_hand.Organization, moment: by_hand.Moment) -> set[object]:
    """The cases that one world shows at one of the two moments."""
    cases = defaultdict(bool)
    invitees, bookings = organization.invitees, organization.bookings(moment)
    followers = Counter(organization.predecessors.values())
    between = set(followers) & organization.predecessors.keys()
    cases["unknown link between"] = any(link not in invitees for link in between)
    cases["fork"] = any(count > 1 for count in followers.values())
    for booking in bookings:
        first, last = booking.booking_id, booking.last_invitee_uri
        cases |= {booking.status: True, booking.source: True, f"{min(booking.reschedule_count, 3)} moves": True}
        cases["unknown first link"] |= first not in invitees
        cases["unknown last link"] |= last not in invitees
        cases["loop"] |= first in organization.predecessors
        cases["no date"] |= booking.booked_at is None
        cases["no event"] |= booking.event.start_at is None
        cases["unmapped"] |= booking.channel == by_hand.UNMAPPED
        cases["alias"] |= booking.channel in world.aliases.values()
        cases["mapped by name"] |= booking.event_type_uri is None and booking.channel != by_hand.UNMAPPED
        if booking.event.start_at:
            cases["begins", booking.event.start_at - moment.as_of] = True
        for period in world.periods[moment is LATER_MOMENT]:
            for name in ("valid_from", "valid_to"):
                if (at := getattr(period, name)) and booking.booked_at and period.event_type_uri:
                    is_its_type = period.event_type_uri == booking.event_type_uri
                    cases[name, booking.booked_at - at] |= is_its_type
    meetings = organization.meetings(moment)
    seats = Counter(booking.event.uri for booking in bookings if booking.status != "canceled")
    cases["several bookings of a meeting"] = any(count > 1 for count in seats.values())
    cases["meeting of several hosts"] = any(count > 1 for count in Counter(one.event_uri for one in meetings).values())
    cases["invitee canceled, meeting stands"] = any(
        booking.status == "canceled" and booking.event.status == "active" for booking in bookings
    )
    documents = organization.sources.deliveries
    texts = Counter(json.dumps(document, sort_keys=True) for document in documents)
    cases["delivered twice"] = any(count > 1 for count in texts.values())
    receipts = defaultdict(set)
    for body, received_at in organization.sources.receipts:
        receipts[body].add(received_at)
    cases["received twice"] = any(len(instants - {None}) > 1 for instants in receipts.values())
    cases["received and bare"] = any(len(instants) > 1 and None in instants for instants in receipts.values())
    about = Counter((one["event"], one["payload"]["uri"]) for one in map(json.loads, texts))
    cases["sent again"] = any(count > 1 for count in about.values())
    payloads = [document["payload"] for document in documents]
    cases["canceled, by the old key alone"] = any(one.get("canceled") and "status" not in one for one in payloads)
    for uri, said in organization.said.items():
        last = [one for one in said if one.updated_at == max(other.updated_at for other in said)]
        if not invitees[uri].is_rescheduled:
            cases["canceled and not, at one update"] |= len({one.is_canceled for one in last}) > 1
            is_mark_unsure = len({one.is_marked for one in last}) > 1 and not invitees[uri].is_canceled
            cases["marked and not, at one update"] |= is_mark_unsure
            cases["mark taken back, at one update"] |= is_mark_unsure and not invitees[uri].is_no_show
    return {case for case, is_shown in cases.items() if is_shown}


def test_worlds_stand_on_the_edges_of_the_rules(first, second):
    """None of the cases for which the worlds are drawn is missing, lest agreement mean nothing."""
    seen_cases = Counter()
    for built in (first, second):
        for world, organization in zip(built.worlds, built.organizations, strict=True):
            seen_cases.update(cases_of(world, organization, built.moment))
    for before, after in zip(first.organizations, second.organizations, strict=True):
        old, new = (
            {one.booking_id: one for one in organization.bookings(built.moment)}
            for organization, built in ((before, first), (after, second))
        )
        seen_cases["the first half came later"] += any(key in after.predecessors for key in old.keys() - new.keys())
        seen_cases["the second half came later"] += any(
            old[key].reschedule_count < new[key].reschedule_count for key in old.keys() & new.keys()
        )
        seen_cases["an earlier receipt came later"] += any(
            received_at != after.sources.first_receipts[body]
            for body, received_at in before.sources.first_receipts.items()
        )
        seen_cases["known from elsewhere later"] += any(
            old[key].source != new[key].source for key in old.keys() & new.keys()
        )
    for built in (first, second):
        last = max(booking.booked_at for booking in built.bookings if booking.booked_at)
        seen_cases["bookings after now" if last > built.moment.as_of else "no booking after now"] += 1
    instant, none = timedelta(microseconds=1), timedelta(0)
    cases = [
        *("scheduled", "held", "no_show", "canceled", "0 moves", "1 moves", "2 moves", "3 moves"),
        *("api", "webhook", "export", "api+webhook", "api+export", "webhook+export", "api+webhook+export"),
        *("fork", "loop", "unknown first link", "unknown link between", "unknown last link", "no date", "no event"),
        *("unmapped", "alias", "mapped by name", ("begins", none), ("begins", instant), ("begins", -instant)),
        *((name, offset) for name in ("valid_from", "valid_to") for offset in (none, instant, -instant)),
        *("several bookings of a meeting", "meeting of several hosts", "invitee canceled, meeting stands"),
        *("canceled, by the old key alone", "delivered twice", "sent again", "received twice", "received and bare"),
        *("canceled and not, at one update", "marked and not, at one update", "mark taken back, at one update"),
        *("the first half came later", "the second half came later", "known from elsewhere later"),
        "an earlier receipt came later",
        *("bookings after now", "no booking after now"),
    ]
    assert {case for case in cases if not seen_cases[case]} == set()


def test_bookings_fact(built):
    """Chains of any shape, each with its channel, dates, status and sources."""
    built.assert_same(BOOKINGS_FACT, by_hand.bookings_fact(built.bookings, built.moment))


def test_daily_calls_booked_by_source(built):
    """Every booking on its date in the reporting time zone, in its channel."""
    built.assert_same(
        "select booked_date, channel, bookings from marts.daily_calls_booked_by_source",
        ((*key, count) for key, count in by_hand.daily_calls(built.bookings, built.moment).items()),
    )


def test_booking_trends(built):
    """Every date from the first booking on, with the average of the days up to it, and the running total."""
    built.assert_same(
        "select booked_date, bookings, round(bookings_7d_avg, 9), bookings_cumulative from marts.booking_trends",
        (
            (day, count, round(float(average), 9), running)
            for day, count, average, running in by_hand.trends(built.bookings, built.moment)
        ),
    )


def test_booking_volume_by_time_slot(built):
    """Weekday and hour of booking and meeting on the clocks of the reporting time zone, also when these change."""
    built.assert_same(
        "select basis, iso_day_of_week, hour_of_day, channel, bookings from marts.booking_volume_by_time_slot"
        " where bookings > 0",
        ((*key, count) for key, count in by_hand.time_slots(built.bookings, built.moment).items()),
    )


def test_employee_meeting_load(built):
    """Each host's calendar weeks with every meeting once, and the weeks without one."""
    meetings = [one for organization in built.organizations for one in organization.meetings(built.moment)]
    labels = {email: label for world in built.worlds for email, label in world.labels.items()}
    built.assert_same(
        "select host_email, host_label, week_start_date, meetings, round(meeting_minutes, 6)"
        " from marts.employee_meeting_load",
        (
            (*others, round(float(minutes), 6))
            for *others, minutes in by_hand.meeting_load(meetings, labels, built.moment)
        ),
    )


def test_scheduled_events_fact(built):
    """Each scheduled event once, in the channel of its type when it was made, with what changed last."""
    built.assert_same(
        "select scheduled_event_uri, event_type_uri, channel, campaign, status, is_active, created_at, start_at,"
        " end_at, start_date, round(duration_minutes, 6), host_count from marts.scheduled_events_fact",
        (
            (*others, round(float(minutes), 6), hosts)
            for organization in built.organizations
            for *others, minutes, hosts in by_hand.scheduled_events_fact(organization, built.moment)
        ),
    )


def test_webhook_invitee_fact(built):
    """Each delivery about an invitee once, however often and in whatever layout it came, with when it first did."""
    built.assert_same(
        "select invitee_uri, scheduled_event_uri, webhook_event, invitee_name, invitee_email,"
        " real_time_ingestion_timestamp, real_time_ingestion_date, delivered_at, received_at, delivery_lag_seconds,"
        " channel, campaign from marts.webhook_invitee_fact",
        chain.from_iterable(by_hand.webhook_invitee_fact(one, built.moment) for one in built.organizations),
    )


def test_incremental_build_equals_full_refresh(second, refreshed):
    """Building on what is there gives the same tables as building from the beginning."""
    names = [
        f"{schema}.{name}"
        for schema, name in second.rows(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('intermediate', 'marts') and table_type = 'BASE TABLE'"
        )
    ]
    assert {f"marts.{name}" for name in MARTS} <= set(names)
    for name in names:
        query = f"select * from {name} order by all"
        assert second.rows(query) == refreshed.rows(query), name
