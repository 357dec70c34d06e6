"""Calendly's API, simulated: what is read when, what each fault does, who sees the token, and how fast it is asked."""

import json
from collections import Counter, deque
from datetime import timedelta
from itertools import product
from random import Random

import calendly_organization as acme
import duckdb
import pytest
import requests
from api_loading import merge_by_dlt, merge_by_sql
from calendly_organization import API, NOW, ORGANIZATION, invitee, iso, organization, scheduled_event, spread
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from support import query

from ingestion import calendly, rest
from ingestion.declarations import OUTCOMES
from ingestion.demo.calendly_history import CalendlyHistory
from ingestion.demo.calendly_simulator import TOKEN, CalendlySimulator
from ingestion.demo.simulator import DROPPED, HTML, Fault, serving
from ingestion.demo.simulators import simulated
from ingestion.errors import ThroughlineError
from ingestion.landing import Landing

TABLES = [table.name for table in calendly.TABLES]
DAY = timedelta(days=1)


@pytest.fixture
def simulator():
    """Be Calendly with an organization of sixty meetings, every ten days from 400 days ago to 190 days ahead."""
    return CalendlySimulator(spread(60, step=10), requests_per_minute=100_000)


@pytest.fixture
def load(simulator, serve, warehouse, monkeypatch):
    """Be a function that loads at some time after noon of 2026-06-30, retries without waiting, and lands at once."""
    monkeypatch.setattr(rest, "BACK_OFF_SECONDS", (0.0,) * 4)
    monkeypatch.setattr(Landing, "_merge", merge_by_sql)
    monkeypatch.setenv("SOURCES__CALENDLY__BASE_URL", serve(simulator))
    monkeypatch.setenv("SOURCES__CALENDLY__API_TOKEN", TOKEN)

    def load_now(later=timedelta(), *, backfill=False):
        monkeypatch.setenv("THROUGHLINE_NOW", (NOW + later).isoformat())
        simulator.asked.clear()
        calendly.load(warehouse, backfill=backfill)

    return load_now


@pytest.fixture
def by_dlt(load, monkeypatch):
    """Let rows land as those of a user do, for tests of what then stands in the warehouse."""
    monkeypatch.setattr(Landing, "_merge", merge_by_dlt)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Be a warehouse into which the simulator's organization was loaded at noon."""
    warehouse = tmp_path_factory.mktemp("loaded") / "w.duckdb"
    simulator = CalendlySimulator(spread(60, step=10), requests_per_minute=100_000)
    with serving(simulator) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCES__CALENDLY__BASE_URL", url)
        patch.setenv("SOURCES__CALENDLY__API_TOKEN", TOKEN)
        patch.setenv("THROUGHLINE_NOW", NOW.isoformat())
        calendly.load(warehouse)
    return warehouse


def rows(warehouse, columns="*"):
    """Return all raw tables' rows."""
    return {name: query(warehouse, f"select {columns} from raw_calendly.{name} order by uri") for name in TABLES}


def uris(documents):
    """Return the URIs of documents, sorted."""
    return sorted(document["uri"] for document in documents)


def landed(warehouse, table):
    """Return the documents of a table by their URIs."""
    return {uri: json.loads(text) for uri, text in query(warehouse, f"select uri, document from raw_calendly.{table}")}


def listing(simulator):
    """Return the query of the first request for scheduled events."""
    return simulator.asked_for("^/scheduled_events$")[0].query


def asked_invitees(simulator):
    """Return the names of the scheduled events whose invitees were asked for."""
    return sorted(asked.path.split("/")[2] for asked in simulator.asked_for("/invitees$"))


# What is read


@pytest.mark.usefixtures("by_dlt")
def test_everything_lands_as_it_came(simulator, load, warehouse):
    """Documents keep all they have, in every language, and submissions of every form are there."""
    load()
    for table in calendly.TABLES:
        expected = {document["uri"]: document for document in simulator.organization[table.name]}
        assert landed(warehouse, table.name) == expected
    (text,) = query(warehouse, "select document from raw_calendly.invitees limit 1")[0]
    assert text == json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    outcomes = " + ".join(f"records_{outcome}" for outcome in OUTCOMES)
    notes = "select entity, records_read, file_version from raw_meta.loads where source = 'calendly'"
    assert query(warehouse, f"{notes} and records_read != {outcomes}") == []
    assert sorted(query(warehouse, notes)) == sorted(
        (name, len(simulator.organization[name]), ORGANIZATION) for name in TABLES
    )


def test_the_first_load_reads_all_history_and_the_future(simulator, load):
    """It names no earliest start, no latest start and no status, and asks for each meeting's invitees once."""
    load()
    assert listing(simulator) == {"organization": ORGANIZATION, "sort": "start_time:asc", "count": "100"}
    assert Counter(asked_invitees(simulator)) == Counter(f"e{n}" for n in range(60))


@pytest.mark.usefixtures("by_dlt")
def test_loading_twice_changes_nothing(simulator, load, warehouse):
    """No column of any raw table differs after a second load, nor after a backfill."""
    load()
    before = rows(warehouse)
    load(DAY)
    load(2 * DAY, backfill=True)
    assert rows(warehouse) == before
    later = f"from raw_meta.loads where started_at > timestamp '{NOW:%Y-%m-%d %H:%M}'"
    assert query(warehouse, f"select sum(records_new + records_changed), sum(records_unchanged) > 0 {later}") == [
        (0, True)
    ]


