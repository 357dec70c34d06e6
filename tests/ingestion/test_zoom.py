"""Zoom's API, simulated: what is read when, which token is used where, how fast it is asked, and what faults do."""

import json
import re
from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import duckdb
import pytest
import requests
from api_loading import merge_by_dlt, merge_by_sql
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from support import query
from zoom_account import DAY, NOW, UUIDS, account, hold, iso, registrant, session, user, webinar

from ingestion import rest, zoom, zoom_api
from ingestion.declarations import OUTCOMES
from ingestion.demo.simulator import DROPPED, HTML, Fault, serving
from ingestion.demo.zoom_simulator import ACCOUNT_ID, CLIENT_ID, CLIENT_SECRET, ZoomSimulator
from ingestion.errors import ThroughlineError
from ingestion.landing import Landing

TABLES = [table.name for table in zoom.API_TABLES]
KEYS = {table.name: table.key for table in zoom.API_TABLES}
OLD = "zoom: webinars that are older than the reports that Zoom keeps: 1; Attendee Reports in the folder"
UNLIMITED = {"Light": 100_000, "Medium": 100_000, "Heavy": 100_000}


@pytest.fixture
def simulator():
    """Be Zoom with the account of zoom_account."""
    return ZoomSimulator(account(), limits=UNLIMITED)


def configure(patch, url):
    """Set what a load of the simulator at this address needs."""
    patch.setenv("SOURCES__ZOOM__ACCOUNT_ID", ACCOUNT_ID)
    patch.setenv("SOURCES__ZOOM__CLIENT_ID", CLIENT_ID)
    patch.setenv("SOURCES__ZOOM__CLIENT_SECRET", CLIENT_SECRET)
    patch.setenv("SOURCES__ZOOM__OAUTH_URL", f"{url}/oauth/token")
    patch.setenv("SOURCES__ZOOM__BASE_URL", f"{url}/v2")


