"""The doctor: what it says of a healthy installation, and of everything that can be wrong with one."""

import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import calendly_organization as acme
import duckdb
import pytest
from calendly_organization import ORGANIZATION, USER
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from support import PROJECT_ROOT

from ingestion import doctor, warehouse_checks
from ingestion.declarations import LOADS
from ingestion.demo.bigmarker_simulator import API_KEY, PATH, BigMarkerSimulator
from ingestion.demo.calendly_simulator import TOKEN, CalendlySimulator
from ingestion.demo.simulator import Fault, serving
from ingestion.demo.zoom_simulator import ACCOUNT_ID, CLIENT_ID, CLIENT_SECRET, ZoomSimulator
from ingestion.files import list_files
from ingestion.findings import size, span
from ingestion.settings import published_path, site_path
from ingestion.signing_keys import add_signing_key

KEY = "a-signing-key-of-mine"
PASSWORD = "pass-word"
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
SUBSCRIPTION = {
    "uri": "https://api.calendly.com/webhook_subscriptions/one",
    "callback_url": "https://hooks.example.com/webhooks/calendly",
    "created_at": "2026-01-01T00:00:00.000000Z",
    "retry_started_at": None,
    "state": "active",
    "scope": "organization",
    "organization": ORGANIZATION,
    "user": None,
}
BUILDS = {
    "invocation_id": "varchar",
    "target": "varchar",
    "command": "varchar",
    "started_at": "timestamp",
    "finished_at": "timestamp",
    "error_count": "integer",
    "marts_failed": "varchar",
}
FRESHNESS = {
    "source": "varchar",
    "entity": "varchar",
    "max_load_age_hours": "double",
    "newest_record_at": "timestamp",
    "max_record_age_hours": "double",
}


@dataclass
class World:
    """An installation.

    Attributes:
        folder: Where all of it lies.
        simulator: Calendly.
        zoom: Zoom.
        bigmarker: BigMarker.
        patch: Sets the environment.
    """

    folder: Path
    simulator: CalendlySimulator
    zoom: ZoomSimulator
    bigmarker: BigMarkerSimulator
    patch: pytest.MonkeyPatch

    @property
    def warehouse(self) -> Path:
        """The warehouse."""
        return self.folder / "warehouse" / "w.duckdb"

    def set(self, name, value):
        """Set or unset something of a source in the environment."""
        if value is None:
            self.patch.delenv(f"SOURCES__{name}")
        else:
            self.patch.setenv(f"SOURCES__{name}", str(value))

    def run(self, sql, *values):
        """Change the warehouse."""
        with duckdb.connect(self.warehouse) as connection:
            connection.execute(sql, list(values))

    def add_load(self, source, finished_at, entity="e", **columns):
        """Note a load."""
        given = {"load_id": f"{finished_at}", "source": source, "entity": entity, "source_file": f"{source}.csv"}
        given |= {"started_at": utc(finished_at - HOUR / 60), "finished_at": utc(finished_at), "records_rejected": 0}
        given |= columns
        self.run(
            f"insert into raw_meta.loads by name select {', '.join(f'? as {name}' for name in given)}", *given.values()
        )

    def add_build(self, started_at, *, errors=0, ends=True, failed=""):
        """Note a build."""
        finished_at = utc(started_at + HOUR / 60) if ends else None
        values = [str(started_at), "prod", "build", utc(started_at), finished_at, errors, failed]
        self.run(f"insert into raw_meta.builds values ({', '.join('?' * len(values))})", *values)

    def publish(self):
        """Copy the warehouse."""
        shutil.copy(self.warehouse, published_path(self.warehouse))


def utc(instant):
    """Return an instant as the warehouse keeps it."""
    return instant.astimezone(UTC).replace(tzinfo=None)


