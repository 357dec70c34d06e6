"""BigMarker's API, simulated: what is read when, how its pages end, what each fault does, who sees the key."""

import json
import os
import re
import signal
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from api_loading import merge_by_dlt, merge_by_sql, start
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from support import query

from ingestion import bigmarker, rest
from ingestion.declarations import OUTCOMES
from ingestion.demo.bigmarker_simulator import API_KEY, PATH, BigMarkerSimulator
from ingestion.demo.simulator import DROPPED, HTML, Fault, serving
from ingestion.errors import ThroughlineError
from ingestion.landing import Landing

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TABLES = [table.name for table in bigmarker.TABLES]
# A conference a fortnight ago, one two days ago, one that has just ended, one that runs, and one to come.
ENDS = {
    "past": NOW - 14 * DAY,
    "recent": NOW - 2 * DAY,
    "closing": NOW - timedelta(minutes=10),
    "running": NOW + timedelta(minutes=20),
    "coming": NOW + 7 * DAY,
}


def conference(name, ends_at, **fields):
    """Return a conference as the API has it, an hour long and with the offset of a place."""
    times = {"start_time": (ends_at - timedelta(hours=1)).isoformat(), "end_time": ends_at.isoformat()}
    return {"id": name, "title": f"About {name}", "time_zone": "UTC"} | times | fields


def person(name, **fields):
    """Return somebody who registered or came."""
    return {"bmid": f"bm-{name}", "email": f"{name}@example.com", "first_name": name.title()} | fields


def visit(name, minute=0, **fields):
    """Return a visit of somebody."""
    return person(name, entered_at=f"2026-06-28T10:{minute:02}:00Z", leaved_at="2026-06-28T11:00:00Z", **fields)


def account(ends=ENDS, people=3, **fields):
    """Return an account in which some register for each conference, and the first of them comes twice."""
    names = [f"p{number}" for number in range(people)]
    return {
        "conferences": [conference(name, ends_at) for name, ends_at in ends.items()],
        "registrations": {name: [person(one) for one in names] for name in ends},
        "attendees": {
            name: [*(visit(one) for one in names), visit(names[0], 30)] if ends_at < NOW else []
            for name, ends_at in ends.items()
        },
    } | fields


@pytest.fixture
def simulator():
    """Be BigMarker with an account of five conferences."""
    return BigMarkerSimulator(account())


@pytest.fixture
def load(simulator, serve, warehouse, monkeypatch):
    """Be a function that loads at some time after noon of 2026-06-30, retries without waiting, and lands at once."""
    monkeypatch.setattr(rest, "BACK_OFF_SECONDS", (0.0,) * 4)
    monkeypatch.setattr(Landing, "_merge", merge_by_sql)
    monkeypatch.setenv("SOURCES__BIGMARKER__BASE_URL", f"{serve(simulator)}{PATH}")
    monkeypatch.setenv("SOURCES__BIGMARKER__API_KEY", API_KEY)

    def load_now(later=timedelta(), *, backfill=False):
        monkeypatch.setenv("THROUGHLINE_NOW", (NOW + later).isoformat())
        simulator.asked.clear()
        bigmarker.load(warehouse, backfill=backfill)

    return load_now


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Be a warehouse into which the account was loaded at noon."""
    warehouse = tmp_path_factory.mktemp("loaded") / "w.duckdb"
    with serving(BigMarkerSimulator(account())) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCES__BIGMARKER__BASE_URL", f"{url}{PATH}")
        patch.setenv("SOURCES__BIGMARKER__API_KEY", API_KEY)
        patch.setenv("THROUGHLINE_NOW", NOW.isoformat())
        bigmarker.load(warehouse)
    return warehouse


@pytest.fixture
def reload(reload, monkeypatch):
    """Be a function that loads again what was loaded at noon; as a user's load does, by dlt."""
    monkeypatch.setattr(Landing, "_merge", merge_by_dlt)
    return reload


def rows(warehouse, columns="*"):
    """Return all raw tables' rows."""
    return {name: query(warehouse, f"select {columns} from raw_bigmarker.{name} order by all") for name in TABLES}


def keys(warehouse, table):
    """Return the keys of a table, sorted."""
    key = next(one.key for one in bigmarker.TABLES if one.name == table)
    return [value for (value,) in query(warehouse, f"select {key} from raw_bigmarker.{table} order by 1")]