def test_a_later_load_asks_only_for_what_may_have_changed(simulator, reload):
    """It lists from thirty days ago to the open future, and reads the invitees of the meetings that ended since."""
    reload()
    assert listing(simulator) == {
        "organization": ORGANIZATION,
        "sort": "start_time:asc",
        "count": "100",
        "min_start_time": iso(NOW - 30 * DAY),
    }
    # The meetings of 30, 20 and 10 days ago; that of today is to begin.
    assert asked_invitees(simulator) == ["e37", "e38", "e39"]


def test_a_backfill_reads_all_again(simulator, reload):
    """It lists from the beginning and reads all invitees, whatever is known."""
    reload(backfill=True)
    assert "min_start_time" not in listing(simulator)
    assert len(asked_invitees(simulator)) == 60


def test_the_listing_starts_where_no_shows_are_looked_for(simulator, reload, monkeypatch):
    """A no_show_lookback_days longer than lookback_days starts it earlier; a shorter one reads fewer invitees."""
    monkeypatch.setenv("SOURCES__CALENDLY__LOOKBACK_DAYS", "5")
    monkeypatch.setenv("SOURCES__CALENDLY__NO_SHOW_LOOKBACK_DAYS", "45")
    reload()
    assert listing(simulator)["min_start_time"] == iso(NOW - 45 * DAY)
    assert asked_invitees(simulator) == ["e36", "e37", "e38", "e39"]
    monkeypatch.setenv("SOURCES__CALENDLY__LOOKBACK_DAYS", "60")
    monkeypatch.setenv("SOURCES__CALENDLY__NO_SHOW_LOOKBACK_DAYS", "15")
    reload()
    assert listing(simulator)["min_start_time"] == iso(NOW - 60 * DAY)
    assert asked_invitees(simulator) == ["e39"]


def test_a_gap_between_loads_is_read_over(simulator, reload, warehouse):
    """After a hundred days without a load, what happened in them is read, and what was 30 days old before them."""
    organization = simulator.organization
    gone_by = [
        invitee | {"no_show": {"uri": f"{API}/invitee_no_shows/1", "created_at": iso(NOW)}}
        if invitee["event"].endswith("/e38")
        else invitee
        for invitee in organization["invitees"]
    ]
    simulator.organization = organization | {"invitees": gone_by}
    reload(100 * DAY)
    assert listing(simulator)["min_start_time"] == iso(NOW - 30 * DAY)
    assert landed(warehouse, "invitees")[f"{API}/scheduled_events/e38/invitees/i"]["no_show"]
    # The gap is closed: the next load looks back from its own time.
    reload(101 * DAY)
    assert listing(simulator)["min_start_time"] == iso(NOW + 71 * DAY)


@pytest.mark.parametrize(
    "change",
    [
        {"updated_at": iso(NOW)},
        {"invitees_counter": {"total": 2, "active": 2, "limit": 5}},
        {"invitees_counter": {"total": 1, "active": 0, "limit": 1}},
    ],
)
def test_invitees_of_a_changed_meeting_are_read_again(simulator, reload, warehouse, change):
    """A later change or another count of invitees is enough, also for a meeting that is far ahead."""
    events = [
        event | change if event["uri"].endswith("/e55") else event
        for event in simulator.organization["scheduled_events"]
    ]
    more = [*simulator.organization["invitees"], invitee(events[55], "second")]
    simulator.organization = simulator.organization | {"scheduled_events": events, "invitees": more}
    reload()
    assert asked_invitees(simulator) == ["e37", "e38", "e39", "e55"]
    assert f"{API}/scheduled_events/e55/invitees/second" in landed(warehouse, "invitees")
    reload()
    assert asked_invitees(simulator) == ["e37", "e38", "e39"]


def test_a_no_show_is_seen_though_the_meeting_did_not_change(simulator, reload, warehouse):
    """A mark that is set a week after the meeting arrives with the next load."""
    invitees = simulator.organization["invitees"]
    marked = invitees[39] | {"no_show": {"uri": f"{API}/invitee_no_shows/1", "created_at": iso(NOW)}}
    simulator.organization = simulator.organization | {"invitees": [*invitees[:39], marked, *invitees[40:]]}
    reload(DAY)
    assert landed(warehouse, "invitees")[marked["uri"]] == marked
    changed = "select entity, records_changed from raw_meta.loads where records_changed > 0"
    assert query(warehouse, changed) == [("invitees", 1)]