def now():
    """Return this instant."""
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Be the folder of a healthy installation; its files do not say where they lie."""
    folder = tmp_path_factory.mktemp("healthy")
    for name in ("crm", "ad_spend", "deliveries/2026-11-21", "calendly_export", "zoom", "stream"):
        (folder / name).mkdir(parents=True)
    for name in ("marketing_data", "sales_outreach_data", "contact_data", "opportunity_data"):
        (folder / "crm" / f"{name}.csv").touch()
    (folder / "ad_spend" / "spend_data_2026-11-21.json").touch()
    (folder / "calendly_export" / "export.csv").touch()
    (folder / "zoom" / "attendee_report.csv").touch()
    for name in ("users.tsv", "transactions.csv", "products.csv"):
        (folder / "stream" / name).touch()
    (folder / "deliveries" / "2026-11-21" / "deliveries-1.jsonl").write_text("{}\n", encoding="utf-8")
    world = World(folder, None, None, None, None)
    world.warehouse.parent.mkdir()
    world.run(f"create schema raw_meta; create table raw_meta.loads ({columns(LOADS)})")
    world.run(f"create table raw_meta.builds ({columns(BUILDS)})")
    world.run(f"create schema marts; create table marts.source_freshness ({columns(FRESHNESS)})")
    world.run(
        "insert into marts.source_freshness values ('crm', 'contacts', 192, null, null),"
        " ('calendly', 'invitees', 36, null, null), ('calendly_webhooks', 'deliveries', 24, null, null),"
        " ('calendly_export', 'invitees', 192, null, null), ('ad_spend', 'spend', 36, ?, 48),"
        " ('zoom', 'reports', 36, null, null), ('bigmarker', 'conferences', 36, null, null),"
        " ('stream', 'transactions', 192, null, null)",
        utc(now() - DAY),
    )
    for source in ("crm", "calendly", "calendly_export", "ad_spend", "zoom", "bigmarker", "stream"):
        world.add_load(source, now() - HOUR)
    world.add_build(now() - HOUR)
    return folder


def columns(types):
    """Return the columns of a table as SQL."""
    return ", ".join(f"{name} {sql_type}" for name, sql_type in types.items())


@pytest.fixture(scope="module")
def calendly():
    """Be Calendly and its address."""
    simulator = CalendlySimulator(acme.organization([]), requests_per_minute=100_000)
    with serving(simulator) as url:
        yield simulator, url


@pytest.fixture(scope="module")
def webinars():
    """Be Zoom and BigMarker, and their addresses."""
    zoom = ZoomSimulator({"users": [{"id": "u1", "status": "active"}], "webinars": {"u1": []}})
    bigmarker = BigMarkerSimulator({"conferences": [{"id": "c1"}, {"id": "c2"}]})
    with serving(zoom) as zoom_url, serving(bigmarker) as bigmarker_url:
        yield zoom, zoom_url, bigmarker, bigmarker_url


@pytest.fixture
def world(template, calendly, webinars, tmp_path, monkeypatch):
    """Be a healthy installation with all sources."""
    folder = tmp_path / "world"
    shutil.copytree(template, folder)
    simulator, url = calendly
    simulator.subscriptions = [dict(SUBSCRIPTION)]
    simulator.is_admin, simulator.lacking = True, ()
    simulator._faults.clear()
    simulator.asked.clear()
    zoom, zoom_url, bigmarker, bigmarker_url = webinars
    for other in (zoom, bigmarker):
        other._faults.clear()
        other.asked.clear()
    bigmarker.page_fields = ("total_entries",)
    world = World(folder, simulator, zoom, bigmarker, monkeypatch)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(folder))
    add_signing_key(KEY)
    for name in ("crm", "ad_spend", "calendly_export", "zoom", "stream"):
        world.set(f"{name.upper()}__BUCKET_URL", folder / name)
    world.set("CALENDLY_WEBHOOKS__BUCKET_URL", folder / "deliveries")
    world.set("CALENDLY_EXPORT__TIMEZONE", "Europe/Berlin")
    world.set("CALENDLY__API_TOKEN", TOKEN)
    world.set("CALENDLY__BASE_URL", url)
    world.set("ZOOM__TIMEZONE", "Europe/Berlin")
    world.set("ZOOM__ACCOUNT_ID", ACCOUNT_ID)
    world.set("ZOOM__CLIENT_ID", CLIENT_ID)
    world.set("ZOOM__CLIENT_SECRET", CLIENT_SECRET)
    world.set("ZOOM__BASE_URL", f"{zoom_url}/v2")
    world.set("ZOOM__OAUTH_URL", f"{zoom_url}/oauth/token")
    world.set("BIGMARKER__API_KEY", API_KEY)
    world.set("BIGMARKER__BASE_URL", f"{bigmarker_url}{PATH}")
    (delivered,) = list_files("calendly_webhooks", str(folder / "deliveries"), (".jsonl",), is_deep=True)
    world.add_load(
        "calendly_webhooks", now(), "deliveries", source_file=delivered.address, file_version=delivered.version
    )
    world.publish()
    site_path(world.warehouse).mkdir()
    (site_path(world.warehouse) / "index.html").touch()
    return world


@pytest.fixture
def examine(world, capsys):
    """Be a function that returns the doctor's findings as (mark, subject, text), and whether nobody is needed."""

    def examine_it():
        is_well = doctor.examine(world.warehouse)
        *lines, last = capsys.readouterr().out.splitlines()
        for secret in (TOKEN, KEY, PASSWORD, CLIENT_SECRET, API_KEY, "ann@example.com"):
            assert secret not in "\n".join([*lines, last])
        found = [re.fullmatch(r"(ok  |note|act )  ([\w ]+): (.*\.|.*\?)", line) for line in lines]
        assert all(found), lines
        findings = [(line[1].strip(), line[2], line[3]) for line in found]
        needing = [subject for mark, subject, _ in findings if mark == "act"]
        assert is_well == (not needing)
        assert (last == "Nothing needs you.") == is_well
        assert all(subject in last for subject in needing)
        return findings, is_well

    return examine_it