def asked(simulator, table):
    """Return the conferences whose registrations or attendees were asked for, each once, sorted."""
    pattern = {"registrations": r"/registrations/(.+)$", "attendees": r"/conferences/(.+)/attendees$"}[table]
    matches = (re.search(pattern, one.path) for one in simulator.asked)
    return sorted({match[1] for match in matches if match})


# What is read


def test_everything_lands_as_it_came(loaded):
    """Documents keep all they have, beside the conference to which they belong."""
    warehouse, everything = loaded, account()
    documents = query(warehouse, "select conference_id, document from raw_bigmarker.registrations order by all")
    expected = {name: everything["registrations"][name] for name in sorted(ENDS)}
    assert [(name, json.loads(text)) for name, text in documents] == [
        (name, document) for name, these in expected.items() for document in these
    ]
    assert keys(warehouse, "conferences") == sorted(ENDS)
    assert keys(warehouse, "registrations")[0] == '["closing","bm-p0"]'
    assert keys(warehouse, "attendees")[:2] == [
        '["past","bm-p0","2026-06-28T10:00:00Z"]',
        '["past","bm-p0","2026-06-28T10:30:00Z"]',
    ]
    outcomes = " + ".join(f"records_{outcome}" for outcome in OUTCOMES)
    notes = "select entity, sum(records_read) from raw_meta.loads where source = 'bigmarker'"
    assert query(warehouse, f"{notes} and records_read != {outcomes} group by 1") == []
    assert query(warehouse, f"{notes} group by 1 order by 1") == [
        ("attendance_lists", 2),
        ("attendees", 8),
        ("conferences", 5),
        ("registrations", 15),
    ]


def test_past_conferences_are_asked_for_too(simulator, load):
    """Left to itself, the API names those to come."""
    load()
    assert simulator.asked[0].path == f"{PATH}/conferences/"
    assert simulator.asked[0].query == {"type": "all", "page": "1", "current_page": "1", "per_page": "100"}


def test_nobody_came_before_the_end(simulator, load, warehouse):
    """Attendees are asked for a quarter of an hour after the planned end, and only then the list is complete."""
    load()
    assert asked(simulator, "registrations") == sorted(ENDS)
    assert asked(simulator, "attendees") == ["past", "recent"]
    lists = query(warehouse, "select document from raw_bigmarker.attendance_lists order by conference_id")
    assert [json.loads(text) for (text,) in lists] == [
        {"conference_id": name, "end_time": ENDS[name].isoformat()}
        | {"total_entries": 4, "total_pages": 1, "per_page": 100}
        for name in ("past", "recent")
    ]
    load(timedelta(minutes=5))
    assert asked(simulator, "attendees") == ["closing", "recent"]
    load(timedelta(minutes=36))
    assert keys(warehouse, "attendance_lists") == ["closing", "past", "recent", "running"]


def test_a_conference_to_which_nobody_came_is_complete(simulator, load, warehouse):
    """An empty list is news: whoever registered did not come."""
    simulator.account = account(attendees={})
    load()
    assert keys(warehouse, "attendance_lists") == ["past", "recent"]
    assert query(warehouse, "select records_read from raw_meta.loads where entity = 'attendees'") == [(0,)]


def test_an_end_that_nothing_tells_is_at_most_a_day_away(simulator, load, warehouse):
    """Without a start either, attendees are read each time, and nobody says that they are all."""
    simulator.account = account(
        conferences=[
            conference("begun", NOW, end_time=None),
            conference("long past", NOW - 5 * DAY, end_time="soon"),
            conference("timeless", NOW, start_time=None, end_time=None),
        ],
        attendees={"begun": [visit("ann")], "timeless": [visit("ann")]},
    )
    load()
    assert asked(simulator, "attendees") == ["long past", "timeless"]
    lists = query(warehouse, "select conference_id, document from raw_bigmarker.attendance_lists")
    assert [(name, json.loads(text)["end_time"]) for name, text in lists] == [
        ("long past", (NOW - 4 * DAY - timedelta(hours=1)).isoformat())
    ]
    load(DAY)
    assert asked(simulator, "registrations") == ["begun", "timeless"]
    assert asked(simulator, "attendees") == ["begun", "timeless"]