def test_loads_from_time_to_time_know_what_one_load_at_the_end_knows(simulator, load, warehouse):
    """Whatever is booked, moved, called off, missed and forgiven between loads, the last one has it all."""
    chance = Random(1)
    history = CalendlyHistory(1)
    at = NOW
    hosts = [history.add_host(f"Host {n}", f"host{n}@example.com", at) for n in range(3)]
    kinds = [
        history.add_event_type("Demo", hosts, at, pooling="round_robin"),
        history.add_event_type("Workshop", hosts, at, pooling="collective"),
        history.add_event_type("Webinar", hosts[:1], at, seats=5),
    ]
    meets_at = {}
    for number in range(120):
        at += timedelta(hours=chance.randrange(1, 48))
        documents = {document["uri"]: document for document in history.organization()["invitees"]}
        active = [uri for uri, document in documents.items() if document["status"] == "active"]
        ahead = [uri for uri in active if meets_at[uri] > at]
        over = [uri for uri in active if at - 10 * DAY < meets_at[uri] < at - DAY / 2]
        deed = (
            "load"
            if number % 15 == 14
            else chance.choice(["book", "book", "book", "cancel", "move", "mark", "forgive"])
        )
        start_at = (at + chance.randrange(1, 15) * DAY).replace(hour=10, minute=0)
        marked = [uri for uri in over if documents[uri]["no_show"]]
        unmarked = [uri for uri in over if not documents[uri]["no_show"]]
        if deed == "book":
            uri = history.book(chance.choice(kinds), at, start_at, name="Guest", email=f"guest{number}@example.com")
            meets_at[uri] = start_at
        elif deed == "cancel" and ahead:
            history.cancel(chance.choice(ahead), at)
        elif deed == "move" and ahead:
            meets_at[history.reschedule(chance.choice(ahead), at, start_at)] = start_at
        elif deed == "mark" and unmarked:
            history.mark_no_show(chance.choice(unmarked), at)
        elif deed == "forgive" and marked:
            history.unmark_no_show(chance.choice(marked), at)
        elif deed == "load":
            simulator.organization = history.organization()
            load(at - NOW)
    simulator.organization = history.organization()
    load(at - NOW)
    for name in ("scheduled_events", "invitees"):
        assert landed(warehouse, name) == {document["uri"]: document for document in simulator.organization[name]}
    # What makes this hard has happened, and the loads between did not read everything each time.
    invitees = simulator.organization["invitees"]
    assert any(invitee["old_invitee"] for invitee in invitees)
    assert any(invitee["no_show"] for invitee in invitees)
    assert len(asked_invitees(simulator)) < len(simulator.organization["scheduled_events"]) / 2


@pytest.mark.parametrize("end", [{"end_time": None}, {"end_time": "soon"}, {"end_time": "2026-06-25T10:00:00"}])
def test_a_meeting_without_a_readable_end_is_read_each_time(simulator, load, end):
    """Nobody knows whether it is over."""
    simulator.organization = organization([scheduled_event("far", NOW + 90 * DAY) | end])
    load()
    load()
    assert asked_invitees(simulator) == ["far"]


@pytest.mark.usefixtures("by_dlt")
def test_what_the_api_no_longer_has_stays(simulator, reload, warehouse):
    """Absence means neither cancellation nor deletion: every table keeps the rows that disappeared."""
    before = rows(warehouse)
    everything = simulator.organization
    simulator.organization = {"users_me": everything["users_me"]}
    reload(DAY, backfill=True)
    assert rows(warehouse) == before


def test_a_meeting_that_is_erased_while_it_is_read_keeps_its_invitees(simulator, reload, warehouse, capsys):
    """A 404 on a meeting's invitees is a notice; the rows stay, and the other meetings are read."""
    before = landed(warehouse, "invitees")
    simulator.fail("/e3[89]/invitees", *[Fault(404, '{"title":"Resource Not Found"}')] * 2)
    capsys.readouterr()
    reload(DAY)
    assert "calendly: scheduled events erased meanwhile (404): 2;" in capsys.readouterr().err
    assert landed(warehouse, "invitees") == before
    assert asked_invitees(simulator) == ["e38", "e39", "e40"]


@pytest.mark.usefixtures("by_dlt")
def test_an_organization_without_anything_is_loaded(simulator, load, warehouse):
    """That there was nothing is noted, and is a first load."""
    simulator.organization = {"users_me": acme.user()}
    load()
    assert query(warehouse, "select count(*), sum(records_read) from raw_meta.loads where entity is not null") == [
        (6, 0)
    ]
    load(DAY)
    assert "min_start_time" in listing(simulator)


def test_each_organization_has_a_first_load_of_its_own(simulator, reload, warehouse):
    """A token of another organization reads that one's whole history into the same warehouse."""
    other = f"{API}/organizations/other"
    simulator.organization = organization([scheduled_event("other", NOW - 300 * DAY)]) | {
        "users_me": acme.user() | {"current_organization": other}
    }
    reload(DAY)
    assert "min_start_time" not in listing(simulator)
    assert len(landed(warehouse, "scheduled_events")) == 61


@pytest.mark.parametrize("table", ["scheduled_events", "invitees"])
@pytest.mark.usefixtures("by_dlt")
@pytest.mark.parametrize("deed", ["drop table", "delete from"])
def test_a_table_that_lost_its_rows_is_filled_again(simulator, reload, warehouse, table, deed):
    """A note of a load is believed only while its rows are there."""
    before = rows(warehouse, "uri, document")
    with duckdb.connect(warehouse) as connection:
        connection.execute(f"{deed} raw_calendly.{table}")
    reload(DAY)
    assert rows(warehouse, "uri, document") == before