def heads(findings):
    """Return what ages do not change."""
    return [(mark, subject) for mark, subject, _ in findings]


def test_all_is_well(world, examine):
    """One sentence for each thing, always in the same order, with few requests to the APIs."""
    world.patch.setenv("ALERTS__WEBHOOK_URL", f"https://chat.example.com/{PASSWORD}")
    findings, is_well = examine()
    assert is_well
    assert heads(findings) == [
        ("ok", subject)
        for subject in (
            "alerts",
            *("crm", "calendly", "subscription", "calendly_webhooks", "receiver", "calendly_export", "ad_spend"),
            *("zoom", "zoom", "bigmarker", "stream"),
            *("warehouse", "build", "published copy", "site"),
            *("ad_spend", "bigmarker", "calendly", "calendly_export", "calendly_webhooks", "crm", "stream"),
            *("zoom", "disk"),
        )
    ]
    assert [asked.path for asked in world.simulator.asked] == [
        *("/users/me", "/scheduled_events", "/webhook_subscriptions", "/webhook_subscriptions")
    ]
    assert [asked.path for asked in world.zoom.asked] == ["/oauth/token", "/v2/users"]
    assert [asked.path for asked in world.bigmarker.asked] == [f"{PATH}/conferences/"]
    texts = [text for _, subject, text in findings if subject in ("zoom", "bigmarker")]
    assert texts[:3] == [
        "The API answers, and the account has 1 active user.",
        f"{world.folder / 'zoom'} holds 1 file to load.",
        "The API answers, and the account has 2 conferences.",
    ]
    assert heads(examine()[0]) == heads(findings)


def subscription(**changes):
    """Return what changes the subscription."""
    return lambda world: world.simulator.subscriptions[0].update(changes)


def setting(name, value):
    """Return what changes a setting."""
    return lambda world: world.set(name, value)


def without_keys(world):
    """Forget the signing keys."""
    (world.folder / ".dlt" / "secrets.toml").unlink()


def never_subscribed(world):
    """Have neither a subscription nor a key."""
    without_keys(world)
    world.simulator.subscriptions = []


def new_delivery(age):
    """Return what puts a delivery in its folder that long ago."""

    def change(world):
        path = world.folder / "deliveries" / "2026-11-21" / "deliveries-2.jsonl"
        path.write_text("{}\n", encoding="utf-8")
        set_age(path, age)

    return change


def set_age(path, age):
    """Let a file be that old."""
    instant = (now() - age).timestamp()
    os.utime(path, (instant, instant))


def rebuilt(age, **changes):
    """Return what notes a newer build, of that long ago."""
    return lambda world: world.add_build(now() - age, **changes)


def late(source, age):
    """Return what makes the last load of a source older."""

    def change(world):
        world.run("update raw_meta.loads set finished_at = ? where source = ?", utc(now() - age), source)
        world.publish()

    return change


def old_build(world):
    """Have had no build for two days."""
    world.run("update raw_meta.builds set started_at = ?, finished_at = started_at", utc(now() - 2 * DAY))
    world.publish()


def nothing_built(world):
    """Have a warehouse into which sources were only loaded."""
    world.run("drop table raw_meta.builds; drop schema marts cascade")
    published_path(world.warehouse).unlink()
    shutil.rmtree(site_path(world.warehouse))