def test_a_time_without_an_offset_is_utc(simulator, load):
    """Whatever zone the machine is in."""
    ends_at = {"end_time": f"{NOW - timedelta(minutes=16):%Y-%m-%dT%H:%M:%S}"}
    simulator.account = account(conferences=[conference("past", NOW, **ends_at)])
    load()
    assert asked(simulator, "attendees") == ["past"]


# What is read again


def test_loading_twice_changes_nothing(reload, warehouse):
    """No column of any raw table differs after a second load, nor after a backfill."""
    before = rows(warehouse)
    reload(timedelta(minutes=1))
    reload(timedelta(minutes=2), backfill=True)
    assert rows(warehouse) == before


def test_a_later_load_asks_only_for_what_may_have_changed(simulator, load):
    """Lists are read until they were read three days after the end, and then no more."""
    load()
    load(DAY)
    assert asked(simulator, "registrations") == ["closing", "coming", "recent", "running"]
    assert asked(simulator, "attendees") == ["closing", "recent", "running"]
    load(4 * DAY)
    assert asked(simulator, "attendees") == ["closing", "running"]
    load(5 * DAY)
    assert asked(simulator, "registrations") == ["coming"]
    assert asked(simulator, "attendees") == []
    assert len(simulator.asked) == 2


@pytest.mark.parametrize(
    ("days", "expected"), [("0", ["closing", "running"]), ("30", ["closing", "past", "recent", "running"])]
)
def test_the_lookback_is_a_setting(simulator, load, monkeypatch, days, expected):
    """With none, a list is read once after the end."""
    monkeypatch.setenv("SOURCES__BIGMARKER__LOOKBACK_DAYS", days)
    load()
    load(DAY)
    assert asked(simulator, "attendees") == expected


def test_a_load_after_a_long_time_reads_what_ended_meanwhile(simulator, load):
    """The lookback counts from the last complete load."""
    load()
    load(300 * DAY)
    assert asked(simulator, "attendees") == ["closing", "coming", "recent", "running"]


def test_a_conference_that_is_postponed_is_read_after_its_new_end(simulator, load, warehouse, monkeypatch):
    """Although the list of its attendees was read after the old one: that is the list of nobody."""
    monkeypatch.setenv("SOURCES__BIGMARKER__LOOKBACK_DAYS", "0")
    load()
    postponed = conference("past", NOW + DAY, time_zone="Europe/Berlin")
    simulator.account = account(conferences=[postponed], attendees={"past": [visit("ann")]})
    load(DAY + timedelta(minutes=5))
    assert asked(simulator, "attendees") == []
    load(DAY + timedelta(hours=1))
    assert '["past","bm-ann","2026-06-28T10:00:00Z"]' in keys(warehouse, "attendees")
    ends = "select document from raw_bigmarker.attendance_lists where conference_id = 'past'"
    assert json.loads(query(warehouse, ends)[0][0])["end_time"] == postponed["end_time"]
    load(DAY + timedelta(hours=2))
    assert asked(simulator, "attendees") == []


def test_a_list_that_changes_is_followed(simulator, load, warehouse):
    """Somebody registers late, and a visit turns out longer."""
    load()
    simulator.account["registrations"]["recent"].append(person("late"))
    simulator.account["attendees"]["recent"][0]["leaved_at"] = "2026-06-28T11:05:00Z"
    load(DAY)
    assert '["recent","bm-late"]' in keys(warehouse, "registrations")
    changed = "select entity, sum(records_changed) from raw_meta.loads group by 1 having sum(records_changed) > 0"
    assert query(warehouse, changed) == [("attendees", 1)]


def test_what_the_api_no_longer_has_stays(simulator, load, warehouse):
    """Absence means nothing."""
    load()
    before = rows(warehouse)
    simulator.account = {"conferences": []}
    load(DAY)
    assert rows(warehouse) == before


def test_a_conference_that_appears_late_is_read_whole(simulator, load, warehouse):
    """However long ago it was, a later load has never read its lists."""
    load()
    simulator.account = account(ENDS | {"found": NOW - 90 * DAY})
    load(DAY)
    assert "found" in asked(simulator, "registrations")
    assert "found" in asked(simulator, "attendees")
    load(2 * DAY)
    assert "found" not in asked(simulator, "registrations") + asked(simulator, "attendees")


def test_a_backfill_reads_everything(simulator, load):
    """So does a load with another key, which may be that of another account."""
    load()
    load(10 * DAY, backfill=True)
    assert asked(simulator, "registrations") == asked(simulator, "attendees") == sorted(ENDS)