@pytest.fixture
def load(simulator, serve, warehouse, monkeypatch):
    """Be a function that loads at some time after noon of 2026-06-30, retries without waiting, and lands at once."""
    monkeypatch.setattr(rest, "BACK_OFF_SECONDS", (0.0,) * 4)
    monkeypatch.setattr(Landing, "_merge", merge_by_sql)
    configure(monkeypatch, serve(simulator))

    def load_now(later=timedelta(), *, backfill=False):
        monkeypatch.setenv("THROUGHLINE_NOW", (NOW + later).isoformat())
        simulator.asked.clear()
        zoom.load(warehouse, backfill=backfill)

    return load_now


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Be a warehouse into which the account was loaded at noon."""
    warehouse = tmp_path_factory.mktemp("loaded") / "w.duckdb"
    with serving(ZoomSimulator(account(), limits=UNLIMITED)) as url, pytest.MonkeyPatch.context() as patch:
        configure(patch, url)
        patch.setenv("THROUGHLINE_NOW", NOW.isoformat())
        zoom.load(warehouse)
    return warehouse


def rows(warehouse, columns="*"):
    """Return the rows of all tables that the API fills."""
    return {name: query(warehouse, f"select {columns} from raw_zoom.{name} order by {KEYS[name]}") for name in TABLES}


def landed(warehouse, name):
    """Return the documents of a table by their keys."""
    found = query(warehouse, f"select {KEYS[name]}, document from raw_zoom.{name}")
    return {key: json.loads(text) for key, text in found}


def asked(simulator):
    """Return how often each path was asked for, in short."""
    return Counter(one.path.removeprefix("/v2/") for one in simulator.asked)


def assert_nothing_landed(warehouse):
    """Make sure that a warehouse has neither rows nor notes."""
    assert (
        not warehouse.exists()
        or query(warehouse, "select schema_name from duckdb_schemas() where schema_name like 'raw_%'") == []
    )
    assert {path.name for path in warehouse.parent.rglob("*") if path.is_file()} <= {warehouse.name, "load.lock"}


# What is read


def test_everything_lands_as_it_came(loaded):
    """Every status, every instance, and the UUIDs that want to be encoded twice; each with what it belongs to."""
    warehouse, everything = loaded, account()
    assert {key: json.loads(key)[0] for key in landed(warehouse, "registrants")} == dict(
        query(warehouse, "select registrant_key, webinar_id from raw_zoom.registrants")
    )
    assert landed(warehouse, "registrants") == {
        json.dumps([number, one["id"]], separators=(",", ":")): one
        for number, registrants in everything["registrants"].items()
        for one in registrants
    }
    assert landed(warehouse, "instances") == {
        instance["uuid"]: instance for instances in everything["instances"].values() for instance in instances
    }
    assert dict(query(warehouse, "select instance_uuid, webinar_id from raw_zoom.instances")) == dict(
        zip(UUIDS, ("81", "82", "83", "85"), strict=True)
    )
    assert landed(warehouse, "panelists") == {'["83","p1"]': everything["panelists"]["83"][0]}
    assert landed(warehouse, "reports") == everything["reports"]
    assert landed(warehouse, "participants") == {
        json.dumps([uuid, one["user_id"], one["join_time"]], separators=(",", ":")): one
        for uuid, sessions in everything["participants"].items()
        for one in sessions
    }
    assert query(warehouse, "select distinct instance_uuid from raw_zoom.participants order by 1") == [
        (uuid,) for uuid in sorted(UUIDS)
    ]
    outcomes = " + ".join(f"records_{outcome}" for outcome in OUTCOMES)
    notes = "select entity from raw_meta.loads where source = 'zoom'"
    assert query(warehouse, f"{notes} and records_read != {outcomes}") == []
    assert sorted(query(warehouse, notes)) == sorted((name,) for name in TABLES)


def test_a_list_is_read_page_by_page_with_its_filters(simulator, load, warehouse):
    """The 650 sessions of a webinar come in three pages, each with their registrants."""
    began = NOW - 2 * DAY
    sessions = [session("zoe", began + timedelta(seconds=n)) for n in range(650)]
    simulator.account = simulator.account | {"participants": {UUIDS[2]: sessions}}
    load()
    pages = simulator.asked_for("mid%2Fdle%3D/participants$")
    assert [page.query["page_size"] for page in pages] == ["300"] * 3
    assert {page.query["include_fields"] for page in pages} == {"registrant_id"}
    assert ["next_page_token" in page.query for page in pages] == [False, True, True]
    assert len(landed(warehouse, "participants")) == 650
    assert all(document["registrant_id"] for document in landed(warehouse, "participants").values())


def test_people_are_told_apart_by_what_is_known_of_them(simulator, load, warehouse):
    """Registrants by e-mail where they have no id; sessions by the first name for somebody, and by when they began."""
    began = NOW - 2 * DAY
    nobody = {"id": "", "user_id": None, "registrant_id": "", "user_email": "", "name": "Phone 1"}
    sessions = [
        session("zoe", began),
        session("zoe", began + timedelta(minutes=40)),
        session("", began, **nobody),
        session("", began, **nobody | {"name": "Phone 2"}),
    ]
    registrants = [registrant("zoe", id=""), registrant("zoe", id=None, email="YAN@example.com ")]
    simulator.account = simulator.account | {
        "participants": {UUIDS[2]: sessions},
        "registrants": {"83": registrants},
    }
    load()
    assert sorted(landed(warehouse, "registrants")) == ['["83","yan@example.com"]', '["83","zoe@example.com"]']
    assert sorted(json.loads(key)[1:] for key in landed(warehouse, "participants")) == sorted(
        [
            [sessions[0]["user_id"], sessions[0]["join_time"]],
            [sessions[0]["user_id"], sessions[1]["join_time"]],
            ["Phone 1", iso(began)],
            ["Phone 2", iso(began)],
        ]
    )


def test_the_next_time_of_a_recurring_webinar_stands_for_it(reload, warehouse):
    """Of the times that are listed it is the earliest to come, and when none is to come the last."""
    assert landed(warehouse, "webinars")["85"]["start_time"] == iso(NOW + 7 * DAY)
    reload(8 * DAY)
    assert landed(warehouse, "webinars")["85"]["start_time"] == iso(NOW + 14 * DAY)
    reload(30 * DAY)
    assert landed(warehouse, "webinars")["85"]["start_time"] == iso(NOW + 14 * DAY)


def test_a_later_load_changes_nothing_and_asks_little(simulator, reload, warehouse):
    """It lists, and reads anew what is to come, is held again and again, or is over for less than three days."""
    before = rows(warehouse)
    reload(DAY / 24)
    assert asked(simulator) == {
        "/oauth/token": 1,
        "users": 2,
        **{f"users/{name}/webinars": 1 for name in ("ann", "bob", "cyd")},
        # What was held three weeks ago may be held again; what was two months ago may not.
        **{f"past_webinars/{number}/instances": 1 for number in (82, 83, 84, 85)},
        **{f"webinars/{number}/registrants": 3 for number in (83, 84)},
        # This one wants no registration.
        "webinars/85/registrants": 1,
        **{f"webinars/{number}/panelists": 1 for number in (83, 84, 85)},
        "report/webinars/mid%2Fdle%3D": 1,
        "report/webinars/mid%2Fdle%3D/participants": 1,
    }
    reload(DAY / 12, backfill=True)
    assert len(simulator.asked_for("^/v2/report/")) == 8
    assert rows(warehouse) == before
    later = f"from raw_meta.loads where started_at > timestamp '{NOW:%Y-%m-%d %H:%M}'"
    assert query(warehouse, f"select sum(records_new + records_changed), sum(records_unchanged) > 0 {later}") == [
        (0, True)
    ]


def test_what_is_over_is_read_until_a_load_that_began_after_the_lookback(simulator, reload, warehouse, monkeypatch):
    """Three days after its end a webinar is read for the last time, however long the next load takes to come."""
    late = session("late", NOW - 2 * DAY)
    simulator.account["participants"][UUIDS[2]].append(late)
    simulator.account["registrants"]["83"].append(registrant("late"))
    reload(100 * DAY)
    assert simulator.asked_for("mid%2Fdle%3D/participants$")
    assert {late["user_id"], "r-late"} <= {
        json.loads(key)[1] for name in ("participants", "registrants") for key in landed(warehouse, name)
    }
    reload(101 * DAY)
    assert not simulator.asked_for("^/v2/(report/|webinars/83/)")
    monkeypatch.setenv("SOURCES__ZOOM__LOOKBACK_DAYS", "110")
    reload(102 * DAY)
    assert simulator.asked_for("mid%2Fdle%3D/participants$")
    assert simulator.asked_for("^/v2/webinars/83/registrants")


def test_a_webinar_that_has_no_report_yet_is_asked_for_again(simulator, load, warehouse, capsys):
    """Nothing of it lands until there is one."""
    reports = simulator.account["reports"]
    simulator.account = simulator.account | {"reports": {uuid: reports[uuid] for uuid in UUIDS if uuid != UUIDS[2]}}
    load()
    assert "zoom: webinars without a report so far: 1; later loads ask again." in capsys.readouterr().err
    assert UUIDS[2] in landed(warehouse, "instances")
    assert UUIDS[2] not in landed(warehouse, "reports")
    simulator.account = simulator.account | {"reports": reports}
    load(10 * DAY)
    assert UUIDS[2] in landed(warehouse, "reports")
    assert len(landed(warehouse, "participants")) == 8


def test_a_webinar_that_still_runs_has_no_report(simulator, load, warehouse):
    """A report without an end says only who came so far."""
    simulator.account["reports"][UUIDS[2]] |= {"end_time": ""}
    load()
    assert UUIDS[2] not in landed(warehouse, "reports")
    assert not simulator.asked_for("mid%2Fdle%3D/participants$")


@pytest.mark.parametrize("status", [400, 300])
def test_what_is_older_than_the_reports_is_passed_over(simulator, load, warehouse, capsys, status):
    """One line says so and what can fill the gap; after some more days nobody asks again."""
    hold(simulator.account, 81, "old==", NOW - 185 * DAY)
    refusal = Fault(status, '{"code":300,"message":"Can not access webinar information."}')
    simulator.fail("/report/webinars/old%3D%3D$", refusal)
    load()
    assert OLD in capsys.readouterr().err
    assert "old==" not in landed(warehouse, "reports")
    load(6 * DAY)
    assert not simulator.asked_for("old")


def test_what_is_before_a_report_that_zoom_keeps_no_more_is_not_asked_for(simulator, load, warehouse, capsys):
    """A first load and a backfill say how many there are, after one request that leads nowhere; others ask none."""
    for days in (191, 900):
        hold(simulator.account, 81, f"old{days}==", NOW - days * DAY)
    simulator.kept_days = 180
    old = OLD.replace("1;", "2;")
    for is_told, later, backfill in ((True, 0, False), (False, 1, False), (True, 2, True)):
        simulator.now = lambda later=later: NOW + later * DAY
        simulator.asked.clear()
        load(later * DAY, backfill=backfill)
        asked = simulator.asked_for("/report/.*old")
        assert len(asked) == len(simulator.asked_for("/report/.*old191")) == is_told
        assert (old in capsys.readouterr().err) == is_told
    assert {"old191==", "old900=="} <= landed(warehouse, "instances").keys()
    # What landed while it could be had is not missed, a year later.
    simulator.now = lambda: NOW + 365 * DAY
    simulator.asked.clear()
    load(365 * DAY, backfill=True)
    assert len(simulator.asked_for("/report/")) == 1
    assert old in capsys.readouterr().err


def test_reports_that_are_older_than_zoom_promises_are_read_by_a_first_load(simulator, load, warehouse):
    """Newest first, as long as there are any; one that is missing among them does not end it."""
    for days in (200, 300, 400):
        hold(simulator.account, 81, f"old{days}==", NOW - days * DAY)
    del simulator.account["reports"]["old300=="]
    load()
    assert {"old200==", "old400=="} <= landed(warehouse, "reports").keys()


@pytest.mark.parametrize("code", [200, 1001, 1010])
@pytest.mark.parametrize("path", ["webinars/mid%2Fdle%3D$", "mid%2Fdle%3D/participants$"])
def test_the_report_of_a_host_without_a_plan_is_passed_over(simulator, load, warehouse, capsys, code, path):
    """In one line, and the others are read; a later load asks again."""
    simulator.fail(path, Fault(400, json.dumps({"code": code, "message": "Webinar plan is missing."})))
    load()
    said = "zoom: webinars whose reports cannot be read, as the host has no plan for webinars any more, or is gone: 1."
    assert said in capsys.readouterr().err
    assert sorted(landed(warehouse, "reports")) == sorted({*UUIDS} - {UUIDS[2]})
    assert len(landed(warehouse, "participants")) == 6
    load(DAY)
    assert UUIDS[2] in landed(warehouse, "reports")
    assert said not in capsys.readouterr().err


@pytest.mark.parametrize("said", [{}, {"uuid": None}, {"uuid": ""}])
def test_a_report_that_does_not_say_of_what_it_is_is_that_which_was_asked_for(simulator, load, warehouse, said):
    """It lands with the UUID."""
    report = simulator.account["reports"][UUIDS[2]]
    del report["uuid"]
    report |= said
    load()
    assert landed(warehouse, "reports")[UUIDS[2]] == report | {"uuid": UUIDS[2]}


def test_reports_that_the_account_refuses_for_their_age_are_passed_over(simulator, load, warehouse, capsys):
    """Whichever age that is; those that landed by then stay, and nobody misses them."""
    simulator.kept_days, simulator.now = 30, lambda: NOW
    load()
    assert "older than the reports that Zoom keeps: 1;" in capsys.readouterr().err
    assert sorted(landed(warehouse, "reports")) == sorted(UUIDS[1:])
    simulator.kept_days = 10
    load(backfill=True)
    assert "older than the reports that Zoom keeps: 1;" in capsys.readouterr().err
    assert sorted(landed(warehouse, "reports")) == sorted(UUIDS[1:])


def test_users_without_a_plan_are_passed_over_in_one_line(simulator, load, warehouse, capsys):
    """Those of whom Zoom knows nothing, too; the webinars of users who left are read."""
    simulator.account["users"] += [user("dan"), user("eve")]
    simulator.fail("/users/eve/webinars", Fault(404, '{"code":1001,"message":"User does not exist."}'))
    load()
    said = capsys.readouterr().err
    assert said.count("zoom: users who have no plan for webinars, or are gone: 3.") == 1
    assert "85" in landed(warehouse, "webinars")


def test_a_webinar_that_is_listed_no_more_is_followed_to_its_report(simulator, reload, warehouse):
    """Deleted after it was held, before anybody looked: when it took place and who came is read nevertheless."""
    hold(simulator.account, 84, "late==", NOW + 20 * DAY)
    listed = simulator.account["webinars"]
    simulator.account = simulator.account | {"webinars": listed | {"ann": listed["ann"][:3]}}
    reload(21 * DAY)
    assert landed(warehouse, "instances").keys() >= {"late=="}
    assert landed(warehouse, "reports").keys() >= {"late=="}
    assert "84" in landed(warehouse, "webinars")
    reload(60 * DAY)
    reload(61 * DAY)
    assert not simulator.asked_for("84|late")


def test_a_webinar_that_is_held_again_has_a_second_instance(simulator, reload, warehouse):
    """Also one that is listed for one time, weeks after it."""
    hold(simulator.account, 82, "again==", NOW + DAY)
    reload(2 * DAY)
    assert {"again==", UUIDS[1]} <= landed(warehouse, "reports").keys()
    # The registrants of those who came the second time.
    assert simulator.asked_for("^/v2/webinars/82/registrants")


def test_a_webinar_at_no_fixed_time_is_looked_after_for_as_long_as_it_is_listed(simulator, load, warehouse):
    """However long ago it was held, or if it never was; afterwards only if there is anything to go by."""
    listed = simulator.account["webinars"]
    meanwhile = listed | {"bob": [webinar(number, None, type=6) for number in (86, 87)]}
    simulator.account = simulator.account | {"webinars": meanwhile}
    hold(simulator.account, 86, "once==", NOW - 60 * DAY)
    load()
    hold(simulator.account, 86, "again==", NOW + DAY)
    load(2 * DAY)
    assert "again==" in landed(warehouse, "reports")
    assert simulator.asked_for("/87/registrants")
    simulator.account = simulator.account | {"webinars": listed}
    load(3 * DAY)
    assert simulator.asked_for("/86/registrants")
    assert not simulator.asked_for("/87/")


class Diary:
    """What happens in an account, drawn by chance: webinars planned, signed up for, held, held again, deleted."""

    def __init__(self, seed):
        """Begin with a user and nothing else."""
        self.chance = Random(seed)
        names = ("instances", "registrants", "panelists", "reports", "participants")
        self.account = {"users": [user("ann")], "webinars": {"ann": []}} | {name: {} for name in names}
        self.starts, self.listed, self.late, self.at = {}, set(), {}, NOW

    def plan(self):
        """A webinar in the days to come."""
        number = len(self.starts) + 1
        self.starts[number] = self.at + self.chance.randrange(1, 8) * DAY
        self.account["registrants"][str(number)] = []
        self.account["webinars"]["ann"].append(webinar(number, self.starts[number]))

    def sign_up(self):
        """Somebody registers, or is approved or denied later on."""
        if ahead := [number for number, start in self.starts.items() if start > self.at]:
            people = self.account["registrants"][str(self.chance.choice(ahead))]
            status = self.chance.choice(["approved", "pending", "denied"])
            if people and self.chance.random() < 0.5:
                self.chance.choice(people)["status"] = status
            else:
                people.append(registrant(f"n{len(people)}", status=status))

    def hold(self):
        """What is due takes place, or what took place two days ago at most does so again; the report may come later."""
        due = [
            number
            for number, start in self.starts.items()
            if start <= self.at <= start + (2 * DAY if str(number) in self.account["instances"] else 9 * DAY)
        ]
        if due:
            number = self.chance.choice(due)
            uuid = f"/{number}//{len(self.account['reports']) + len(self.late)}=="
            hold(self.account, number, uuid, self.at - timedelta(hours=2))
            if self.chance.random() < 0.5:
                self.late[uuid] = self.account["reports"].pop(uuid)

    def report(self):
        """Reports that were not there are; somebody who was overlooked stands in one."""
        for uuid, report in self.late.items():
            self.account["reports"][uuid] = report
            self.account["participants"][uuid].append(session("late", self.at))
        self.late.clear()

    def delete(self):
        """A webinar that took place, and that a load has seen, is listed no more."""
        webinars = self.account["webinars"]["ann"]
        over = [one for one in webinars if str(one["id"]) in self.account["instances"] and one["id"] in self.listed]
        if over:
            webinars.remove(self.chance.choice(over))


@pytest.mark.parametrize("seed", [1, 2])
def test_loads_from_time_to_time_know_what_happened_between_them(simulator, load, warehouse, seed):
    """Whatever is planned, held, reported on late and deleted, the last load has it all, without reading it all."""
    diary = Diary(seed)
    for number in range(90):
        diary.at += timedelta(hours=diary.chance.randrange(2, 20))
        deeds = [diary.plan, diary.sign_up, diary.sign_up, diary.hold, diary.hold, diary.report, diary.delete]
        diary.chance.choice(deeds)()
        if number % 15 == 14:
            simulator.account = diary.account
            load(diary.at - NOW)
            diary.listed |= {one["id"] for one in diary.account["webinars"]["ann"]}
    diary.report()
    load(diary.at + 4 * DAY - NOW)
    everything = diary.account
    assert landed(warehouse, "webinars").keys() == {str(number) for number in diary.starts}
    assert landed(warehouse, "reports") == everything["reports"]
    assert landed(warehouse, "instances") == {
        one["uuid"]: one for instances in everything["instances"].values() for one in instances
    }
    for name in ("participants", "registrants"):
        expected = [one for these in everything[name].values() for one in these]
        assert sorted(map(str, landed(warehouse, name).values())) == sorted(map(str, expected))
    # What makes this hard has happened.
    assert len(everything["webinars"]["ann"]) < len(diary.starts)
    assert any(len(instances) > 1 for instances in everything["instances"].values())
    assert len(simulator.asked_for("/report/.*/participants$")) < len(everything["reports"]) / 2


def test_what_the_api_no_longer_has_stays(simulator, reload, warehouse):
    """Absence means neither cancellation nor deletion."""
    before = rows(warehouse)
    simulator.account = {"users": simulator.account["users"]}
    reload(DAY, backfill=True)
    assert rows(warehouse) == before


@pytest.mark.parametrize(
    ("deed", "table"), [("drop table", "registrants"), ("delete from", "participants"), ("drop table", "reports")]
)
def test_a_table_that_lost_its_rows_is_filled_again(reload, warehouse, table, deed):
    """A note of a load is believed only while its rows are there."""
    before = rows(warehouse, "document")
    with duckdb.connect(warehouse) as connection:
        connection.execute(f"{deed} raw_zoom.{table}")
    reload(DAY)
    assert rows(warehouse, "document") == before


def test_each_account_has_a_first_load_of_its_own(simulator, reload, monkeypatch):
    """What was read of one account says nothing of another."""
    monkeypatch.setattr("ingestion.demo.zoom_simulator.ACCOUNT_ID", "other")
    monkeypatch.setenv("SOURCES__ZOOM__ACCOUNT_ID", "other")
    reload(DAY)
    assert len(simulator.asked_for("^/v2/report/")) == 8


def test_an_account_without_anything_is_loaded(simulator, load, warehouse):
    """That there was nothing is noted, and is a first load."""
    simulator.account = {}
    load()
    notes = "select count(*), sum(records_read) from raw_meta.loads where source = 'zoom'"
    assert query(warehouse, notes) == [(len(TABLES), 0)]
    simulator.account = account()
    hold(simulator.account, 81, "old==", NOW - 250 * DAY)
    load(DAY)
    assert not simulator.asked_for("old")


def test_documents_without_keys_are_rejected_with_their_place(simulator, load, warehouse):
    """Each costs itself and nothing else."""
    everything = simulator.account
    everything["webinars"]["ann"].append(webinar(None, NOW))
    everything["instances"]["83"].append({"start_time": iso(NOW)})
    everything["registrants"]["83"].append(registrant("", id="", email=" "))
    everything["panelists"]["83"].append({"name": "Nobody"})
    everything["participants"][UUIDS[2]].append(session("zoe", NOW, join_time=""))
    load()
    rejected = query(warehouse, "select entity, source_file, reason from raw_zoom.rejected_records order by entity")
    assert rejected == [
        (name, f"https://api.zoom.us/v2/{path}", f"has no {KEYS[name]}")
        for name, path in (
            ("instances", "past_webinars/instances"),
            ("panelists", "webinars/panelists"),
            ("participants", "report/webinars/participants"),
            ("registrants", "webinars/registrants"),
            ("webinars", "users/webinars"),
        )
    ]
    assert {name: len(landed(warehouse, name)) for name in TABLES} == {
        "webinars": 5,
        "instances": 4,
        "registrants": 12,
        "panelists": 1,
        "participants": 8,
        "reports": 4,
    }


def test_elements_that_are_no_objects_are_rejected(simulator, load, warehouse):
    """Whatever stands in a list, it is no reason to fall over."""
    for path, key in (("cyd/webinars", "webinars"), ("/83/instances", "webinars"), ("/83/panelists", "panelists")):
        simulator.fail(path, Fault(200, json.dumps({key: [7, None, "text", []]})))
    load()
    assert query(warehouse, "select entity, count(*) from raw_zoom.rejected_records group by 1 order by 1") == [
        ("instances", 4),
        ("panelists", 4),
        ("webinars", 4),
    ]


def test_report_files_land_in_the_same_load(load, warehouse, monkeypatch, tmp_path):
    """By both ways, or by files alone: then nobody is asked."""
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "report.csv").write_text(
        'Attendee Report,\nReport Generated:,"Apr 09, 2020 8:50 PM"\n'
        'Topic,Webinar ID,Actual Start Time,Actual Duration (minutes)\nOld one,328-972-509,"Mar 28, 2020 8:07 AM",60\n'
        "Attendee Details,\nAttended,First Name,Last Name,Email,Registration Time,Approval Status,Join Time,Leave Time,"
        "Time in Session (minutes)\n"
        'Yes,Zoë,,zoe@example.com,"Mar 27, 2020 09:07:11",approved,"Mar 28, 2020 09:07:39","Mar 28, 2020 09:26:54",9\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("SOURCES__ZOOM__BUCKET_URL", str(folder))
    monkeypatch.setenv("SOURCES__ZOOM__TIMEZONE", "UTC")
    load()
    assert query(warehouse, "select webinar_id from raw_zoom.attendee_reports") == [("328972509",)]
    assert query(warehouse, "select email from raw_zoom.attendee_report_rows") == [("zoe@example.com",)]
    assert len(landed(warehouse, "reports")) == 4
    for name in ("ACCOUNT_ID", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.delenv(f"SOURCES__ZOOM__{name}")
    load(DAY)
    assert query(warehouse, "select count(*) from raw_zoom.attendee_reports") == [(1,)]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("TIMEZONE", None, "SOURCES__ZOOM__TIMEZONE is not set"),
        ("TIMEZONE", "Berlin", "SOURCES__ZOOM__TIMEZONE is Berlin, which is no time zone"),
        ("BUCKET_URL", "/nowhere/at/all", "SOURCES__ZOOM__BUCKET_URL names /nowhere/at/all, which does not exist"),
    ],
)
def test_settings_of_the_files_are_checked_before_the_api_is_read(
    simulator, load, warehouse, monkeypatch, tmp_path, name, value, sentence
):
    """Otherwise somebody would wait for an hour to hear it."""
    monkeypatch.setenv("SOURCES__ZOOM__BUCKET_URL", str(tmp_path))
    monkeypatch.setenv("SOURCES__ZOOM__TIMEZONE", "UTC")
    if value:
        monkeypatch.setenv(f"SOURCES__ZOOM__{name}", value)
    else:
        monkeypatch.delenv(f"SOURCES__ZOOM__{name}")
    with pytest.raises(ThroughlineError, match=sentence):
        load()
    assert simulator.asked == []
    assert_nothing_landed(warehouse)


# Tokens


def test_a_token_that_ends_in_the_middle_is_replaced_once(simulator, load, warehouse):
    """All threads go on with the new one."""

    def revoke(one):
        if len(simulator.asked_for("/instances$")) == zoom_api.WORKERS and 401 not in simulator.statuses:
            simulator.revoke()

    simulator.before_answer = revoke
    # So that all threads have a request under way when that happens.
    simulator.latency = 0.05
    load()
    assert len(simulator.asked_for("/oauth/")) == 2
    assert simulator.statuses.count(401) > 1
    assert len(landed(warehouse, "participants")) == 8


@pytest.mark.usefixtures("load")
def test_a_token_is_replaced_before_it_ends():
    """With a minute to go nobody waits for a refusal."""
    clock = [1_000.0]
    session = rest.HostBoundSession(rest.ImpatientAdapter())
    token = zoom_api._Token(zoom_api.ApiSettings.read(), session, clock=lambda: clock[0])
    first = token.current()
    clock[0] += 3_600 - 61
    assert token.current() == first
    clock[0] += 1
    assert token.current() != first


def test_a_token_that_is_refused_twice_stops_the_load(simulator, load, warehouse):
    """There is no third attempt."""
    simulator.before_answer = lambda one: simulator.revoke() if "/v2/" in one.path else None
    with pytest.raises(
        ThroughlineError, match=r"does not accept the token .* \(401\); see whether the app of SOURCES__"
    ):
        load()
    assert simulator.statuses == [200, 401, 200, 401]
    assert_nothing_landed(warehouse)


@pytest.mark.parametrize(
    ("name", "words"), [("CLIENT_SECRET", "401 invalid_client"), ("ACCOUNT_ID", "400 invalid_request")]
)
def test_an_app_that_gets_no_token_is_a_sentence(load, warehouse, monkeypatch, name, words):
    """It names the settings, and what Zoom said."""
    monkeypatch.setenv(f"SOURCES__ZOOM__{name}", "wrong")
    with pytest.raises(ThroughlineError, match=rf"^Zoom gives the app no token \({words}.* SOURCES__ZOOM__{name}"):
        load()
    assert_nothing_landed(warehouse)


@pytest.mark.parametrize("answer", ['{"access_token":7}', '{"access_token":"two words"}', "{}"])
def test_an_answer_without_a_token_is_a_sentence(simulator, load, answer):
    """Whatever else it says."""
    simulator.fail("/oauth/", Fault(200, answer))
    with pytest.raises(ThroughlineError, match="answered without a token; see whether SOURCES__ZOOM__OAUTH_URL"):
        load()


def test_the_secret_goes_nowhere_but_where_the_settings_say(simulator, load):
    """A redirect is not followed with it."""
    simulator.fail("/oauth/", Fault(307, "", {"location": "/oauth/elsewhere"}))
    with pytest.raises(ThroughlineError, match="leads elsewhere; see whether SOURCES__ZOOM__OAUTH_URL is right"):
        load()
    assert [one.path for one in simulator.asked] == ["/oauth/token"]


def test_the_api_is_where_the_answer_with_the_token_says(simulator, load, warehouse, monkeypatch):
    """Without a base_url of one's own."""
    monkeypatch.delenv("SOURCES__ZOOM__BASE_URL")
    load()
    assert len(landed(warehouse, "reports")) == 4