def rejection(world):
    """Have records rejected by the last load of the CRM that read a file."""
    for hours, count in ((3, 8), (2, 4)):
        world.run("delete from raw_meta.loads where source = 'crm'") if hours == 3 else None
        world.add_load("crm", now() - hours * HOUR, records_rejected=count)
    world.add_load("crm", now(), None, source_file=None)


def whole_rejection(world):
    """Have a load reject every record of one table, and some of another."""
    world.run("delete from raw_meta.loads where source = 'crm'")
    world.add_load("crm", now() - HOUR, "contacts", records_read=4, records_rejected=1)
    world.add_load("crm", now() - HOUR, "opportunities", records_read=5, records_rejected=5)


def earlier_rejection(world):
    """Have records rejected by a load after which another one read a file without a fault."""
    world.add_load("crm", now() - 3 * HOUR, records_rejected=8)


def rejection_of_files(world):
    """Have a file of a source rejected whose API, read since, gave nothing to reject."""
    world.add_load("crm", now() - 2 * HOUR, "files", records_rejected=1)
    world.add_load("crm", now() - HOUR, "documents")


def written(path, text):
    """Return what writes a file."""

    def change(world):
        (world.folder / path).parent.mkdir(exist_ok=True)
        (world.folder / path).write_text(text, encoding="utf-8")

    return change


def removed(path):
    """Return what removes a file."""
    return lambda world: (world.folder / path).unlink()


def other_address(world):
    """Have a subscription whose address could be anybody's."""
    world.simulator.subscriptions[0]["callback_url"] = f"https://me:{PASSWORD}@hub.example.com/in?key={PASSWORD}"


def moved(world):
    """Have an active subscription, and the disabled one of an address of before."""
    world.simulator.subscriptions.append(
        SUBSCRIPTION | {"callback_url": "https://old.example.com/webhooks/calendly", "state": "disabled"}
    )


def own(world):
    """Have a user's subscription, and a token of no admin."""
    world.simulator.is_admin = False
    world.simulator.subscriptions[0].update(scope="user", user=USER)