def test_another_key_reads_everything(simulator, load, monkeypatch):
    """It may be that of another account, of whose conferences the last load knew nothing."""
    load()
    simulator.api_key = "another"
    monkeypatch.setenv("SOURCES__BIGMARKER__API_KEY", "another")
    load(10 * DAY)
    assert asked(simulator, "registrations") == asked(simulator, "attendees") == sorted(ENDS)


@pytest.mark.parametrize("table", ["registrations", "attendance_lists"])
def test_rows_that_are_gone_are_read_again(simulator, load, warehouse, table):
    """The note of a load is not believed if its table has lost its rows since."""
    load()
    before = rows(warehouse, "* exclude (_loaded_at, _source_modified_at)")
    with duckdb.connect(warehouse) as connection:
        connection.execute(f"delete from raw_bigmarker.{table}")
    load(timedelta(minutes=1))
    assert rows(warehouse, "* exclude (_loaded_at, _source_modified_at)") == before


# Pages


@pytest.mark.parametrize(
    ("page_parameter", "page_fields", "people", "asked_pages"),
    [
        ("page", ("current_page", "per_page", "total_pages", "total_entries"), 39, 2),
        ("current_page", ("total_pages",), 40, 2),
        ("page", ("total_entries", "per_page"), 39, 2),
        ("current_page", ("per_page",), 40, 3),
        ("page", (), 39, 3),
    ],
)
def test_all_pages_are_read(simulator, load, warehouse, page_parameter, page_fields, people, asked_pages):
    """Whichever name a list knows its page by, whatever it says of the whole, and though it gives fewer than asked."""
    simulator.page_parameters, simulator.page_fields, simulator.most_page_rows = (page_parameter,), page_fields, 20
    simulator.account = account({"past": ENDS["past"]}, people=people)
    load()
    assert len(keys(warehouse, "registrations")) == people
    assert len(keys(warehouse, "attendees")) == people + 1
    assert len(simulator.asked_for("/registrations/")) == asked_pages


def test_a_list_without_pages_is_read_once(simulator, load, warehouse):
    """It says nothing of pages, is shorter than what was asked for, and is the same again."""
    simulator.page_parameters, simulator.page_fields = (), ()
    load()
    assert len(keys(warehouse, "registrations")) == 15
    assert len(simulator.asked_for("/registrations/past")) == 2


@pytest.mark.parametrize("page_fields", [("total_pages",), ()])
def test_a_list_that_never_turns_its_page_is_noticed(simulator, load, warehouse, page_fields):
    """A load that went on asking would never end, and one that stopped would miss the rest."""
    simulator.page_parameters, simulator.page_fields = (), page_fields
    simulator.account = account({"past": ENDS["past"]}, people=200)
    with pytest.raises(
        ThroughlineError, match=r"registrations/past gives page 1 again for page 2; .* Nothing was loaded"
    ):
        load()
    assert not warehouse.exists() or not query(warehouse, "from duckdb_tables() where schema_name = 'raw_bigmarker'")


def test_a_last_page_that_comes_again_is_the_end(load, monkeypatch, warehouse):
    """Some servers give the last page for any later one."""

    async def answer(request):
        if not request.url.path.endswith("/conferences/"):
            return JSONResponse({"registrations": [], "attendees": []})
        number = min(int(request.query_params["page"]), 2)
        return JSONResponse({"conferences": [conference(f"c{number}", ENDS["past"])], "per_page": 1})

    with serving(Starlette(routes=[Route("/{path:path}", answer)])) as url:
        monkeypatch.setenv("SOURCES__BIGMARKER__BASE_URL", url)
        load()
    assert keys(warehouse, "conferences") == ["c1", "c2"]


# Keys


def test_who_somebody_is(simulator, load, warehouse):
    """BigMarker's id of the person, else that of the row, else the address, however it is written."""
    simulator.account = account(
        {"past": ENDS["past"]},
        registrations={
            "past": [
                {"bmid": "b1", "id": "r1", "email": "ann@example.com"},
                {"bmid": "", "id": 17, "email": "bob@example.com"},
                {"bmid": None, "email": " Cara@Example.com "},
            ]
        },
        attendees={},
    )
    load()
    assert keys(warehouse, "registrations") == ['["past","17"]', '["past","b1"]', '["past","cara@example.com"]']