def test_a_group_event_with_many_invitees_is_read_page_by_page(simulator, load, warehouse):
    """The 250 invitees of one meeting are 250 rows."""
    event = scheduled_event("webinar", NOW - DAY, invitees=250)
    simulator.organization = organization([event], [invitee(event, f"i{n}") for n in range(250)])
    load()
    assert len(asked_invitees(simulator)) == 3
    assert len(landed(warehouse, "invitees")) == 250


def test_a_row_that_moves_while_somebody_pages_is_read_once(simulator, load, warehouse):
    """A meeting that comes in before the page shifts the next one: what is repeated then lands as it was last."""
    events = spread(150, step=1)["scheduled_events"]
    simulator.organization = organization(events)
    changed = events[99] | {"status": "canceled", "updated_at": iso(NOW)}

    def insert(asked):
        if asked.path == "/scheduled_events" and "page_token" in asked.query:
            early = scheduled_event("early", NOW - 500 * DAY)
            simulator.organization = organization([early, *events[:99], changed, *events[100:]])

    simulator.before_answer = insert
    load()
    assert landed(warehouse, "scheduled_events") == {
        event["uri"]: event for event in [*events[:99], changed, *events[100:]]
    }
    repeated = (
        "select records_read, records_new, records_repeated from raw_meta.loads where entity = 'scheduled_events'"
    )
    assert query(warehouse, repeated) == [(151, 150, 1)]
    assert Counter(asked_invitees(simulator)) == Counter(f"e{n}" for n in range(150))
    simulator.before_answer = lambda _: None
    load(DAY, backfill=True)
    assert f"{API}/scheduled_events/early" in landed(warehouse, "scheduled_events")


def test_a_document_without_a_uri_is_rejected_with_its_place(simulator, reload, warehouse):
    """It costs itself and nothing else."""
    names = [{"uri": None, "name": "nameless"}, 7, simulator.organization["event_types"][0]]
    page = {"collection": names, "pagination": {"count": 3, "next_page": None}}
    simulator.fail("/event_types", Fault(200, json.dumps(page)))
    reload(DAY)
    rejected = query(warehouse, "select entity, source_file, source_line, reason from raw_calendly.rejected_records")
    assert sorted(rejected) == [("event_types", f"{API}/event_types", line, "has no uri") for line in (1, 2)]
    assert len(landed(warehouse, "event_types")) == 1


# What goes wrong


@pytest.mark.parametrize(
    "path", ["organization_memberships", "event_types", "groups", "routing_forms", "routing_form_submissions"]
)
def test_what_the_plan_lacks_is_passed_over(simulator, load, warehouse, capsys, path):
    """A 403 there is one notice, and the others are loaded."""
    simulator.lacking = (path,)
    load()
    notice = f"calendly: {path} cannot be read (403 Permission Denied: Please upgrade to a paid Calendly account)"
    assert capsys.readouterr().err.count(notice) == 1
    assert len(landed(warehouse, "scheduled_events")) == 60
    assert len(simulator.asked_for(path)) == 1


def test_a_form_that_is_deleted_meanwhile_does_not_stop_the_load(simulator, load, warehouse, capsys):
    """The submissions of the other form land."""
    simulator.fail("/routing_form_submissions", Fault(404, '{"title":"Resource Not Found"}'))
    load()
    assert "routing_form_submissions of a form cannot be read (404" in capsys.readouterr().err
    assert len(landed(warehouse, "routing_form_submissions")) == 1


def test_a_token_without_rights_is_told_what_it_needs(simulator, load, warehouse):
    """A 403 on the organization's scheduled events names the role, and nothing lands."""
    simulator.is_admin = False
    with pytest.raises(ThroughlineError, match=r"SOURCES__CALENDLY__API_TOKEN may not .* admin or owner"):
        load()
    assert_nothing_landed(warehouse)


@pytest.mark.parametrize("path", ["/users/me", "/groups", "/scheduled_events$", "/e30/invitees"])
def test_a_token_that_is_refused_stops_the_load(simulator, load, warehouse, path):
    """A 401, also in the middle, is not retried and names the setting."""
    simulator.fail(path, Fault(401, '{"title":"Unauthenticated","message":"The access token is invalid"}'))
    with pytest.raises(ThroughlineError, match=r"\(401\); set SOURCES__CALENDLY__API_TOKEN"):
        load()
    assert len(simulator.asked_for(path)) == 1
    assert_nothing_landed(warehouse)


@pytest.mark.usefixtures("by_dlt")
def test_nobody_ever_sees_the_token(simulator, load, warehouse, monkeypatch, capfd):
    """It stands in no message, no log and no file, whatever fails."""
    token = "top-secret-of-ours"
    monkeypatch.setenv("SOURCES__CALENDLY__API_TOKEN", token)
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
    said = []
    simulator.token = token
    load()
    for fault in (Fault(401, "{}"), Fault(400, '{"title":"Invalid Argument"}'), HTML, DROPPED):
        simulator.fail("/users/me", *[fault] * 5)
        with pytest.raises(ThroughlineError) as failure:
            load()
        said.append(str(failure.value))
    for broken in (f"{token}\n{token}", f"Bearer {token}", f"{token}é"):
        monkeypatch.setenv("SOURCES__CALENDLY__API_TOKEN", broken)
        with pytest.raises(ThroughlineError, match="SOURCES__CALENDLY__API_TOKEN holds more than a token") as failure:
            load()
        said.append(str(failure.value))
    assert token not in "".join([*said, *capfd.readouterr()])
    for path in warehouse.parent.rglob("*"):
        assert path.is_dir() or token.encode() not in path.read_bytes(), path