CASES = {
    # Settings
    "a misspelt variable": (
        lambda world: world.set("CALENDY__API_TOKEN", PASSWORD),
        "note settings SOURCES__CALENDY__API_TOKEN in the environment .* did you mean SOURCES__CALENDLY__API_TOKEN",
    ),
    "a variable of something else": (
        lambda world: world.set("QWERTZ__X", PASSWORD),
        "note settings SOURCES__QWERTZ__X in the environment is read by nothing; see README",
    ),
    "a misspelt name in a file": (
        written(".dlt/config.toml", "[sources.ad_spend]\ncurency = 'EUR'\n"),
        "note settings SOURCES__AD_SPEND__CURENCY in .*config.toml .* did you mean SOURCES__AD_SPEND__CURRENCY",
    ),
    "a file that is no TOML": (
        written(".dlt/config.toml", f"[sources.ad_spend\n{PASSWORD}\n"),
        "act settings .*config.toml cannot be read: .*line 1",
    ),
    "a clock that stands": (
        lambda world: world.patch.setenv("THROUGHLINE_NOW", now().isoformat()),
        "note clock THROUGHLINE_NOW is set",
    ),
    "a clock that is none": (
        lambda world: world.patch.setenv("THROUGHLINE_NOW", "noon"),
        "act clock THROUGHLINE_NOW is 'noon'",
    ),
    "a source without settings": (
        setting("CRM__BUCKET_URL", None),
        "note crm It has no settings; to load it, set SOURCES__CRM__BUCKET_URL to the folder",
    ),
    "a source that was given up": (setting("CRM__BUCKET_URL", None), "note crm .* has no settings any more"),
    "a company seed that is missing": (
        lambda world: world.patch.setenv("THROUGHLINE_SEEDS", str(world.folder)),
        r"act settings The company seed .*hosts\.csv is missing",
    ),
    # Files
    "a folder that is not there": (
        setting("CRM__BUCKET_URL", "/nowhere/at/all"),
        "act crm SOURCES__CRM__BUCKET_URL names /nowhere/at/all, which does not exist",
    ),
    "a folder without files": (
        lambda world: world.set("CRM__BUCKET_URL", world.folder / "deliveries"),
        r"act crm .*deliveries holds none of the files \*marketing_data\.csv",
    ),
    "a folder that lacks a file": (
        removed("crm/contact_data.csv"),
        r"note crm There is no \*contact_data\.csv or \.parquet; contacts stays as it is",
    ),
    "a setting of a source that is wrong": (
        setting("AD_SPEND__CURRENCY", "gold"),
        "act ad_spend SOURCES__AD_SPEND__CURRENCY is gold",
    ),
    "an order of dates that is none": (
        setting("STREAM__DATE_ORDER", "iso"),
        "act stream SOURCES__STREAM__DATE_ORDER is iso, which is no order of dates; write month_first or day_first",
    ),
    "a currency that is none": (
        setting("STREAM__CURRENCY", "gold"),
        "act stream SOURCES__STREAM__CURRENCY is gold",
    ),
    "a folder that lacks one of several kinds of files": (
        removed("stream/users.tsv"),
        r"note stream There is no \*users\*\.csv, \.tsv or \.parquet; users stays as it is",
    ),
    "a setting of a source that is missing": (
        setting("CALENDLY_EXPORT__TIMEZONE", None),
        "act calendly_export SOURCES__CALENDLY_EXPORT__TIMEZONE is not set",
    ),
    # The API
    "a token that is none": (setting("CALENDLY__API_TOKEN", "wrong"), r"act calendly .* accept the token \(401\)"),
    "a setting of the API that is wrong": (
        setting("CALENDLY__LOOKBACK_DAYS", "many"),
        "act calendly SOURCES__CALENDLY__LOOKBACK_DAYS is 'many'",
    ),
    "a token of no admin": (
        own,
        "act calendly The token may not read the organization's scheduled events .* admin or owner",
    ),
    "subscriptions that are not shown": (own, "note subscription Those of the organization are shown only"),
    "a user's subscription": (own, "ok subscription Calendly delivers to https://hooks.example.com/webhooks/calendly"),
    "an API that has trouble": (
        lambda world: world.simulator.fail("/users/me", Fault(503)),
        "note calendly .*no usable answer .* status 503. Look again later",
    ),
    "a rate limit that is used up": (
        lambda world: world.simulator.fail("/users/me", Fault(429, "{}", {"x-ratelimit-reset": "42"})),
        "note calendly .* 429: the rate limit of this token is used up for another 42 s. Look again later",
    ),
    "an API that is not there": (
        setting("CALENDLY__BASE_URL", "http://127.0.0.1:9"),
        "act calendly 127.0.0.1 gave no usable answer .*refused",
    ),
    # Webinars
    "an app that is half set": (
        setting("ZOOM__CLIENT_SECRET", None),
        "act zoom SOURCES__ZOOM__CLIENT_SECRET is missing; set it to the client secret",
    ),
    "an app that gets no token": (setting("ZOOM__CLIENT_SECRET", PASSWORD), "act zoom Zoom .*SOURCES__ZOOM__CLIENT_"),
    "an app that lacks a scope": (
        lambda world: world.zoom.fail(
            "/users$", Fault(400, '{"code": 4711, "message": "The token does not contain scopes: [user:read:admin]."}')
        ),
        r"act zoom .*/v2/users needs a scope .* \[user:read:admin\].*add it to the app",
    ),
    "reports without a zone": (setting("ZOOM__TIMEZONE", None), "act zoom SOURCES__ZOOM__TIMEZONE is not set"),
    "no reports yet": (
        removed("zoom/attendee_report.csv"),
        r"note zoom .*zoom holds no Attendee Report \(\*\.csv\) yet",
    ),
    "a folder of reports that is not there": (
        setting("ZOOM__BUCKET_URL", "/nowhere/at/all"),
        "act zoom SOURCES__ZOOM__BUCKET_URL names /nowhere/at/all, which does not exist",
    ),
    "a key that is none": (
        setting("BIGMARKER__API_KEY", PASSWORD),
        r"act bigmarker BigMarker does not accept the key \(403 The API key is invalid.*SOURCES__BIGMARKER__API_KEY",
    ),
    "a number of days that is none": (
        setting("BIGMARKER__LOOKBACK_DAYS", "many"),
        "act bigmarker SOURCES__BIGMARKER__LOOKBACK_DAYS is 'many'",
    ),
    "a list that does not say how long it is": (
        lambda world: setattr(world.bigmarker, "page_fields", ()),
        r"ok bigmarker The API answers\.$",
    ),
    # Subscriptions
    "a disabled subscription": (
        subscription(state="disabled"),
        "act subscription Calendly has disabled .* `throughline subscribe --url"
        " https://hooks.example.com/webhooks/calendly --replace` and `throughline load calendly --backfill`",
    ),
    "a subscription that retries": (
        subscription(retry_started_at=f"{now() - 3 * HOUR:%Y-%m-%dT%H:%M:%S.000000Z}"),
        r"act subscription Since .* UTC \(3 hours ago\) https://hooks.example.com/.* has not answered",
    ),
    "one that was disabled before another": (moved, "note subscription That of https://old.example.com/.* is disabled"),
    "no subscription any more": (
        lambda world: world.simulator.subscriptions.clear(),
        "act subscription There is a signing key, but Calendly delivers nowhere",
    ),
    "no subscription yet": (never_subscribed, "note subscription Calendly delivers nowhere; `throughline subscribe`"),
    "a subscription that may be anybody's": (
        other_address,
        "note subscription Calendly delivers to https://hub.example.com/in; if none of these is the receiver",
    ),
    "no token to look for subscriptions": (
        setting("CALENDLY__API_TOKEN", None),
        "note subscription .* can be seen only with SOURCES__CALENDLY__API_TOKEN",
    ),
    # The receiver
    "no signing key": (without_keys, "note receiver There is no signing key"),
    "deliveries that just came": (new_delivery(HOUR / 6), "note receiver Deliveries in 1 file wait .*10 minutes ago"),
    "deliveries that nobody loads": (
        new_delivery(3 * HOUR),
        r"act receiver Deliveries in 1 file wait .*\(3 hours ago\): see whether `throughline refresh calendly_webhooks",
    ),
    "no delivery yet": (
        removed("deliveries/2026-11-21/deliveries-1.jsonl"),
        "note calendly_webhooks .* holds no delivery yet",
    ),
    "no folder of deliveries yet": (
        lambda world: shutil.rmtree(world.folder / "deliveries"),
        "note calendly_webhooks .*deliveries is not there yet; `throughline receive` makes it",
    ),
    "no room for deliveries": (
        lambda world: world.patch.setattr(
            doctor.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9 << 20, 8 << 20, 1 << 20)
        ),
        "act receiver 1.* MiB are free at .*deliveries: make room",
    ),
    # The warehouse
    "no warehouse": (lambda world: world.warehouse.unlink(), r"act warehouse .*w\.duckdb is not there"),
    "a warehouse that is none": (written("warehouse/w.duckdb", "x" * 9999), "act warehouse .* cannot be opened"),
    "a warehouse that was never built": (nothing_built, "act build Nothing was built yet"),
    "a build that failed": (
        rebuilt(HOUR, errors=3, failed="a,b"),
        r"act build .*\(1 hour ago\) and had 3 errors; marts: a, b, with what had to be left out",
    ),
    "a build that was killed": (rebuilt(2 * HOUR, ends=False), "act build .* did not end"),
    "a build that may have been killed": (rebuilt(HOUR / 2, ends=False), "note build .* did not end"),
    "no build for days": (old_build, r"act build .*\(2 days ago\), and none has come since"),
    "a copy of an earlier build": (rebuilt(3 * HOUR), "act published copy .* there is a newer one"),
    "a copy that is about to be made": (rebuilt(HOUR / 4), "note published copy .* stays until a newer one"),
    "a copy of before a failure": (rebuilt(3 * HOUR, errors=1), "note published copy .* stays until a newer one"),
    "no copy": (lambda world: published_path(world.warehouse).unlink(), "act published copy .* is not there; make it"),
    "no copy yet": (nothing_built, "note published copy .* is made of the first build without an error"),
    "a copy that is none": (written("warehouse/w.published.duckdb", "x" * 9999), "act published copy .* be opened"),
    "no site": (lambda world: shutil.rmtree(site_path(world.warehouse)), "note site There is none"),
    "an old site": (
        lambda world: set_age(site_path(world.warehouse) / "index.html", 3 * DAY + HOUR),
        r"act site .*\(3 days ago\), 3 days before the published copy",
    ),
    # Freshness
    "a source that is late": (
        late("ad_spend", 3 * DAY),
        r"act ad_spend .* loaded .*\(3 days ago\), more than 36 hours: see whether `throughline refresh ad_spend`",
    ),
    "a source that was not looked at": (
        lambda world: world.run("delete from raw_meta.loads where source = 'crm'"),
        "act crm It has settings and was never loaded",
    ),
    "records that are late": (
        lambda world: world.run("update marts.source_freshness set newest_record_at = ?", utc(now() - 3 * DAY)),
        r"act ad_spend The newest record of spend is of .*\(3 days ago\), more than 2 days",
    ),
    "rejected records": (rejection, r"note crm The last load .*\(2 hours ago\), rejected 4 records; raw_crm.rejected"),
    "rejected files beside an API": (
        rejection_of_files,
        r"note crm The last load .*\(2 hours ago\), rejected 1 record;",
    ),
    "a table of which nothing could be used": (
        whole_rejection,
        r"act crm The last load .*\(1 hour ago\), rejected 6 records, among them every one of opportunities; raw_",
    ),
    # The disk
    "a disk that is full": (
        lambda world: world.patch.setattr(
            warehouse_checks.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 8, 1)
        ),
        "act disk 1 bytes are free at .* make room",
    ),
}