@pytest.mark.parametrize(
    ("api_url", "base_url"),
    [
        ("https://api-eu.zoom.us", "https://api-eu.zoom.us/v2"),
        ("https://api-eu.zoom.us/", "https://api-eu.zoom.us/v2"),
        ("https://zoom.us", "https://zoom.us/v2"),
        ("https://API.Zoom.us:443", "https://API.Zoom.us:443/v2"),
        ("http://api.zoom.us", zoom_api.API_URL),
        ("https://zoom.us.example.com", zoom_api.API_URL),
        ("https://notzoom.us", zoom_api.API_URL),
        ("https://api.zoom-us", zoom_api.API_URL),
        ("https://zoom.us@example.com", zoom_api.API_URL),
        ("http://127.0.0.1:1", zoom_api.API_URL),
        (r"https://example.com\@api.zoom.us", zoom_api.API_URL),
        ("https://api.zoom.us/v1", zoom_api.API_URL),
        ("https://api.zoom.us?to=example.com", zoom_api.API_URL),
        ("https://api.zoom.us#example.com", zoom_api.API_URL),
        ("https://example.com/.zoom.us", zoom_api.API_URL),
        ("nonsense", zoom_api.API_URL),
    ],
)
def test_a_token_goes_to_no_host_but_zooms_own(simulator, load, monkeypatch, api_url, base_url):
    """Whatever address the answer with the token names; a base_url that is set is taken whatever it says."""
    simulator.api_url = api_url
    mine = zoom_api.ApiSettings.read().base_url
    with zoom_api.Api.impatient(zoom_api.ApiSettings.read()) as api:
        assert api._base_url == mine
    monkeypatch.delenv("SOURCES__ZOOM__BASE_URL")
    with zoom_api.Api.impatient(zoom_api.ApiSettings.read()) as api:
        assert api._base_url == base_url