def test_documents_without_a_key_are_rejected(simulator, load, warehouse):
    """They are kept with the reason, and stop nothing."""
    simulator.account = account(
        {"past": ENDS["past"]},
        registrations={"past": [person("ann"), {"first_name": "Nobody"}, ["no", "object"]]},
        attendees={"past": [visit("ann"), person("never"), {"entered_at": "2026-06-28T10:00:00Z"}]},
    )
    simulator.account["conferences"] += [{"title": "Without an id"}, {"id": " "}]
    load()
    load(timedelta(minutes=1))
    found = "select entity, reason, record_text like '%Nobody%' from raw_bigmarker.rejected_records"
    assert sorted(query(warehouse, found)) == [
        ("attendees", "has no session_key", False),
        ("attendees", "has no session_key", False),
        ("conferences", "has no conference_id", False),
        ("conferences", "has no conference_id", False),
        ("registrations", "has no registration_key", False),
        ("registrations", "has no registration_key", True),
    ]
    assert len(keys(warehouse, "registrations")) == len(keys(warehouse, "attendees")) == 1


# Faults


def test_a_conference_that_is_gone_meanwhile_is_passed_over(simulator, load, warehouse, capsys):
    """The others are loaded, and its attendees are asked for again."""
    gone = Fault(404, '{"error": "The conference does not exist."}')
    simulator.fail("/past/attendees", gone)
    simulator.fail("/registrations/coming", Fault(403, '{"error": "Not yours."}'))
    load()
    said = capsys.readouterr().err
    assert "attendees of 1 conference cannot be read (404 The conference does not exist); the others are." in said
    assert "registrations of 1 conference cannot be read (403 Not yours); the others are." in said
    assert keys(warehouse, "attendance_lists") == ["recent"]
    load(5 * DAY)
    assert "past" in asked(simulator, "attendees")


@pytest.mark.parametrize("fault", [Fault(500), HTML, DROPPED, Fault(502, "Bad gateway")])
def test_a_fault_is_mended(simulator, load, warehouse, fault):
    """It is asked again, and nothing is missing."""
    simulator.fail("/registrations/past", fault, fault)
    simulator.fail("/conferences/$", fault)
    load()
    assert len(keys(warehouse, "registrations")) == 15


def test_the_rate_limit_is_waited_for(simulator, load, warehouse, monkeypatch):
    """A 429 pauses all that asks, and the load goes on."""
    waited = []
    monkeypatch.setattr(rest, "WINDOW_SECONDS", 0.01)
    monkeypatch.setattr(rest.RateLimit, "pause", lambda _, seconds: waited.append(seconds) or True)
    simulator.fail("/registrations/past", Fault(429, "{}"))
    load()
    assert len(waited) == 1
    assert len(keys(warehouse, "registrations")) == 15


def test_no_more_is_asked_in_a_minute_than_allowed(simulator, load, monkeypatch):
    """The limit is the setting's: BigMarker publishes none."""
    monkeypatch.setattr(rest, "WINDOW_SECONDS", 0.3)
    monkeypatch.setenv("SOURCES__BIGMARKER__MAX_REQUESTS_PER_MINUTE", "3")
    simulator.requests_per_minute, simulator.window_seconds = 3, 0.25
    load()
    assert len(simulator.asked) == 8
    assert set(simulator.statuses) == {200}


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault(500), r"gave no usable answer to GET /api/v1/conferences/recent/attendees in 5 attempts"),
        (Fault(200, '{"message": "none"}'), r"/conferences/recent/attendees answered with no list of attendees\."),
        (Fault(422, '{"errors": ["a", "b"]}'), r"answered /api/v1/conferences/recent/attendees with 422 +\(a; b\)\."),
    ],
)
def test_a_load_that_fails_lands_nothing(simulator, load, warehouse, fault, sentence):
    """What was there is as it was."""
    load()
    before = rows(warehouse)
    simulator.account = account(people=5)
    simulator.fail("/recent/attendees", *[fault] * 5)
    with pytest.raises(ThroughlineError, match=rf"{sentence}.*Nothing was loaded"):
        load(DAY)
    assert rows(warehouse) == before