@pytest.mark.parametrize(("change", "expected"), CASES.values(), ids=CASES)
def test_what_is_wrong_is_said(world, examine, change, expected):
    """With its mark, about its subject, and with what to do."""
    change(world)
    findings, _ = examine()
    lines = [f"{mark} {subject} {text}" for mark, subject, text in findings]
    assert [line for line in lines if re.match(expected, line)], lines


@pytest.mark.parametrize("change", [earlier_rejection, moved, without_keys, new_delivery(HOUR / 6)])
def test_what_needs_nobody(world, examine, change):
    """Notes alone leave the exit code 0."""
    change(world)
    findings, is_well = examine()
    assert is_well
    assert ("note", "crm") not in heads(findings)


def test_a_source_without_deliveries_need_not_have_been_loaded(world, examine):
    """There is nothing to load."""
    removed("deliveries/2026-11-21/deliveries-1.jsonl")(world)
    world.run("delete from raw_meta.loads where source = 'calendly_webhooks'")
    assert examine()[1]


def test_a_settings_file_that_is_no_toml_is_said_once(world, examine):
    """Nothing that hangs on settings is said then, as nobody knows them."""
    written(".dlt/config.toml", "[sources\n")(world)
    findings, _ = examine()
    assert [head for head in heads(findings) if head[0] != "ok"] == [("act", "settings")]
    assert world.simulator.asked == []