@pytest.mark.parametrize(
    ("rest", "is_taken"), [("", True), ("/", True), ("/v1", False), ("?v1", False), ("#v1", False)]
)
def test_an_api_on_this_machine_is_where_the_token_came_from(simulator, load, serve, monkeypatch, rest, is_taken):
    """So that a simulator can be asked; its address, too, is a host and no more."""
    url = serve(simulator)
    simulator.api_url = f"{url}{rest}"
    monkeypatch.delenv("SOURCES__ZOOM__BASE_URL")
    with zoom_api.Api.impatient(zoom_api.ApiSettings.read()) as api:
        assert api._base_url == (f"{url}/v2" if is_taken else zoom_api.API_URL)


def test_a_redirect_elsewhere_does_not_carry_the_token(simulator, load, warehouse):
    """The page is read by somebody who is nobody there."""
    seen = []

    async def answer(request):
        seen.append(dict(request.headers))
        return JSONResponse({"panelists": []})

    with serving(Starlette(routes=[Route("/{path:path}", answer)])) as url:
        simulator.fail("/83/panelists", Fault(302, "", {"location": f"{url}/panelists"}))
        load()
    assert len(seen) == 1
    assert "authorization" not in seen[0]


def test_nobody_ever_sees_a_secret(simulator, load, warehouse, monkeypatch, capfd):
    """Neither secret nor token nor account stands in a message, a log, a note or a file, whatever fails."""
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
    monkeypatch.setattr(Landing, "_merge", merge_by_dlt)
    said = []
    load()
    echo = json.dumps({"code": 300, "message": f"No {CLIENT_SECRET} {CLIENT_ID} {ACCOUNT_ID}"})
    for path, fault in (
        ("/oauth/", Fault(400, echo)),
        ("/oauth/", HTML),
        ("/v2/users$", Fault(401, "{}")),
        ("/v2/users$", DROPPED),
        ("/v2/users$", Fault(400, '{"code":4711,"message":"Invalid access token, does not contain scopes."}')),
    ):
        simulator.fail(path, *[fault] * 5)
        with pytest.raises(ThroughlineError) as failure:
            load()
        said.append(str(failure.value))
        for pattern in simulator._faults:
            pattern[1].clear()

    def echoing(one):
        if one.path == "/v2/users":
            simulator.fail("/v2/users$", Fault(400, json.dumps({"message": f"Not good: {one.authorization}"})))

    simulator.before_answer = echoing
    with pytest.raises(ThroughlineError, match="Not good: Bearer …") as failure:
        load()
    said += [str(failure.value), repr(zoom_api.ApiSettings.read())]
    monkeypatch.setenv("SOURCES__ZOOM__CLIENT_SECRET", f"{CLIENT_SECRET}\n{CLIENT_SECRET}")
    with pytest.raises(ThroughlineError, match="SOURCES__ZOOM__CLIENT_SECRET holds more than a") as failure:
        load()
    said.append(str(failure.value))
    basic = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    tokens = list(simulator._tokens)
    assert len(tokens) >= 4
    text = "".join([*said, *capfd.readouterr()])
    for secret in (CLIENT_SECRET, basic, *tokens):
        assert secret not in text
        for path in warehouse.parent.rglob("*"):
            assert path.is_dir() or secret.encode() not in path.read_bytes(), path
    assert ACCOUNT_ID not in str(query(warehouse, "from raw_meta.loads"))