def assert_nothing_landed(warehouse):
    """Make sure that a warehouse has neither rows nor notes."""
    assert (
        not warehouse.exists()
        or query(warehouse, "select schema_name from duckdb_schemas() where schema_name like 'raw_%'") == []
    )
    assert [path.name for path in warehouse.parent.rglob("*") if path.is_file() and path.name != warehouse.name] == [
        "load.lock"
    ]


FAULTS = {
    "500": Fault(500),
    "503 in HTML": Fault(503, "<html>", {"content-type": "text/html"}),
    "HTML with 200": HTML,
    "HTML with 403": Fault(403, "<html>Forbidden by some firewall", {"content-type": "text/html"}),
    "HTML with 404": Fault(404, "<html>"),
    "an array": Fault(200, "[]"),
    "nothing": Fault(200, ""),
    "a dropped connection": DROPPED,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_is_retried_and_one_that_stays_is_a_sentence(simulator, fault):
    """Four bad answers and a good one are a good one, got at growing intervals; after five there is an end."""
    clock = Clock()
    simulator.fail("/users/me", *[FAULTS[fault]] * 9)
    with serving(simulator) as url:
        session, *_ = client(simulator, clock, url)
        with pytest.raises(
            ThroughlineError, match=r"^127\.0\.0\.1 gave no .* GET /users/me in 5 attempts, the last time"
        ):
            session.get(f"{url}/users/me")
        assert session.get(f"{url}/users/me").json() == {"resource": acme.user()}
    assert len(simulator.asked) == 10
    assert clock.waits == [1, 2, 4, 8] * 2


@pytest.mark.parametrize("path", ["/users/me", "/scheduled_events$", "/e30/invitees"])
def test_a_load_survives_faults_that_pass(simulator, load, warehouse, path):
    """Wherever they come, everything lands."""
    simulator.fail(path, FAULTS["500"], HTML, DROPPED, FAULTS["HTML with 404"])
    load()
    assert len(simulator.asked_for(path)) == 5
    assert uris(landed(warehouse, "invitees").values()) == uris(simulator.organization["invitees"])


def test_a_load_that_fails_lands_nothing_and_the_next_repairs_it(simulator, load, warehouse):
    """After five bad answers nothing is there, and after the next load all that an undisturbed one has."""
    simulator.fail("/e30/invitees", *[DROPPED] * 5)
    with pytest.raises(ThroughlineError, match="GET /scheduled_events/e30/invitees in 5 attempts"):
        load()
    assert_nothing_landed(warehouse)
    load()
    assert uris(landed(warehouse, "invitees").values()) == uris(simulator.organization["invitees"])


@pytest.mark.usefixtures("by_dlt")
def test_a_failed_later_load_leaves_all_as_it_was(simulator, reload, warehouse):
    """Neither rows nor notes, and what it would have read is read next time."""
    before = rows(warehouse), query(warehouse, "from raw_meta.loads")
    events = simulator.organization["scheduled_events"]
    new = [scheduled_event(f"new{n}", NOW + DAY) for n in range(3)]
    simulator.organization = organization([*events, *new])
    simulator.fail("/new1/invitees", *[Fault(500)] * 5)
    with pytest.raises(ThroughlineError):
        reload(DAY)
    assert (rows(warehouse), query(warehouse, "from raw_meta.loads")) == before
    reload(DAY)
    assert len(landed(warehouse, "invitees")) == 63


def test_nobody_there_is_a_sentence(simulator, load, warehouse, monkeypatch):
    """A refused connection is retried, then told with its reason and the place."""
    monkeypatch.setenv("SOURCES__CALENDLY__BASE_URL", "http://127.0.0.1:1")
    with pytest.raises(ThroughlineError, match=r"^127\.0\.0\.1 gave no usable answer to GET /users/me .*refused"):
        load()


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/users/me", {"resource": {}}, "names no organization"),
        ("/users/me", {"title": "Hello"}, "names no organization"),
        ("/scheduled_events$", {"title": "Oops"}, "answered with no list"),
        ("/scheduled_events$", {"collection": {}, "pagination": {}}, "answered with no list"),
        ("/scheduled_events$", {"collection": []}, "answered with no list"),
        ("/e30/invitees", {"message": "Try later"}, "answered with no list"),
        ("/groups", {"collection": [], "pagination": {"next_page": 7}}, "leads nowhere"),
    ],
)
def test_an_answer_of_another_shape_is_not_taken_for_data(simulator, load, warehouse, path, body, sentence):
    """An error's body with status 200, or half a list, is no empty list."""
    simulator.fail(path, Fault(200, json.dumps(body)))
    with pytest.raises(ThroughlineError, match=sentence):
        load()
    assert_nothing_landed(warehouse)