@pytest.mark.parametrize(("status", "words"), [(401, "(401)"), (403, "(403 The API key is invalid)")])
def test_a_key_that_is_refused_is_a_sentence(simulator, load, status, words):
    """It names the setting, and that a white-label account has another address."""
    simulator.fail("/conferences/$", Fault(status, '{"error": "The API key is invalid."}'))
    with pytest.raises(ThroughlineError) as raised:
        load()
    assert f"does not accept the key {words}; set SOURCES__BIGMARKER__API_KEY" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("API_KEY", "two words", "SOURCES__BIGMARKER__API_KEY holds more than a key; set it to a key of the account's"),
        ("API_KEY", " ", "SOURCES__BIGMARKER__API_KEY is missing"),
        ("BASE_URL", "www.bigmarker.com", "BASE_URL is no address like https://www.bigmarker.com/api/v1"),
        ("LOOKBACK_DAYS", "-1", "LOOKBACK_DAYS is '-1'; set it to a whole number from 0"),
        ("MAX_REQUESTS_PER_MINUTE", "0", "MAX_REQUESTS_PER_MINUTE is '0'; set it to a whole number from 1"),
    ],
)
def test_a_setting_that_makes_no_sense(load, monkeypatch, name, value, sentence):
    """It is said before anything is asked, and the key is not quoted."""
    monkeypatch.setenv(f"SOURCES__BIGMARKER__{name}", value)
    with pytest.raises(ThroughlineError, match=re.escape(sentence)) as raised:
        load()
    assert "two words" not in str(raised.value)


# The key


def test_the_key_goes_to_its_host_only(simulator, load, monkeypatch):
    """A redirect to another one is followed without it."""
    seen = []

    async def redirect(request):
        seen.append(request.headers.get("api-key"))
        return JSONResponse({}, 302, {"Location": f"{there}{PATH}/conferences/"})

    with (
        serving(simulator) as there,
        serving(Starlette(routes=[Route("/{path:path}", redirect)])) as here,
    ):
        monkeypatch.setenv("SOURCES__BIGMARKER__BASE_URL", here)
        with pytest.raises(ThroughlineError, match="wants a key, which only the host of SOURCES__BIGMARKER__BASE_URL"):
            load()
    assert seen == [API_KEY]
    assert [one.headers.get("api-key") for one in simulator.asked] == [None]


def test_the_key_is_never_shown(simulator, load, warehouse, monkeypatch, capsys, caplog):
    """Not though the API repeats it, and not in the warehouse."""
    caplog.set_level("DEBUG")
    monkeypatch.setattr(Landing, "_merge", merge_by_dlt)
    simulator.fail("/past/attendees", Fault(404, json.dumps({"error": f"{API_KEY} sees none"})))
    load()
    simulator.fail("/recent/attendees", Fault(400, json.dumps({"message": f"{API_KEY} is wrong"})))
    with pytest.raises(ThroughlineError) as raised:
        load(DAY)
    captured = capsys.readouterr()
    assert "… sees none" in captured.err
    assert "… is wrong" in str(raised.value)
    shown = captured.out + captured.err + str(raised.value) + caplog.text + repr(bigmarker.check_settings())
    assert API_KEY not in shown
    assert API_KEY.encode() not in warehouse.read_bytes()


# Kills


@pytest.mark.parametrize(("place", "number"), [("_merge", 1), ("_merge", 2), ("_note", 1)])
def test_the_next_load_mends_a_killed_one(simulator, reload, warehouse, place, number):
    """Killed before its registrations, its conferences or its note, it leaves nothing that the next one goes by."""
    simulator.account = account(ENDS | {"new": NOW - 20 * DAY}, people=4)
    environment = {"THROUGHLINE_WAREHOUSE": str(warehouse), "THROUGHLINE_NOW": (NOW + DAY).isoformat()}
    assert start("bigmarker", os.environ | environment, place, number).wait() == -signal.SIGKILL
    reload(DAY)
    expected = {(name, f"bm-p{n}") for name in ("closing", "coming", "new", "recent", "running") for n in range(4)}
    expected |= {("past", f"bm-p{n}") for n in range(3)}
    assert {tuple(json.loads(key)) for key in keys(warehouse, "registrations")} == expected
    assert keys(warehouse, "attendance_lists") == ["closing", "new", "past", "recent", "running"]
    # Nobody came to what still ran when the account was made, and the first of four or three came twice.
    assert len(keys(warehouse, "attendees")) == 5 + 5 + 5 + 4