# What goes wrong


def test_a_page_token_that_expired_begins_its_list_again(simulator, load, warehouse):
    """Once: what was read by then is read again."""
    simulator.account["registrants"]["83"] = [registrant(f"n{n}") for n in range(700)]
    expired = Fault(400, '{"code":300,"message":"The next page token is either invalid or has expired."}')

    def expire(one):
        pages = simulator.asked_for("^/v2/webinars/83/registrants")
        if len(pages) == 3 and one is pages[-1]:
            simulator.fail("/83/registrants", expired)

    simulator.before_answer = expire
    load()
    approved = [one for one in simulator.asked_for("/83/registrants") if one.query["status"] == "approved"]
    assert ["next_page_token" in one.query for one in approved] == [False, True, True, False, True, True]
    assert sum(json.loads(key)[0] == "83" for key in landed(warehouse, "registrants")) == 700


def test_page_tokens_that_always_expire_are_a_sentence(simulator, load, warehouse):
    """There is no third attempt."""
    simulator.account["registrants"]["83"] = [registrant(f"n{n}") for n in range(700)]
    simulator.page_seconds = -1.0
    with pytest.raises(ThroughlineError, match=r"/83/registrants with 400 The next page token .* Nothing was loaded"):
        load()
    assert len(simulator.asked_for("/83/registrants")) == 4
    assert_nothing_landed(warehouse)