def test_pages_that_lead_in_a_circle_end(simulator, load):
    """A next page that was there before is refused."""
    again = json.dumps({"collection": [], "pagination": {"next_page": "/groups?again"}})
    simulator.fail("/groups", *[Fault(200, again)] * 9)
    with pytest.raises(ThroughlineError, match="leads nowhere"):
        load()


def test_any_other_refusal_says_what_calendly_says(simulator, load, warehouse):
    """A 400 is told with its words."""
    simulator.fail("/event_types", Fault(400, '{"title":"Invalid Argument","message":"Something is wrong."}'))
    with pytest.raises(ThroughlineError, match=r"/event_types with 400 Invalid Argument: Something is wrong\."):
        load()
    assert_nothing_landed(warehouse)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOOKBACK_DAYS", "a month"),
        ("LOOKBACK_DAYS", "-1"),
        ("NO_SHOW_LOOKBACK_DAYS", "1e9"),
        ("NO_SHOW_LOOKBACK_DAYS", "99999999999"),
        ("MAX_REQUESTS_PER_MINUTE", "0"),
        ("BASE_URL", "api.calendly.com"),
        ("BASE_URL", "ftp://example.com"),
        ("BASE_URL", "https://someone:secret@example.com"),
        ("BASE_URL", "https://example.com?page=1"),
        ("API_TOKEN", "two words"),
        ("API_TOKEN", " "),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(simulator, load, monkeypatch, name, value):
    """Nothing is asked with it."""
    monkeypatch.setenv(f"SOURCES__CALENDLY__{name}", value)
    with pytest.raises(ThroughlineError, match=f"^SOURCES__CALENDLY__{name} "):
        load()
    assert simulator.asked == []


# Who sees the token


@pytest.fixture
def stranger():
    """Be another host, with a list of one group and with what it was sent."""
    seen = []

    async def answer(request):
        seen.append(dict(request.headers))
        group = {"uri": f"{API}/groups/elsewhere"}
        return JSONResponse({"collection": [group], "pagination": {"count": 1, "next_page": None}})

    with serving(Starlette(routes=[Route("/{path:path}", answer)])) as url:
        yield url, seen


def test_a_next_page_elsewhere_is_followed_without_the_token(simulator, load, warehouse, stranger):
    """The page is read as it was named, by somebody who is nobody there."""
    url, seen = stranger
    page = {"collection": [], "pagination": {"count": 0, "next_page": f"{url}/groups?page_token=x"}}
    simulator.fail("/groups", Fault(200, json.dumps(page)))
    load()
    assert list(landed(warehouse, "groups")) == [f"{API}/groups/elsewhere"]
    assert len(seen) == 1
    assert "authorization" not in seen[0]
    assert {asked.authorization for asked in simulator.asked} == {f"Bearer {TOKEN}"}


def test_a_redirect_elsewhere_does_not_carry_the_token(simulator, load, stranger, monkeypatch, tmp_path):
    """Nor what a .netrc file has for that host."""
    url, seen = stranger
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    simulator.fail("/groups", Fault(302, "", {"location": f"{url}/groups"}))
    load()
    assert len(seen) == 1
    assert "authorization" not in seen[0]


def test_a_redirect_at_home_carries_the_token(simulator, load, warehouse):
    """What moved on the same host is read."""
    simulator.fail("/groups", Fault(307, "", {"location": f"/groups?organization={ORGANIZATION}"}))
    load()
    assert len(landed(warehouse, "groups")) == 1


def test_redirects_without_end_are_a_sentence(simulator, load):
    """They end."""
    simulator.fail("/groups", *[Fault(302, "", {"location": "/groups"})] * 40)
    with pytest.raises(ThroughlineError, match="redirects"):
        load()


def test_a_401_from_elsewhere_does_not_blame_the_token(simulator, load, warehouse, monkeypatch):
    """It says that the token is only for the host of base_url."""
    with serving(CalendlySimulator({"users_me": acme.user()})) as url:
        page = {"collection": [], "pagination": {"next_page": f"{url}/groups"}}
        simulator.fail("/groups", Fault(200, json.dumps(page)))
        with pytest.raises(ThroughlineError, match="wants a token, which only the host of SOURCES__CALENDLY__BASE_URL"):
            load()


# How fast


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self):
        """Begin anywhere."""
        self.instant = 1_000.0
        self.waits = []

    def __call__(self):
        """Tell the time."""
        return self.instant

    def wait(self, seconds):
        """Let time pass."""
        self.waits.append(seconds)
        self.instant += seconds


@given(st.integers(1, 5), st.lists(st.floats(0, 90), min_size=1, max_size=30))
@settings(deadline=None)
def test_no_minute_has_more_requests_than_the_limit(limit, durations):
    """However long answers take, a request is sent only when the one that many before it is answered for a minute."""
    clock = Clock()
    rate = rest.RateLimit(limit, clock=clock, wait=clock.wait)
    sent, answered = [], []
    for seconds in durations:
        rate.acquire()
        sent.append(clock())
        clock.instant += seconds
        rate.release()
        answered.append(clock())
    assert all(later >= before + 60 for before, later in zip(answered, sent[limit:], strict=False))
    # And none waits longer than that.
    for number, instant in enumerate(sent[limit:], start=limit):
        assert instant <= max(answered[number - 1], answered[number - limit] + 60) + 1e-6