def test_nothing_is_set(world, examine):
    """The sentence names what to begin with, and each source says what it would need."""
    for name in ("CRM", "AD_SPEND", "CALENDLY_EXPORT", "CALENDLY_WEBHOOKS", "STREAM"):
        world.set(f"{name}__BUCKET_URL", None)
    world.set("CALENDLY__API_TOKEN", None)
    for name in ("ZOOM__BUCKET_URL", "ZOOM__CLIENT_ID", "BIGMARKER__API_KEY"):
        world.set(name, None)
    findings, _ = examine()
    assert findings[0][:2] == ("act", "settings")
    assert ("note", "alerts") in heads(findings)
    assert "SOURCES__CALENDLY__API_TOKEN" in findings[0][2]
    assert "SOURCES__ZOOM__CLIENT_ID, SOURCES__ZOOM__BUCKET_URL, SOURCES__BIGMARKER__API_KEY" in findings[0][2]
    assert world.simulator.asked == world.zoom.asked == world.bigmarker.asked == []


def test_zoom_by_one_way_only(world, examine):
    """Whoever has no app, or exports no reports, is not told of the other."""
    world.set("ZOOM__BUCKET_URL", None)
    assert next(text for _, subject, text in examine()[0] if subject == "zoom").startswith("The API answers")
    world.set("ZOOM__BUCKET_URL", world.folder / "zoom")
    for name in ("ACCOUNT_ID", "CLIENT_ID", "CLIENT_SECRET"):
        world.set(f"ZOOM__{name}", None)
    findings, is_well = examine()
    assert is_well
    assert next(text for _, subject, text in findings if subject == "zoom").endswith("holds 1 file to load.")


@contextmanager
def held(path):
    """Have another process write a database."""
    code = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"held\n"
            yield process.pid
        finally:
            process.kill()