def test_pages_that_lead_in_a_circle_end(simulator, load):
    """The same page with the same token is there for ever."""
    simulator.fail("/83/registrants", *[Fault(200, '{"registrants":[],"next_page_token":"again"}')] * 9)
    with pytest.raises(ThroughlineError, match="leads nowhere"):
        load()


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/v2/users$", {"message": "Hello"}, "answered with no list of users"),
        ("/ann/webinars", {"webinars": {}}, "answered with no list of webinars"),
        ("/83/registrants", {"registrants": [], "next_page_token": 7}, "answered with no list of registrants"),
        ("dle%3D/participants", {"code": 0}, "answered with no list of participants"),
        ("webinars/mid%2Fdle%3D$", {"uuid": "other"}, "the report of another time"),
    ],
)
def test_an_answer_of_another_shape_is_not_taken_for_data(simulator, load, warehouse, path, body, sentence):
    """An error's body with status 200, or half a list, is no empty list; nor is one report another."""
    simulator.fail(path, Fault(200, json.dumps(body)))
    with pytest.raises(ThroughlineError, match=sentence):
        load()
    assert_nothing_landed(warehouse)


@pytest.mark.parametrize("path", ["/oauth/", "/v2/users$", "/83/registrants", "dle%3D/participants"])
def test_faults_that_pass_are_survived_and_others_land_nothing(simulator, load, warehouse, path):
    """Wherever they come; the load after one that failed has all that an undisturbed one has."""
    simulator.fail(path, *[DROPPED] * 5)
    with pytest.raises(ThroughlineError, match=r"in 5 attempts.* Nothing was loaded; load again later\.$"):
        load()
    assert_nothing_landed(warehouse)
    simulator.fail(path, Fault(500), HTML, DROPPED, Fault(404, "<html>"))
    load()
    assert len(landed(warehouse, "participants")) == 8