def test_requests_under_way_hold_their_places():
    """With all places taken by requests that nobody answered yet, the next one waits for the minute after an answer."""
    clock = Clock()
    rate = rest.RateLimit(2, clock=clock, wait=clock.wait)
    rate.acquire()
    rate.acquire()
    arrivals = deque([rate.release])

    def wait(seconds):
        clock.wait(seconds)
        if arrivals:
            arrivals.popleft()()

    rate._wait = wait
    began = clock()
    rate.acquire()
    assert began + 60 <= clock() <= began + 60.2


def client(simulator, clock, url, *, limit=None):
    """Return a session that waits by this clock, and its rate limit and notices."""
    rate = rest.RateLimit(limit or 500, clock=clock, wait=clock.wait)
    notices = []
    adapter = rest.PatientAdapter(
        rate, is_limit_fixed=limit is not None, connections=2, say=notices.append, wait=clock.wait
    )
    session = rest.HostBoundSession(adapter)
    session.auth = rest.HostBoundToken(token=TOKEN, base_url=url)
    return session, rate, notices


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [("37", 37), ("0", 1), ("1.5", 1.5), (None, 60), ("soon", 60), ("-5", 60), ("nan", 60), ("1782820800", 60)],
)
def test_a_429_waits_until_the_reset_and_says_so(simulator, reset, seconds):
    """X-RateLimit-Reset is a number of seconds; without a sensible one a minute passes."""
    clock = Clock()
    headers = {} if reset is None else {"x-ratelimit-reset": reset}
    # The simulator adds its own header where there is none; a blank one is no number.
    simulator.fail("/users/me", Fault(429, "<html>", headers or {"x-ratelimit-reset": ""}))
    with serving(simulator) as url:
        session, _, notices = client(simulator, clock, url)
        assert session.get(f"{url}/users/me").status_code == 200
    assert clock.waits == [seconds]
    assert notices == [f"the rate limit is reached; waiting {seconds:.0f} s."]


def test_a_429_keeps_everybody_waiting():
    """Whoever asks for a place meanwhile gets it after the reset, and the notice comes once."""
    clock = Clock()
    rate = rest.RateLimit(500, clock=clock, wait=clock.wait)
    assert rate.pause(30)
    clock.instant += 10
    assert not rate.pause(10)
    rate.acquire()
    assert clock.waits == [20]
    assert rate.pause(1)


def test_429_without_end_is_a_sentence(simulator):
    """After ten times somebody has to look."""
    clock = Clock()
    simulator.requests_per_minute = 0
    with serving(simulator) as url:
        session, *_ = client(simulator, clock, url)
        with pytest.raises(ThroughlineError, match="429, 10 times"):
            session.get(f"{url}/users/me")
    assert len(simulator.asked) == 10


def test_the_limit_is_what_answers_say_unless_it_is_set(simulator):
    """A free plan's 50 holds from its first answer on; max_requests_per_minute holds whatever they say."""
    simulator.requests_per_minute = 50
    with serving(simulator) as url:
        session, rate, _ = client(simulator, Clock(), url)
        session.get(f"{url}/users/me")
        assert rate.limit == 50
        for nonsense in ("", "many", "0"):
            simulator.fail("/users/me", Fault(200, "{}", {"x-ratelimit-limit": nonsense}))
            session.get(f"{url}/users/me")
            assert rate.limit == 50
        session, rate, _ = client(simulator, Clock(), url, limit=7)
        session.get(f"{url}/users/me")
        assert rate.limit == 7