def test_a_busy_warehouse_is_not_waited_for(world, examine):
    """The published copy says what it knows, and it is said that it is the copy."""
    with held(world.warehouse) as pid:
        findings, is_well = examine()
        texts = {subject: (mark, text) for mark, subject, text in findings if mark == "note"}
        assert f"in use by process {pid}; what follows is what the published copy says" in texts["warehouse"][1]
        assert "cannot be compared" in texts["published copy"][1]
        assert is_well
        assert ("ok", "crm") in heads(findings)
        published_path(world.warehouse).unlink()
        new_delivery(3 * HOUR)(world)
        findings, is_well = examine()
    assert next(text for _, subject, text in findings if subject == "warehouse").endswith("when it has ended.")
    # What cannot be known is nobody's task.
    assert is_well
    assert "build" not in {subject for _, subject, _ in findings}


def test_a_check_that_breaks_hides_no_other(world, examine, monkeypatch):
    """It says where it broke, but not in which words: they could hold anything."""
    expected = [head for head in heads(examine()[0]) if head[1] != "subscription"]

    def breaks(*_):
        raise KeyError(PASSWORD)

    monkeypatch.setattr(doctor, "subscriptions", breaks)
    findings, is_well = examine()
    assert not is_well
    assert [head for head in heads(findings) if head[1] != "subscription"] == expected
    ((mark, _, text),) = [finding for finding in findings if finding[1] == "subscription"]
    assert mark == "act"
    assert re.search(r"\(KeyError in test_doctor\.py, line \d+\)", text)


def test_a_place_that_does_not_answer_is_left(world, examine, monkeypatch):
    """A listing may hang, and then the rest is said nevertheless."""
    hanging = threading.Event()
    listing = doctor.list_files

    def hang(source, *arguments, **named):
        if source == "crm":
            hanging.wait(60)
        return listing(source, *arguments, **named)

    monkeypatch.setattr(doctor, "list_files", hang)
    monkeypatch.setattr(doctor, "_LISTING_SECONDS", 0.5)
    world.set("CRM__BUCKET_URL", f"s3://someone:{PASSWORD}@bucket/crm")
    findings, _ = examine()
    hanging.set()
    assert ("act", "crm", "s3://bucket/crm gave no answer within 0.5 s; see whether it can be reached.") in findings
    assert ("ok", "disk") in heads(findings)


def test_an_index_is_asked_for_once(world, examine):
    """The files that it names are for a load to read."""
    asked = []

    async def answer(request):
        asked.append(request.url.path)
        return JSONResponse({"files": ["spend_data_2026-01-15.json", "notes.txt"]})

    with serving(Starlette(routes=[Route("/{path:path}", answer)])) as url:
        world.set("AD_SPEND__BUCKET_URL", f"{url}/spend")
        findings, _ = examine()
    assert ("ok", "ad_spend", f"{url}/spend holds 1 file to load.") in findings
    assert asked == ["/spend/file_index.json"]


def test_every_setting_that_is_read_is_known():
    """Otherwise the doctor would take it for a misspelt one."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT_ROOT / "ingestion").glob("*.py"))
    names = re.findall(r'(?:source|secret|address|number)_setting\(\s*"(\w+)",\s*"(\w+)"', text)
    read = {f"{source}__{name}" for source, name in names}
    known = {f"{source}__{name}" for source, names in doctor.SETTINGS.items() for name in names}
    assert read <= known
    assert len(read) >= 15
    assert set(doctor.SETTINGS) == set(doctor.SOURCES)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-5), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(minutes=59, seconds=59), "59 minutes"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(hours=48), "2 days"),
    ],
)
def test_how_ages_are_worded(age, words):
    """Roughly."""
    assert span(age) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (2048, "2 KiB"), (5 << 20, "5 MiB"), (3 << 40, "3072.0 GiB")],
)
def test_how_sizes_are_worded(count, words):
    """Roughly."""
    assert size(count) == words


def test_the_command_ends_with_1_if_a_person_is_needed(run, tmp_path):
    """The findings are what it is asked to print."""
    done = run(
        "throughline", "doctor", check=False, THROUGHLINE_WAREHOUSE=tmp_path / "w.duckdb", DLT_PROJECT_DIR=tmp_path
    )
    assert done.returncode == 1
    assert done.stdout.startswith("act   settings: No source has settings")
    assert done.stdout.endswith("2 things need you: settings, warehouse.\n")