def test_a_failed_later_load_leaves_all_as_it_was(simulator, reload, warehouse):
    """Neither rows nor notes, and what it would have read is read next time."""
    before = rows(warehouse), query(warehouse, "from raw_meta.loads")
    hold(simulator.account, 84, "new==", NOW + 20 * DAY)
    simulator.fail("new", *[Fault(500)] * 5)
    with pytest.raises(ThroughlineError):
        reload(21 * DAY)
    assert (rows(warehouse), query(warehouse, "from raw_meta.loads")) == before
    reload(22 * DAY)
    assert "new==" in landed(warehouse, "reports")


@pytest.mark.parametrize("path", ["/v2/users$", "/83/panelists", "webinars/mid%2Fdle%3D$"])
def test_a_scope_that_is_missing_is_named(simulator, load, warehouse, path):
    """Wherever it is needed: no list is taken for empty because nobody may read it."""
    body = '{"code":4711,"message":"Invalid access token, does not contain scopes:[report:read:admin]."}'
    simulator.fail(path, Fault(400, body))
    with pytest.raises(ThroughlineError, match=r"needs a scope that .*SOURCES__ZOOM__CLIENT_ID .*report:read:admin"):
        load()
    assert_nothing_landed(warehouse)


@pytest.mark.parametrize("path", ["/v2/users$", "/83/instances", "/83/panelists", "webinars/mid%2Fdle%3D$"])
def test_any_other_refusal_says_what_zoom_says(simulator, load, warehouse, path):
    """A 400 is told with its words."""
    simulator.fail(path, Fault(400, '{"code":300,"message":"Something is wrong."}'))
    with pytest.raises(ThroughlineError, match=r"with 400 Something is wrong\. Nothing was loaded"):
        load()
    assert_nothing_landed(warehouse)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOOKBACK_DAYS", "a month"),
        ("LOOKBACK_DAYS", "-1"),
        ("BASE_URL", "api.zoom.us"),
        ("OAUTH_URL", "https://someone:secret@example.com"),
        ("CLIENT_ID", " "),
        ("CLIENT_SECRET", "two words"),
        ("ACCOUNT_ID", ""),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(simulator, load, monkeypatch, name, value):
    """Nothing is asked with it."""
    monkeypatch.setenv(f"SOURCES__ZOOM__{name}", value)
    with pytest.raises(ThroughlineError, match=f"^SOURCES__ZOOM__{name} "):
        load()
    assert simulator.asked == []


# How fast


def refused(**headers):
    """Return an answer of 429 to a request for a report."""
    response = requests.Response()
    response.status_code = 429
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    response.request = requests.Request("GET", "https://api.zoom.us/v2/report/webinars/x").prepare()
    return response


def adapter():
    """Return what sends the requests of a load."""
    return zoom_api._CategoryAdapter(None, say=lambda _: None, wait=lambda _: None)


@pytest.mark.parametrize("write", [str, "http", "iso"])
@pytest.mark.parametrize("seconds", [1, 120])
def test_a_429_waits_until_retry_after(write, seconds):
    """Be it seconds, an HTTP date, or Zoom's own ISO instant; a second at least."""
    instant = datetime.now(UTC) + timedelta(seconds=seconds)
    text = {str: str(seconds), "http": format_datetime(instant, usegmt=True), "iso": iso(instant)}[write]
    assert seconds - 2 <= max(adapter().seconds_until_reset(refused(Retry_After=text)), 1) <= seconds + 0.1
    assert adapter().seconds_until_reset(refused(Retry_After=text)) >= 1


@pytest.mark.parametrize("text", ["", "soon", "-5", "2026-13-01T00:00:00Z"])
def test_a_429_that_says_nothing_sensible_waits_a_second(text):
    """The limits are those of a second."""
    assert adapter().seconds_until_reset(refused(Retry_After=text)) == 1
    assert adapter().seconds_until_reset(refused()) == 1


def test_a_limit_of_the_day_ends_the_load_and_names_the_instant(simulator, load, warehouse):
    """Nobody waits until midnight."""
    simulator.daily_limit, simulator.now = 3, lambda: datetime(2999, 6, 30, 23, tzinfo=UTC)
    with pytest.raises(
        ThroughlineError, match=r"but 429: no more requests are allowed until 2999-07-01 00:00 UTC\. Nothing was loaded"
    ):
        load()
    assert_nothing_landed(warehouse)


def test_a_limit_of_the_day_without_an_instant_ends_the_load(simulator, load):
    """It is no matter of seconds."""
    limit = Fault(429, '{"code":429}', {"x-ratelimit-type": "Daily-limit"})
    simulator.fail("mid%2Fdle%3D$", limit)
    with pytest.raises(ThroughlineError, match="but 429: the account's requests of this day are used up"):
        load()