@pytest.mark.parametrize("is_set", [True, False])
def test_a_load_keeps_to_the_limit(simulator, load, warehouse, monkeypatch, is_set):
    """With all threads at work none of its requests is refused, whether the limit is set or learned."""
    # A minute is half a second here, for both.
    monkeypatch.setattr(rest, "WINDOW_SECONDS", 0.5)
    simulator.window_seconds = 0.5
    simulator.requests_per_minute = 25
    simulator.latency = 0.01
    if is_set:
        monkeypatch.setenv("SOURCES__CALENDLY__MAX_REQUESTS_PER_MINUTE", "25")
    load()
    assert len(landed(warehouse, "invitees")) == 60
    assert 429 not in simulator.statuses
    began, *_, ended = [asked.instant for asked in simulator.asked]
    assert ended - began >= 0.5 * (len(simulator.asked) // 25 - 1)


def test_invitees_are_asked_for_concurrently(simulator, load):
    """Sixty meetings at a tenth of a second each take less than four seconds of asking."""
    simulator.latency = 0.1
    load()
    instants = [asked.instant for asked in simulator.asked_for("/invitees$")]
    assert len(instants) == 60
    assert max(instants) - min(instants) < 4


# The simulator itself


@pytest.mark.parametrize(
    ("path", "query_string", "status", "title"),
    [
        ("/nothing", "", 404, "Resource Not Found"),
        ("/scheduled_events", "", 400, "Invalid Argument"),
        ("/scheduled_events", "organization=acme", 400, "Invalid Argument"),
        ("/scheduled_events", f"organization={API}/organizations/other", 403, "Permission Denied"),
        ("/scheduled_events", f"user={API}/users/other", 403, "Permission Denied"),
        ("/scheduled_events", f"organization={ORGANIZATION}&count=101", 400, "Invalid Argument"),
        ("/scheduled_events", f"organization={ORGANIZATION}&count=0", 400, "Invalid Argument"),
        ("/scheduled_events", f"organization={ORGANIZATION}&sort=updated_at:asc", 400, "Invalid Argument"),
        ("/scheduled_events", f"organization={ORGANIZATION}&status=held", 400, "Invalid Argument"),
        ("/scheduled_events", f"organization={ORGANIZATION}&min_start_time=now", 400, "Invalid Argument"),
        ("/scheduled_events", f"organization={ORGANIZATION}&page_token=x", 400, "Invalid Argument"),
        ("/scheduled_events/nobody/invitees", "", 404, "Resource Not Found"),
        ("/routing_form_submissions", "", 400, "Invalid Argument"),
        ("/routing_form_submissions", f"form={API}/routing_forms/none", 404, "Resource Not Found"),
        ("/event_types", "", 400, "Invalid Argument"),
    ],
)
def test_the_simulator_refuses_as_calendly_does(simulator, path, query_string, status, title):
    """In the documented shape, with the limits in the headers."""
    with serving(simulator) as url:
        answer = requests.get(f"{url}{path}?{query_string}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=9)
    assert (answer.status_code, answer.json()["title"]) == (status, title)
    assert int(answer.headers["X-RateLimit-Remaining"]) == int(answer.headers["X-RateLimit-Limit"]) - 1
    assert answer.headers["X-RateLimit-Reset"] == "60"


def test_the_simulator_wants_its_token(simulator):
    """Without it there is a 401."""
    with serving(simulator) as url:
        for headers in ({}, {"Authorization": "Bearer other"}):
            answer = requests.get(f"{url}/users/me", headers=headers, timeout=9)
            assert (answer.status_code, answer.json()["title"]) == (401, "Unauthenticated")


def test_the_simulator_pages_filters_and_sorts(simulator):
    """Links carry all filters, a token is good for its own filters only, and every filter keeps what it says."""
    events = [
        scheduled_event(f"{status}{n}", NOW + n * DAY, status=status)
        for n, status in product(range(-5, 5), ("active", "canceled"))
    ]
    simulator.organization = organization(events)
    with serving(simulator) as url:
        headers = {"Authorization": f"Bearer {TOKEN}"}

        def ask(link, **query):
            return requests.get(link, params=query, headers=headers, timeout=9)

        wanted = {
            "organization": ORGANIZATION,
            "status": "canceled",
            "sort": "start_time:desc",
            "min_start_time": iso(NOW - 3 * DAY),
            "max_start_time": iso(NOW + 3 * DAY),
            "count": 3,
        }
        pages = [ask(f"{url}/scheduled_events", **wanted).json()]
        while link := pages[-1]["pagination"]["next_page"]:
            pages.append(ask(link).json())
        names = [event["uri"].rsplit("/")[-1] for page in pages for event in page["collection"]]
        assert names == [f"canceled{n}" for n in range(3, -4, -1)]
        assert [page["pagination"]["count"] for page in pages] == [3, 3, 1]
        assert pages[0]["pagination"]["previous_page"] is None
        assert ask(pages[1]["pagination"]["previous_page"]).json() == pages[0]
        token = pages[0]["pagination"]["next_page_token"]
        assert ask(f"{url}/scheduled_events", **wanted, page_token=token).json() == pages[1]
        assert ask(f"{url}/scheduled_events", organization=ORGANIZATION, page_token=token).status_code == 400
        assert len(ask(f"{url}/scheduled_events", organization=ORGANIZATION).json()["collection"]) == 20


def test_the_simulator_counts_requests_in_its_window(simulator):
    """Over the limit there is 429, until the window ends."""
    simulator.requests_per_minute = 2
    with serving(simulator) as url:

        def ask():
            return requests.get(f"{url}/users/me", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=9)

        answers = [ask() for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
        assert all(0 < int(answer.headers["X-RateLimit-Reset"]) <= 60 for answer in answers)
        simulator.window_seconds = 0
        assert ask().status_code == 200


def test_the_command_loads_from_the_demos_simulator(run, tmp_path, warehouse):
    """A child process needs nothing but the settings that `simulated` yields."""
    (tmp_path / "calendly").mkdir()
    text = json.dumps(spread(5))
    (tmp_path / "calendly" / "organization.json").write_text(text, encoding="utf-8")
    with simulated(tmp_path) as environment:
        run("throughline", "load", "calendly", THROUGHLINE_WAREHOUSE=warehouse, **environment)
        run("throughline", "load", "calendly", "--backfill", THROUGHLINE_WAREHOUSE=warehouse, **environment)
    assert len(landed(warehouse, "invitees")) == 5