def test_limits_follow_what_answers_say():
    """Each category has its own; what is said of the day, or is no number, changes none."""
    sender = adapter()

    def limit_of(path):
        return sender.rate_of(requests.Request("GET", f"https://api.zoom.us/v2{path}").prepare()).limit

    def follow(path, **headers):
        answer = refused(**{f"X-RateLimit-{name}": value for name, value in headers.items()})
        answer.request = requests.Request("GET", f"https://api.zoom.us/v2{path}").prepare()
        sender.follow(answer)

    report, people, listing = "/report/webinars/x", "/webinars/8/registrants", "/users/ann/webinars"
    assert (limit_of(report), limit_of(people), limit_of("/users"), limit_of(listing)) == (10, 20, 20, 30)
    follow(report, Category="Heavy", Type="QPS", Limit="40")
    assert (limit_of(report), limit_of(f"{report}/participants"), limit_of(people)) == (40, 40, 20)
    for nonsense in ({"Limit": "30000", "Type": "Daily-limit"}, {"Limit": ""}, {"Limit": "many"}, {"Limit": "0"}):
        follow(report, **{"Category": "Heavy"} | nonsense)
        follow(report, **{"Category": "Unheard of", "Limit": "7"} | nonsense)
        assert limit_of(report) == 40
    # An answer knows better than we do to which category a request belongs.
    follow(people, Category="Light", Type="QPS", Limit="80")
    assert (limit_of(people), limit_of(listing), limit_of("/users")) == (80, 80, 20)


def test_a_load_keeps_to_the_limits_of_a_small_account(simulator, load, warehouse, monkeypatch):
    """With all threads at work at most the first answers are 429, of which a load hears once, and waits a second."""
    # A second is a twentieth here, for both.
    monkeypatch.setattr(zoom_api, "_WINDOW_SECONDS", 0.05)
    simulator.window_seconds = 0.05
    simulator.limits = {"Light": 4, "Medium": 4, "Heavy": 2}
    load()
    assert len(landed(warehouse, "participants")) == 8
    assert len(landed(warehouse, "registrants")) == 12
    heavy = [one.instant for one in simulator.asked_for("/report/")]
    assert len(heavy) >= 8
    assert simulator.statuses.count(429) <= 8


# The simulator itself


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nothing", 404, 2300),
        ("/users?status=gone", 400, 300),
        ("/users?page_size=301", 400, 300),
        ("/users?page_size=0", 400, 300),
        ("/users?next_page_token=x", 400, 300),
        ("/users/me/webinars", 404, 1001),
        ("/users/bob/webinars", 400, 200),
        ("/webinars/99/registrants", 404, 3001),
        ("/webinars/85/registrants", 400, 404),
        ("/webinars/83/registrants?status=cancelled", 400, 300),
        ("/webinars/99/panelists", 404, 3001),
        ("/past_webinars/99/instances", 404, 3001),
        ("/report/webinars/99", 404, 3001),
        ("/report/webinars/%2Fleading%2Bplus%3D%3D", 404, 3001),
        ("/report/webinars/mid%2F%2Fdle%3D%3D/participants", 404, 3001),
    ],
)
def test_the_simulator_refuses_as_zoom_does(simulator, serve, path, status, code):
    """In the documented shape, with the limits in the headers."""
    url = serve(simulator)
    answer = requests.get(f"{url}/v2{path}", headers=authorized(url), timeout=9)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["X-RateLimit-Type"] == "QPS"
    assert answer.headers["X-RateLimit-Category"] in simulator.limits


def authorized(url):
    """Return the header of somebody with a token."""
    form = {"grant_type": "account_credentials", "account_id": ACCOUNT_ID}
    answer = requests.post(f"{url}/oauth/token", data=form, auth=(CLIENT_ID, CLIENT_SECRET), timeout=9)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_the_simulator_gives_what_is_asked_for(simulator):
    """Approved registrants unless others are wanted, registrants' ids where they are, the latest instance by number."""
    hold(simulator.account, 82, "again==", NOW - DAY)
    with serving(simulator) as url:
        headers = authorized(url)

        def ask(path, **query):
            return requests.get(f"{url}/v2{path}", params=query, headers=headers, timeout=9).json()

        assert [one["status"] for one in ask("/webinars/83/registrants")["registrants"]] == ["approved"]
        assert [one["status"] for one in ask("/webinars/83/registrants", status="denied")["registrants"]] == ["denied"]
        assert [one["id"] for one in ask("/users", status="inactive")["users"]] == ["cyd"]
        assert ask("/report/webinars/82")["uuid"] == "again=="
        sessions = ask("/report/webinars/82/participants")["participants"]
        assert not any("registrant_id" in one for one in sessions)
        page = ask("/report/webinars/82/participants", page_size="1", include_fields="registrant_id")
        assert page["participants"][0]["registrant_id"]
        token = page["next_page_token"]
        # It is good for its own list and filters only.
        again = {"page_size": "1", "include_fields": "registrant_id", "next_page_token": token}
        assert ask("/report/webinars/82/participants", **again)["next_page_token"] == ""
        assert ask("/report/webinars/82/participants", next_page_token=token)["code"] == 300


def test_the_simulator_wants_its_app_and_its_tokens(simulator):
    """Tokens end, and nobody gets one who is not the app of the account."""
    form = {"grant_type": "account_credentials", "account_id": ACCOUNT_ID}
    with serving(simulator) as url:

        def status(auth, **changes):
            return requests.post(f"{url}/oauth/token", data=form | changes, auth=auth, timeout=9).status_code

        assert status((CLIENT_ID, CLIENT_SECRET)) == 200
        assert status((CLIENT_ID, "other")) == 401
        assert status((CLIENT_ID, CLIENT_SECRET), account_id="other") == 400
        assert status((CLIENT_ID, CLIENT_SECRET), grant_type="client_credentials") == 400
        headers = authorized(url)
        assert requests.get(f"{url}/v2/users", headers=headers, timeout=9).status_code == 200
        simulator.token_seconds = -1
        for bad in ({}, {"Authorization": "Bearer other"}, authorized(url)):
            assert requests.get(f"{url}/v2/users", headers=bad, timeout=9).json()["code"] == 124


def test_the_simulator_counts_requests_by_category(simulator):
    """Over the limit of one there is 429 there, and nowhere else; the day's says when it ends."""
    simulator.limits = {"Light": 9, "Medium": 2, "Heavy": 9}
    simulator.daily_limit = 1
    with serving(simulator) as url:
        headers = authorized(url)

        def ask(path):
            return requests.get(f"{url}/v2{path}", headers=headers, timeout=9)

        answers = [ask("/users") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
        assert ask("/users/ann/webinars").status_code == 200
        assert ask("/report/webinars/82").status_code == 200
        refusal = ask("/report/webinars/82")
        assert (refusal.status_code, refusal.headers["X-RateLimit-Type"]) == (429, "Daily-limit")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", refusal.headers["Retry-After"])
        assert simulator.counts()["/v2/users"] == 3
