"""The demo company: repeatable, coherent across files, and with the story and the corners that the reports show."""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import pytest

from ingestion import demo
from ingestion.demo import (
    ad_spend,
    addresses,
    bigmarker,
    billing,
    bookings,
    calendly,
    calendly_export,
    calendly_webhooks,
    crm,
    stream,
    webinar_crews,
    webinars,
    zoom_api,
)
from ingestion.demo.calendly_history import event_of
from ingestion.demo.calendly_history import written as in_calendly
from ingestion.demo.crm import HEADERS, OLD_NAMES
from ingestion.demo.files import replacing
from ingestion.demo.simulators import simulated
from ingestion.demo.world import CHANNELS, END, SEGMENTS, START, World
from ingestion.errors import ThroughlineError
from ingestion.signatures import verify

WINDOW = timedelta(days=90)
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# What a loader must refuse: column, and the value as the file has it.
UNLOADABLE = {
    ("contact", "contact_id", ""),
    ("opportunity", "pipeline_amount", "n/a"),
    ("marketing", "marketing_touchpoint_date", "12 May 26, noon"),
}


def contents(folder: Path) -> dict[str, bytes]:
    """Return each file's bytes by its place in the folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def seen(world: World) -> dict[str, dict[str, str]]:
    """Return what a world's bookings leave in Calendly, by kind and key, without what a group's members share."""

    def alone(document: dict) -> str:
        kept = {name: value for name, value in document.items() if name != "scheduled_event"}
        if document.get("invitees_counter", {"limit": 1})["limit"] > 1:
            kept = {name: document[name] for name in ("name", "start_time", "event_memberships")}
        return json.dumps(kept)

    organization = calendly.organization(world)
    kinds = ("invitees", "scheduled_events", "routing_form_submissions")
    documents = {kind: {document["uri"]: alone(document) for document in organization[kind]} for kind in kinds}
    # The edit of an event type is the company's, whatever its size.
    documents["deliveries"] = {
        f"{at} {delivery['event']} {delivery['payload']['uri']}": alone(delivery["payload"])
        for at, delivery in calendly_webhooks.arrivals(world)
    }
    for export in calendly_export.EXPORTS:
        rows = calendly_export.rows(world, export)
        documents[export.name] = {row["Invitee Email"] + row["Start Date & Time"]: json.dumps(row) for row in rows}
    accounts = {"zoom": zoom_api.account(world), "bigmarker": bigmarker.account(world)}
    for source, kind in (
        ("zoom", "registrants"),
        ("zoom", "participants"),
        ("bigmarker", "registrations"),
        ("bigmarker", "attendees"),
    ):
        documents[f"{source} {kind}"] = {
            " ".join((place, *(document.get(name) or "" for name in ("id", "user_id", "entered_at")))): json.dumps(
                document
            )
            for place, listed in accounts[source][kind].items()
            for document in listed
        }
    return documents


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Hold the export of the default company."""
    folder = tmp_path_factory.mktemp("demo")
    demo.write_demo(folder)
    return folder


@pytest.fixture(scope="module")
def world():
    """Be the world behind that export."""
    return World(demo.DEFAULT_SIZE, demo.DEFAULT_SEED)


@pytest.fixture(scope="module")
def written(folder):
    """Hold every record of the export, by file (a key of HEADERS)."""
    records = {}
    for file in HEADERS:
        with (folder / "crm" / f"larkfield_{file}_data.csv").open(encoding="utf-8", newline="") as handle:
            records[file] = list(csv.DictReader(handle))
    return records


@pytest.fixture(scope="module")
def export(written):
    """Hold the records that can be loaded, by file."""
    return {
        file: [record for record in records if not UNLOADABLE & {(file, *item) for item in record.items()}]
        for file, records in written.items()
    }


@pytest.fixture(scope="module")
def touches(export):
    """Hold (instant, id, channel, contact id) of every touch, in order."""
    new_names = {old: new for new, old in OLD_NAMES.items()}
    rows = (tuple(record.values()) for file in ("marketing", "sales_outreach") for record in export[file])
    return sorted((datetime.fromisoformat(at), key, new_names.get(name, name), who) for key, name, who, at in rows)


@pytest.fixture(scope="module")
def linked(export, touches):
    """Hold (opportunity, its account's touches, those of them in its window) of every opportunity."""
    account_of = {contact["contact_id"]: contact["account_id"] for contact in export["contact"]}
    by_account = defaultdict(list)
    for touch in touches:
        if account := account_of.get(touch[3]):
            by_account[account].append(touch)
    rows = []
    for opportunity in export["opportunity"]:
        created_at = datetime.fromisoformat(opportunity["Opportunity_Created_Date"])
        known = by_account[opportunity["account_id"]]
        rows.append((opportunity, known, [touch for touch in known if created_at - WINDOW <= touch[0] <= created_at]))
    return rows


def amount(opportunity: dict[str, str]) -> float:
    """Return an opportunity's amount in US dollars, 0 where it has none."""
    return float(opportunity["pipeline_amount"] or 0)


def credit(linked: list, model: str, segment: str | None = None) -> Counter:
    """Return the amount in US dollars that a model gives each channel, in all or in one segment."""
    credits = Counter()
    for opportunity, _, window in linked:
        if segment in (None, opportunity["sales_segment"]):
            chosen = {"first": window[:1], "last": window[-1:], "linear": window}[model]
            for touch in chosen:
                credits[touch[2]] += amount(opportunity) / len(chosen)
    return credits


def test_same_seed_writes_the_same_bytes_in_any_process(tmp_path):
    """Neither a second run nor Python's hash salt changes a byte."""
    demo.write_demo(tmp_path / "here", size=60, seed=5)
    for salt in ("1", "2"):
        subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys, pathlib; from ingestion.demo import write_demo;"
                "write_demo(pathlib.Path(sys.argv[1]), size=60, seed=5)",
                tmp_path / salt,
            ],
            env=os.environ | {"PYTHONHASHSEED": salt},
            cwd=Path(__file__).parents[2],
            check=True,
        )
        assert contents(tmp_path / salt) == contents(tmp_path / "here")


@pytest.mark.parametrize(
    ("source", "digest"),
    [
        ("crm", "f187a52280e477be"),
        ("calendly", "1b2649cb645ec4ba"),
        ("calendly_webhooks", "9c08eafb2dfa52a9"),
        ("calendly_export", "8d296354d3175a2b"),
        ("ad_spend", "5aeda08e0c1da13a"),
        ("zoom", "eaa79f46b9aa3d77"),
        ("zoom_api", "a6502a5fa90383cd"),
        ("bigmarker", "0f8fbab629ac0f31"),
        ("stream", "864ba84342127157"),
    ],
)
def test_default_export_is_pinned(folder, source, digest):
    """The published pages show this very company, on every platform and Python: whoever changes it should mean to."""
    files = contents(folder / source)
    if source == "crm":
        # In the order of its tables.
        files = {name: files[name] for name in (f"larkfield_{file}_data.csv" for file in HEADERS)}
    assert hashlib.sha256(b"".join(files.values())).hexdigest()[:16] == digest


def test_another_seed_makes_another_company(tmp_path):
    """The seed reaches every file."""
    demo.write_demo(tmp_path / "5", size=20, seed=5)
    demo.write_demo(tmp_path / "6", size=20, seed=6)
    five, six = contents(tmp_path / "5"), contents(tmp_path / "6")
    assert {name.partition("/")[0] for name in five} == set(demo.WRITERS)
    same = {name for name in five.keys() & six.keys() if five[name] == six[name]}
    # Names of files are dates, and on some days nobody of two companies as small as these did anything.
    assert all(name == "ad_spend/file_index.json" or len(five[name].splitlines()) < 2 for name in same)
    assert len(same) < len(five) / 2


def test_larger_world_holds_the_smaller_one_unchanged(tmp_path):
    """Growing adds accounts and records, and touches none of those that were there."""
    small, large = World(30, 5), World(50, 5)
    assert list(small.accounts()) == list(large.accounts())[:30]
    for name, world in {"small": small, "large": large}.items():
        demo.write_demo(tmp_path / name, world.size, world.seed)
    small_files, large_files = contents(tmp_path / "small"), contents(tmp_path / "large")
    for name, text in small_files.items():
        source = name.partition("/")[0]
        if source in ("crm", "stream"):
            assert set(text.splitlines()) < set(large_files[name].splitlines())
        if source == "ad_spend":
            assert text == large_files[name]
        if source == "zoom":
            # The third line sums up the rest.
            few, many = ([*lines[:3], *lines[4:]] for lines in (text.splitlines(), large_files[name].splitlines()))
            assert not Counter(few) - Counter(many)
    for kind, few in seen(small).items():
        many = seen(large)[kind]
        assert few.items() <= many.items(), kind
        assert len(few) < len(many), kind


def test_streams_do_not_disturb_one_another():
    """A writer may draw as it likes: the accounts stay."""
    world = World(3, 5)
    before = list(world.accounts())
    draws = [world.stream(*name).random() for name in ((1, "journey"), (1, "people"), (2, "people"), (1, "journey"))]
    assert draws[0] == draws[3]
    assert len(set(draws)) == 3
    assert list(world.accounts()) == before


def test_accounts_are_made_one_by_one():
    """A world of any size starts at once and holds nothing."""
    assert [account.number for account in islice(World(10**12, 5).accounts(), 3)] == [1, 2, 3]


@pytest.mark.parametrize("size", [0, -1])
def test_world_without_accounts_is_refused(size, tmp_path):
    """The message names the size, and nothing is written."""
    with pytest.raises(ValueError, match=f"at least 1 account, not {size}"):
        demo.write_demo(tmp_path, size)
    assert not contents(tmp_path)


def test_only_files_that_differ_are_rewritten(tmp_path):
    """An unchanged file keeps its time, a changed one is replaced, and no partial file stays."""
    demo.write_demo(tmp_path, size=5)
    before = contents(tmp_path)
    for path in (tmp_path / "crm").iterdir():
        os.utime(path, (1, 1))
    spoilt = tmp_path / "crm" / "larkfield_contact_data.csv"
    spoilt.write_text("spoilt")
    demo.write_demo(tmp_path, size=5)
    assert contents(tmp_path) == before
    assert {path for path in (tmp_path / "crm").iterdir() if path.stat().st_mtime != 1} == {spoilt}


def test_smaller_world_takes_the_place_of_a_larger_one(tmp_path):
    """Nothing of the larger one stays behind in a file that the smaller would not write."""
    demo.write_demo(tmp_path / "both", size=40)
    for name in ("both", "small"):
        demo.write_demo(tmp_path / name, size=1)
    assert contents(tmp_path / "both") == contents(tmp_path / "small")


def test_failure_leaves_the_old_file(tmp_path):
    """A writer that breaks off replaces nothing and leaves nothing behind."""
    path = tmp_path / "data.csv"
    path.write_text("old")

    def break_off():
        with replacing(path) as handle:
            handle.write("half a fi")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert contents(tmp_path) == {"data.csv": b"old"}


def test_headers_and_formats_are_those_of_the_crm(written, export):
    """Header names with their case, keys of 18 characters used once, UTC times, amounts with cents."""
    for file, header in HEADERS.items():
        assert tuple(written[file][0]) == header
        keys = [record[header[0]] for record in export[file]]
        assert {len(key) for key in keys} == {18}
        assert len(set(keys)) == len(keys)
    for file, header in HEADERS.items():
        for column in header:
            if column.lower().endswith("date"):
                values = [record[column] for record in export[file]]
                assert all(map(TIMESTAMP.fullmatch, values))
                assert f"{START:%Y-%m-%d}" <= min(values) <= max(values) < f"{END:%Y-%m-%d}"
    assert all(re.fullmatch(r"(\d+\.\d\d)?", record["pipeline_amount"]) for record in export["opportunity"])


def test_default_company_has_the_promised_size(export, touches, linked):
    """About 1,500 contacts, 12,000 touches and 450 opportunities worth tens of millions; a whole year of growth."""
    assert 1_400 <= len(export["contact"]) <= 1_600
    assert 11_000 <= len(touches) <= 13_000
    assert 420 <= len(export["opportunity"]) <= 480
    assert 20e6 <= sum(map(amount, export["opportunity"])) <= 40e6
    assert {touch[2] for touch in touches} == {channel.name for channel in CHANNELS}
    a_year_ago = END - timedelta(days=365)
    assert sum(touch[0] >= a_year_ago for touch in touches) > 1.3 * sum(touch[0] < a_year_ago for touch in touches)


def test_amounts_differ_by_segment(export):
    """A typical Enterprise opportunity is worth more than a Mid Market one, and that more than a Commercial one."""
    amounts = defaultdict(list)
    for opportunity in export["opportunity"]:
        amounts[opportunity["sales_segment"]].append(amount(opportunity))
    assert set(amounts) == {segment.name for segment in SEGMENTS}
    medians = [sorted(amounts[segment.name])[len(amounts[segment.name]) // 2] for segment in SEGMENTS]
    assert medians[0] > 2 * medians[1] > 4 * medians[2]


def test_references_hold(world, export, touches):
    """Outside the deliberate corners, whatever a record refers to is there."""
    accounts = {crm.account_id(number) for number in range(1, world.size + 1)}
    assert {contact["account_id"] for contact in export["contact"]} - {""} <= accounts
    assert {opportunity["account_id"] for opportunity in export["opportunity"]} - {""} <= accounts
    people = {crm.contact_id(a.number, c.number) for a in world.accounts() for c in a.contacts}
    assert len({key[: crm.SHORT_KEY] for key in people}) == len(people)
    contacts = {contact["contact_id"] for contact in export["contact"]}
    assert contacts - people == {crm.FREELANCER_KEY}
    assert {touch[3] for touch in touches} <= people


def test_emails_are_reserved_names_and_belong_to_one_person(world, written):
    """No message can reach anybody: example.com is reserved, and each company has a subdomain of its own."""
    pattern = re.compile(r"[a-z]+\.[a-z]+@[a-z0-9-]+\.example\.com")
    emails = [contact["email"] for contact in written["contact"]]
    assert [email for email in emails if not pattern.fullmatch(email)] == [crm.FREELANCER_EMAIL]
    assert len(set(emails)) == len(emails)
    # More accounts than there are names, so that names return; two accounts may be one company's.
    accounts = list(World(4_000, world.seed).accounts())
    sharing = Counter(account.domain for account in accounts)
    assert {account.domain: 1 + account.is_of_holding for account in accounts} == sharing
    assert 5 < sum(account.is_of_holding for account in world.accounts()) < 30


def test_each_kind_of_touch_keeps_its_times(world):
    """Sessions are attended while they last and once a person; the sales team works in office hours."""
    for account in world.accounts():
        seats = [(touch.contact, touch.session) for touch in account.touches if touch.session]
        assert len(set(seats)) == len(seats)
        for touch in account.touches:
            assert touch.campaign in touch.channel.campaigns
            assert touch.contact in account.contacts
            assert (touch.session is not None) == (touch.channel.nature == "hosted")
            if touch.session:
                assert touch.session.starts_at <= touch.at < touch.session.ends_at
            if touch.channel.nature == "outbound":
                assert touch.at.weekday() < 5
                assert 8 <= touch.at.hour < 17
        assert list(account.touches) == sorted(account.touches, key=lambda touch: touch.at)


def test_models_tell_different_stories(linked):
    """Paid ads and webinars open, Outbound closes, and no two of the three models agree on the shares."""
    first, last, linear = (credit(linked, model) for model in ("first", "last", "linear"))
    assert first.most_common(1)[0][0] in ("Adwords", "Webinar")
    assert last.most_common(1)[0][0] == "Outbound"
    total = first.total()
    openers = [channel.name for channel in CHANNELS if channel.nature == "paid"] + ["Webinar"]
    shares = [sum(credits[name] for name in openers) / total for credits in (first, linear, last)]
    assert shares[0] > 0.5 > 0.35 > shares[1] > 2 * shares[2]
    assert first["Outbound"] < linear["Outbound"] / 2 < last["Outbound"] / 3


def test_segments_differ(linked):
    """Events open Enterprise accounts, and search or social ads the Commercial ones."""
    assert credit(linked, "first", "Enterprise").most_common(1)[0][0] == "Event"
    assert credit(linked, "first", "Commercial").most_common(1)[0][0] in ("Adwords", "facebook_paid_ads")
    event_shares = [
        credit(linked, "linear", segment.name)["Event"] / credit(linked, "linear", segment.name).total()
        for segment in SEGMENTS
    ]
    assert event_shares[0] > 2 * event_shares[1] > 4 * event_shares[2]


def test_some_pipeline_stays_unattributed_for_each_reason(world, export, linked):
    """Of the pipeline 5-10 % has no touch in its window: nobody on record, nobody met, or met too long ago."""
    unattributed = [(opportunity, known) for opportunity, known, window in linked if not window]
    share = sum(amount(opportunity) for opportunity, _ in unattributed) / sum(map(amount, export["opportunity"]))
    assert 0.05 <= share <= 0.10
    peopled = {contact["account_id"] for contact in export["contact"]}
    reasons = Counter(
        "no account"
        if not opportunity["account_id"]
        else "no contact"
        if opportunity["account_id"] not in peopled
        else "met at other times"
        if known
        else "never met"
        for opportunity, known in unattributed
    )
    assert reasons["no account"] == 1
    assert all(3 <= reasons[reason] <= 20 for reason in ("no contact", "never met", "met at other times"))
    assert any(account.contacts and not account.touches for account in world.accounts())


def test_export_has_the_flaws_of_a_real_one(export, touches):
    """A few empty amounts, contacts without an account, and touches of contacts who were deleted."""
    assert 3 <= sum(not opportunity["pipeline_amount"] for opportunity in export["opportunity"]) <= 20
    assert 5 <= sum(not contact["account_id"] for contact in export["contact"]) <= 30
    contacts = {contact["contact_id"] for contact in export["contact"]}
    strangers = [touch for touch in touches if touch[3] not in contacts]
    assert 0 < len(strangers) < 0.02 * len(touches)


def test_three_records_cannot_be_loaded(written, export):
    """One in each of three files, so that the page of rejected records has something to show."""
    rejected = {file: len(written[file]) - len(export[file]) for file in HEADERS}
    assert rejected == {"marketing": 1, "sales_outreach": 0, "contact": 1, "opportunity": 1}


def test_alias_seed_joins_the_names_that_the_export_has(written):
    """The demo's seed lists just the older spelling, which a few touches carry, and leads to one in use."""
    with (Path(demo.__file__).parent / "seeds" / "channel_aliases.csv").open(encoding="utf-8", newline="") as handle:
        aliases = list(csv.DictReader(handle))
    names = Counter(record["channel_name"] for file in ("marketing", "sales_outreach") for record in written[file])
    crm = {row["source_channel"]: row["channel"] for row in aliases if row["source"] == "crm"}
    assert crm == {old: new for new, old in OLD_NAMES.items()}
    assert set(names) - set(crm) == {channel.name for channel in CHANNELS}
    assert all(0 < names[old] < 0.2 * names[new] for old, new in crm.items())


# --- Calls --------------------------------------------------------------------------------------------------


def words(text: str) -> set[str]:
    """Return the words of a text."""
    return set(text.split())


# The keys that Calendly's API gives each kind of document, those of `?` only where there is something to say.
CANCELLATION = {"canceled_by", "reason", "canceler_type", "created_at"}
USER = words("resource_type uri name slug email scheduling_url timezone avatar_url locale created_at updated_at")
KEYS = {
    "organization_memberships": words("uri role user organization created_at updated_at"),
    "event_types": words(
        "uri name active booking_method slug scheduling_url duration duration_options kind pooling_type type"
        " kind_description color created_at updated_at internal_note description_plain description_html profile secret"
        " deleted_at admin_managed position locale locations custom_questions"
    ),
    "groups": words("uri name organization member_count created_at updated_at"),
    "routing_forms": words("uri organization name status questions created_at updated_at"),
    "routing_form_submissions": words(
        "uri routing_form questions_and_answers tracking result submitter submitter_type created_at updated_at"
    ),
    "scheduled_events": words(
        "uri name status start_time end_time event_type location invitees_counter created_at updated_at"
        " event_memberships event_guests calendar_event meeting_notes_plain meeting_notes_html"
    ),
    "invitees": words(
        "uri email first_name last_name name status questions_and_answers timezone event created_at updated_at tracking"
        " text_reminder_number rescheduled old_invitee new_invitee cancel_url reschedule_url routing_form_submission"
        " payment no_show reconfirmation scheduling_method invitee_scheduled_by"
    ),
}


def is_webinar(event: dict) -> bool:
    """Whether people sign up for a webinar by an event."""
    return event["name"] in {bookings.EVENT_TYPES[webinar.kind].name for webinar in webinars.WEBINARS}


def json_of(path: Path):
    """Return what a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def seed(name: str) -> list[dict[str, str]]:
    """Return the rows of one of the demo's company seeds."""
    with (Path(demo.__file__).parent / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def organization(folder):
    """Hold what the simulator of Calendly's API serves."""
    return json_of(folder / "calendly" / "organization.json")


@pytest.fixture(scope="module")
def history(world):
    """Hold everything that ever happened in the company's Calendly."""
    return bookings.told(world)


@pytest.fixture(scope="module")
def dumped(folder):
    """Hold the lines of the daily webhook files, by file."""
    return {
        path.name: path.read_text(encoding="utf-8").splitlines()
        for path in sorted((folder / "calendly_webhooks").glob("*.jsonl"))
    }


@pytest.fixture(scope="module")
def received(folder):
    """Hold what the receiver kept, by file."""
    return {
        path: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted((folder / "calendly_webhooks").glob("*/*.jsonl"))
    }


@pytest.fixture(scope="module")
def bodies(dumped, received):
    """Hold what was delivered as text, in order of arrival."""
    lines = [line for lines in dumped.values() for line in lines]
    return lines + [receipt["body"] for receipts in received.values() for receipt in receipts]


@pytest.fixture(scope="module")
def deliveries(bodies):
    """Hold the deliveries, in order of arrival."""
    return [json.loads(body) for body in bodies if body != calendly_webhooks.NO_DELIVERY]


@pytest.fixture(scope="module")
def every_chain(history):
    """Hold the bookings: lists of invitees, of which each takes the place of the one before."""
    invitees = {invitee["uri"]: invitee for invitee in history.organization()["invitees"]}
    booked = []
    for invitee in invitees.values():
        if not invitee["old_invitee"]:
            chain = [invitee]
            while chain[-1]["new_invitee"]:
                chain.append(invitees[chain[-1]["new_invitee"]])
            booked.append(chain)
    assert sum(map(len, booked)) == len(invitees)
    return booked


@pytest.fixture(scope="module")
def events(history):
    """Hold every scheduled event by its URI."""
    return {event["uri"]: event for event in history.organization()["scheduled_events"]}


@pytest.fixture(scope="module")
def chains(events, every_chain):
    """Hold the bookings that are calls."""
    return [chain for chain in every_chain if not is_webinar(events[chain[0]["event"]])]


@pytest.fixture(scope="module")
def sign_ups(events, every_chain):
    """Hold the bookings that are sign-ups for webinars."""
    return [chain for chain in every_chain if is_webinar(events[chain[0]["event"]])]


@pytest.fixture(scope="module")
def channels(history, events, chains):
    """Hold each booking's channel, as the aliases of the company seeds have it."""
    aliases = {row["source_channel"]: row["channel"] for row in seed("channel_aliases") if row["source"] == "calendly"}
    rows = defaultdict(list)
    for row in seed("event_type_channels"):
        rows[row["event_type_uri"]].append(row)

    def channel(invitee):
        booked_at = invitee["created_at"][:19].replace("T", " ")
        for row in rows[events[invitee["event"]]["event_type"]]:
            if row["valid_from"] <= booked_at < (row["valid_to"] or "9"):
                return aliases.get(row["channel"], row["channel"])
        return "unmapped"

    return [channel(chain[0]) for chain in chains]


def test_documents_have_the_keys_of_the_api(organization):
    """Each kind all of them, and cancellation, which Calendly leaves out until there is one."""
    assert set(organization) == {"users_me", *KEYS}
    assert set(organization["users_me"]) == USER | {"current_organization"}
    for kind, keys in KEYS.items():
        assert organization[kind]
        uris = [document["uri"] for document in organization[kind]]
        assert len(set(uris)) == len(uris)
        for document in organization[kind]:
            wanted = keys | {"cancellation"} if document.get("status") == "canceled" else keys
            assert set(document) == wanted
            if "cancellation" in document:
                assert set(document["cancellation"]) == CANCELLATION
    assert all(set(membership["user"]) == USER for membership in organization["organization_memberships"])


def test_what_refers_is_there(organization):
    """An invitee to its event, an event to its type and hosts, a form's submission to the invitee it led to."""
    uris = {kind: {document["uri"] for document in organization[kind]} for kind in KEYS}
    users = {membership["user"]["uri"] for membership in organization["organization_memberships"]}
    assert {event["event_type"] for event in organization["scheduled_events"]} == uris["event_types"]
    assert {invitee["event"] for invitee in organization["invitees"]} == uris["scheduled_events"]
    assert {event_of(invitee["uri"]) for invitee in organization["invitees"]} == uris["scheduled_events"]
    hosts = {member["user"] for event in organization["scheduled_events"] for member in event["event_memberships"]}
    assert hosts == users
    submissions = {invitee["routing_form_submission"] for invitee in organization["invitees"]} - {None}
    assert submissions < uris["routing_form_submissions"]


def test_counters_count_the_invitees(organization):
    """And an event is canceled as soon as nobody is in it any more."""
    invitees = defaultdict(list)
    for invitee in organization["invitees"]:
        invitees[invitee["event"]].append(invitee["status"] == "active")
    for event in organization["scheduled_events"]:
        counter = event["invitees_counter"]
        assert (counter["total"], counter["active"]) == (len(invitees[event["uri"]]), sum(invitees[event["uri"]]))
        assert (event["status"] == "active") == (counter["active"] > 0)


def test_default_company_books_about_three_thousand_calls(history, chains, channels):
    """In two years that grow, of which a share is moved, called off, missed, or in no channel."""
    assert 2_800 <= len(chains) <= 3_400
    a_year_ago = in_calendly(END - timedelta(days=365))
    assert sum(chain[0]["created_at"] >= a_year_ago for chain in chains) > 1.7 * len(chains) / 2.7
    moves = Counter(len(chain) - 1 for chain in chains)
    assert 0.16 <= 1 - moves[0] / len(chains) <= 0.22
    assert max(moves) == 4
    last = [chain[-1] for chain in chains]
    assert 0.10 <= sum(invitee["status"] == "canceled" for invitee in last) / len(last) <= 0.14
    assert 0.07 <= sum(bool(invitee["no_show"]) for invitee in last) / len(last) <= 0.12
    kinds = Counter(delivery["event"] for delivery in history.deliveries())
    assert 3 <= kinds["invitee_no_show.deleted"] <= 0.1 * kinds["invitee_no_show.created"]
    assert 0.03 <= channels.count("unmapped") / len(channels) <= 0.06


def test_meetings_are_days_ahead_and_some_after_the_end(events, chains):
    """In Berlin's office hours, on working days; what is booked for after the end of the world stays open."""
    leads = []
    for chain in chains:
        for invitee in chain:
            start_at = datetime.fromisoformat(events[invitee["event"]]["start_time"])
            leads.append(start_at - datetime.fromisoformat(invitee["created_at"]))
            local = start_at.astimezone(bookings.BERLIN)
            assert local.weekday() < 5
            assert 8 <= local.hour < 18
    assert min(leads) > timedelta(hours=7)
    assert timedelta(days=2) < sorted(leads)[len(leads) // 2] < timedelta(days=7)
    assert 10 <= sum(event["start_time"] >= in_calendly(END) for event in events.values()) <= 80
    assert max(chain[-1]["updated_at"] for chain in chains) < in_calendly(END + timedelta(seconds=1))


def test_hosts_carry_uneven_loads(events, chains):
    """One is overloaded, one has not met anybody since spring, and two came later than the others."""
    starts = defaultdict(list)
    for chain in chains:
        if chain[-1]["status"] == "active":
            event = events[chain[-1]["event"]]
            for member in event["event_memberships"]:
                starts[member["user_name"]].append(event["start_time"])
    sellers = {host.name: starts[host.name] for host in bookings.HOSTS[1:]}
    loads = sorted(map(len, sellers.values()))
    assert loads[-1] > 1.4 * loads[-2] > 2.8 * loads[0]
    idle = [host for host in bookings.HOSTS if host.until]
    assert [max(starts[host.name]) < "2026-05" for host in idle] == [True]
    for host in bookings.HOSTS:
        assert min(starts[host.name]) > in_calendly(host.since)
    assert sum(host.since > bookings.SET_UP_AT for host in bookings.HOSTS) == 2


def test_groups_and_several_hosts_are_in_it(events, chains):
    """Live tours with several invitees, some of whom left while it went on, one called off for all; and workshops."""
    names = {kind.name: key for key, kind in bookings.EVENT_TYPES.items()}
    tours = [event for event in events.values() if names[event["name"]] == "live-tour"]
    assert max(event["invitees_counter"]["total"] for event in tours) >= 8
    assert any(0 < event["invitees_counter"]["active"] < event["invitees_counter"]["total"] for event in tours)
    canceled = [event for event in tours if event["status"] == "canceled" and event["invitees_counter"]["total"] > 1]
    assert [event["cancellation"]["canceler_type"] for event in canceled] == ["host"]
    hosts = {
        key: {len(event["event_memberships"]) for event in events.values() if names[event["name"]] == key}
        for key in names.values()
    }
    assert hosts.pop("workshop") == {3}
    assert set.union(*hosts.values()) == {1}
    zones = {invitee["timezone"] for chain in chains for invitee in chain}
    assert {"Asia/Calcutta", "Europe/Kiev", "US/Pacific"} < zones


def test_bookers_are_the_contacts_of_the_crm(world, every_chain):
    """By their addresses, a few of them in another case, by one of their own, or by that of their desk."""
    emails = {contact.email for account in world.accounts() for contact in account.contacts}
    own = {
        addresses.own_address(account.number, contact) for account in world.accounts() for contact in account.contacts
    }
    desks = {
        addresses.desk_address(account, at)
        for account in world.accounts()
        if addresses.has_desk(world, account)
        for at in (START, END)
    }
    booked = [chain[0]["email"] for chain in every_chain]
    assert {email.lower() for email in booked} < emails | own | desks
    assert 0.02 < sum(email != email.lower() for email in booked) / len(booked) < 0.1
    for others, least, most in ((own, 0.05, 0.15), (desks, 0.02, 0.08)):
        assert not others & emails
        assert least < sum(email.lower() in others for email in booked) / len(booked) < most


def test_some_calls_are_moved_under_another_address(every_chain):
    """From one of somebody's own to the company's: of these the API tells, or nobody could know whose it was."""
    moved = [
        (before["email"], after["email"].lower(), after)
        for chain in every_chain
        for before, after in pairwise(chain)
        if before["email"] != after["email"]
    ]
    assert 10 < len(moved) < 40
    for before, after, invitee in moved:
        assert before.endswith("@example.com")
        assert not after.endswith("@example.com")
        assert set(before.split("@")[0].split(".")[:2]) == set(after.split("@")[0].split("."))
        assert invitee["created_at"] > in_calendly(calendly.ERASED_BEFORE)


def test_links_have_the_keys_of_contacts(world, every_chain, exported):
    """Those of whoever books, in their long or short form, but for a newsletter's and two that were passed on."""
    names = {
        crm.contact_id(account.number, contact.number)[: crm.SHORT_KEY]: f"{contact.first_name} {contact.last_name}"
        for account in world.accounts()
        for contact in account.contacts
    }
    linked = [
        (invitee["tracking"]["salesforce_uuid"], invitee["name"])
        for chain in every_chain
        for invitee in chain
        if invitee["tracking"]["salesforce_uuid"]
    ]
    lengths = Counter(len(key) for key, _ in linked)
    assert lengths.keys() == {18, crm.SHORT_KEY}
    assert 0.1 < lengths[crm.SHORT_KEY] / len(linked) < 0.4
    assert 800 < len(linked) < 0.3 * sum(map(len, every_chain))
    others = Counter(key for key, name in linked if names[key[: crm.SHORT_KEY]] != name)
    newsletter = crm.contact_id(*addresses.NEWSLETTER_CONTACT)
    assert set(others) == {newsletter, *(crm.contact_id(number, 1) for number in addresses.FORWARDING_ACCOUNTS)}
    # More than one person can be known by.
    assert others[newsletter] > 10
    in_exports = [row["Salesforce UUID"] for rows in exported.values() for row in rows if row["Salesforce UUID"]]
    assert 50 < len(in_exports) < len(linked)
    assert set(in_exports) < {key for key, _ in linked}


def test_overrides_are_about_those_who_need_them(world):
    """Each who was taken for a colleague, and both addresses of a desk, with nothing else that joins them."""
    rows = [tuple(row.values())[:5] for row in seed("identity_overrides")]
    assert all(row["note"] for row in seed("identity_overrides"))
    assert rows[:-1] == [
        ("contact", crm.contact_id(number, 1), "contact", crm.contact_id(number, 2), "unlink")
        for number in addresses.FORWARDING_ACCOUNTS
    ]
    (desk,) = [
        account
        for account in world.accounts()
        if rows[-1] == ("email", f"rota@{account.domain}", "email", f"shifts@{account.domain}", "link")
    ]
    used = {call.email for call in bookings.bookings(world, desk)}
    assert {addresses.desk_address(desk, at) for at in (START, END)} <= used


def test_channel_seed_maps_the_event_types_that_exist(organization):
    """By URI and name, all but the internal one; one leads to another channel from a day on."""
    names = {document["uri"]: document["name"] for document in organization["event_types"]}
    rows = seed("event_type_channels")
    assert {row["event_type_uri"]: row["event_type_name"] for row in rows} == {
        uri: name.strip() for uri, name in names.items() if name != bookings.EVENT_TYPES["check-in"].name
    }
    assert any(name != name.strip() for name in names.values())
    kinds = {kind.name: kind for kind in bookings.EVENT_TYPES.values()}
    for row in rows:
        kind = kinds[names[row["event_type_uri"]]]
        if row["valid_from"]:
            assert (row["channel"], row["campaign"]) == ("facebook_paid_ads", "rota-calculator")
        else:
            assert (row["channel"], row["campaign"]) == (kind.channel, kind.campaign or "")
    turn = f"{bookings.HANDED_OVER_AT:%Y-%m-%d %H:%M:%S}"
    assert [(row["valid_from"], row["valid_to"]) for row in rows if row["valid_from"] or row["valid_to"]] == [
        ("", turn),
        (turn, ""),
    ]


def test_other_seeds_name_what_there_is():
    """Hosts by address, all but the newest, euros from the first month to the last, and spellings that are in use."""
    hosts = {host.email: host for host in bookings.HOSTS}
    listed = [row["host_email"] for row in seed("hosts")]
    assert set(hosts) - set(listed) == {max(bookings.HOSTS, key=lambda host: host.since).email}
    assert set(listed) < set(hosts)
    months = [f"{START.year + (START.month - 1 + n) // 12}-{(START.month - 1 + n) % 12 + 1:02d}-01" for n in range(25)]
    assert [(row["rate_date"], row["currency"]) for row in seed("exchange_rates")] == [(day, "EUR") for day in months]
    aliases = {(row["source"], row["source_channel"]): row["channel"] for row in seed("channel_aliases")}
    known = {channel.name for channel in CHANNELS}
    for source, names in {
        "calendly": {kind.channel for kind in bookings.EVENT_TYPES.values() if kind.channel},
        "ad_spend": {campaign.channel for campaign in ad_spend.SOCIAL + ad_spend.SEARCH},
    }.items():
        assert {aliases.get((source, name), name) for name in names} <= known
        assert {name for of, name in aliases if of == source} == names - known


# --- Webhooks -----------------------------------------------------------------------------------------------


def test_deliveries_chain(history):
    """Moving is two: the old invitee canceled, the new one elsewhere and not `rescheduled`; no time runs back."""
    created, moved, updated = {}, {}, {}
    for delivery in history.deliveries():
        payload = delivery["payload"]
        assert set(delivery) == {"event", "created_at", "created_by", "payload"}
        assert delivery["created_at"].endswith(".000000Z")
        if delivery["event"] == "routing_form_submission.created":
            continue
        wanted = KEYS["invitees"] | {"scheduled_event"} | ({"cancellation"} if "cancellation" in payload else set())
        assert set(payload) == wanted
        event = payload["scheduled_event"]
        assert "calendar_event" not in event
        assert event["uri"] == payload["event"] == event_of(payload["uri"])
        assert delivery["created_at"] >= payload["updated_at"] > updated.get(payload["uri"], "")
        updated[payload["uri"]] = payload["updated_at"]
        if delivery["event"] == "invitee.created":
            assert (payload["status"], payload["rescheduled"], payload["new_invitee"]) == ("active", False, None)
            assert event["created_at"] <= payload["created_at"] == payload["updated_at"]
            created[payload["uri"]] = payload["old_invitee"]
        if delivery["event"] == "invitee.canceled":
            assert payload["status"] == "canceled"
            assert payload["rescheduled"] == (payload["new_invitee"] is not None)
            if payload["rescheduled"]:
                moved[payload["new_invitee"]] = payload["uri"]
    assert moved == {uri: old for uri, old in created.items() if old}
    assert all(event_of(old) != event_of(new) for new, old in moved.items())


def test_last_delivery_says_what_the_api_says(history):
    """Whoever reads only one of the two knows the same of each invitee."""
    told = {
        delivery["payload"]["uri"]: {
            name: value for name, value in delivery["payload"].items() if name != "scheduled_event"
        }
        for delivery in history.deliveries()
        if delivery["event"].startswith("invitee")
    }
    assert told == {invitee["uri"]: invitee for invitee in history.organization()["invitees"]}


def test_webhook_files_are_as_untidy_as_real_ones(folder, dumped, bodies, deliveries):
    """Ninety days of them: repeats, late ones, one apart and pretty, a line that is none, and an unknown kind."""
    assert len(dumped) == 76
    assert f"{calendly_webhooks.LIVE_SINCE:%Y-%m-%d}.jsonl" <= min(dumped)
    assert max(dumped) < f"{calendly_webhooks.RECEIVED_SINCE:%Y-%m-%d}.jsonl"
    assert bodies.count(calendly_webhooks.NO_DELIVERY) == 1
    repeated = sum(count - 1 for count in Counter(bodies).values())
    assert 0.02 < repeated / len(bodies) < 0.08
    sent = [delivery["created_at"] for delivery in deliveries]
    assert 0.02 < sum(earlier > later for earlier, later in pairwise(sent)) / len(sent) < 0.2
    kinds = Counter(delivery["event"] for delivery in deliveries)
    assert kinds.pop("event_type.updated") == 1
    assert set(kinds) == {
        "invitee.created",
        "invitee.canceled",
        "invitee_no_show.created",
        "invitee_no_show.deleted",
        "routing_form_submission.created",
    }
    first = folder / "calendly_webhooks" / "first_delivery.json"
    assert len(first.read_text(encoding="utf-8").splitlines()) > 50
    assert json_of(first)["created_at"] <= min(sent)


def test_the_last_webhooks_are_as_the_receiver_keeps_them(received):
    """Two weeks of files, each of the hour in its name; signed when they came, which is soon after they were sent."""
    days = {path.parent.name for path in received}
    assert len(days) > 7
    assert f"{calendly_webhooks.RECEIVED_SINCE:%Y-%m-%d}" <= min(days)
    assert max(days) < f"{END:%Y-%m-%d}"
    lags = []
    for path, receipts in received.items():
        assert re.fullmatch(r"deliveries-\d{8}T\d\d0000Z-[0-9a-f]{8}\.jsonl", path.name)
        hour = datetime.strptime(path.name[11:22], "%Y%m%dT%H").replace(tzinfo=UTC)
        instants = [datetime.fromisoformat(receipt["received_at"]) for receipt in receipts]
        assert receipts
        assert path.parent.name == f"{hour:%Y-%m-%d}"
        assert instants == sorted(instants)
        assert hour <= instants[0]
        assert instants[-1] < hour + timedelta(hours=1)
        for receipt, at in zip(receipts, instants, strict=True):
            signature = receipt["headers"]["calendly-webhook-signature"]
            assert verify(signature, receipt["body"].encode(), ["larkfield"], at, 1).outcome == "verified"
            lags.append((at - datetime.fromisoformat(json.loads(receipt["body"])["created_at"])).total_seconds())
    assert min(lags) >= 0
    assert 0.8 < sum(lag < 2 for lag in lags) / len(lags) < 1


# --- Calendly's own export ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(folder):
    """Hold the rows of the two exports, by file."""
    rows = {}
    for export in calendly_export.EXPORTS:
        with (folder / "calendly_export" / export.name).open(encoding="utf-8", newline="") as handle:
            rows[export.name] = list(csv.DictReader(handle))
    return rows


def test_export_has_calendlys_columns(exported):
    """In Calendly's order, the older one without the last four, and local times without an offset."""
    (header,) = csv.reader(
        [
            "User Name,Team,Invitee Name,Invitee First Name,Invitee Last Name,Invitee Email,Invitee Time Zone,"
            "Invitee accepted marketing emails,Text Reminder Number,Event Type Name,Start Date & Time,End Date & Time,"
            "Location,Event Created Date & Time,Canceled,Canceled By,Cancellation reason,Question 1,Response 1,"
            "Question 2,Response 2,UTM Campaign,UTM Source,UTM Medium,UTM Term,UTM Content,Salesforce UUID,Event Price,"
            "Payment Currency,Guest Email(s),Invitee Reconfirmed,Marked as No-Show,Meeting Notes,Group,User Email,"
            "Event UUID,Invitee UUID,Invitee scheduled by,Scheduling method"
        ]
    )
    older, newer = exported.values()
    assert list(newer[0]) == header
    assert list(older[0]) == header[:-4]
    for row in (*older, *newer):
        assert re.fullmatch(r"2024-\d\d-\d\d (0\d|1[012]):[03]0 [ap]m", row["Start Date & Time"])
        assert re.fullmatch(r"2024-\d\d-\d\d (0\d|1[012]):[0-5]\d [ap]m", row["Event Created Date & Time"])
        assert row["Canceled"] in ("true", "false")
        assert row["Marked as No-Show"] in ("Yes", "No")


def test_export_is_in_berlins_time(events, exported):
    """Ten in the morning there is nine in winter and eight in summer in the API."""
    starts = {uri.rpartition("/")[2]: datetime.fromisoformat(event["start_time"]) for uri, event in events.items()}
    offsets = Counter()
    for row in list(exported.values())[1]:
        local = datetime.strptime(row["Start Date & Time"], "%Y-%m-%d %I:%M %p")
        offsets[local - starts[row["Event UUID"]].replace(tzinfo=None)] += 1
    assert set(offsets) == {timedelta(hours=1), timedelta(hours=2)}


def test_api_and_export_together_know_every_invitee(organization, history, exported):
    """What was erased stands in an export; of what the API still has December stands in both."""
    known = {invitee["uri"].rpartition("/")[2] for invitee in organization["invitees"]}
    erased = {invitee["uri"].rpartition("/")[2] for invitee in history.organization()["invitees"]} - known
    older, newer = exported.values()
    in_newer = {row["Invitee UUID"] for row in newer}
    assert len(older) + len(in_newer - known) == len(erased)
    assert in_newer - known <= erased
    assert len(in_newer & known) > 50
    followed = {
        invitee["old_invitee"].rpartition("/")[2] for invitee in organization["invitees"] if invitee["old_invitee"]
    }
    assert followed & erased & in_newer


# --- Ad spend -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def windows(folder):
    """Hold what the JSON files say, by as-of day: figures by (day, channel, campaign)."""
    return {
        path.stem[-10:]: {
            (record["date"], record["channel"], record.get("campaign")): record["spend"] for record in json_of(path)
        }
        for path in sorted((folder / "ad_spend").glob("spend_data_*.json"))
    }


@pytest.fixture(scope="module")
def search_rows(folder):
    """Hold the rows of the CSV files."""
    rows = []
    for path in sorted((folder / "ad_spend").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as handle:
            rows += csv.DictReader(handle)
    return rows


def test_spend_files_are_windows_of_thirty_days(windows):
    """One a week and at the end one a day, but for one that was never written; the last day's is not there yet."""
    days = [date.fromisoformat(as_of) for as_of in windows]
    assert Counter(later - earlier for earlier, later in pairwise(days)) == {
        timedelta(days=7): 102,
        timedelta(days=1): 5,
        timedelta(days=2): 1,
    }
    assert days[-1] == END.date() - timedelta(days=2)
    for as_of, figures in list(windows.items())[4:]:
        first_day = date.fromisoformat(as_of) - timedelta(days=29)
        assert {day for day, *_ in figures} == {f"{first_day + timedelta(days=n)}" for n in range(30)}
        assert len(figures) == 30 * len(ad_spend.SOCIAL)
    assert {day for figures in windows.values() for day, *_ in figures} == {
        f"{START.date() + timedelta(days=n)}" for n in range((days[-1] - START.date()).days + 1)
    }


def test_spend_files_agree_but_for_one_figure(windows):
    """It was restated: whoever adds files up, or takes the first, is wrong."""
    told = defaultdict(list)
    for figures in windows.values():
        for key, figure in figures.items():
            told[key].append(figure)
    assert max(map(len, told.values())) >= 8
    day, *names = ad_spend.RESTATED
    restated = {key: figures for key, figures in told.items() if len(set(figures)) > 1}
    assert list(restated) == [(f"{day}", *names)]
    (figures,) = restated.values()
    assert figures == sorted(figures, reverse=True)
    assert len(set(figures)) == 2


def test_search_spend_is_in_euros_and_whole(search_rows):
    """Each campaign once a day, though the money comes in four files."""
    keys = [(row["date"], row["campaign"]) for row in search_rows]
    assert len(set(keys)) == len(keys) == 3 * ((END - START).days - 1)
    assert {(row["channel"], row["currency"]) for row in search_rows} == {("Google Ads", "EUR")}


def test_index_lists_the_spend_files(folder):
    """As a reader over https needs it: all, and nothing else."""
    place = folder / "ad_spend"
    files = json_of(place / "file_index.json")["files"]
    assert sorted([*files, "file_index.json"]) == sorted(path.name for path in place.iterdir())


def test_channels_differ_in_what_a_booking_costs(world, chains, channels, windows, search_rows):
    """Facebook is cheap, YouTube dear, and TikTok takes money for hardly any booking, in the end for none."""
    spend = Counter()
    latest = {key: figure for figures in windows.values() for key, figure in figures.items()}
    for (_, channel, _), figure in latest.items():
        spend[channel] += figure
    rates = {row["rate_date"]: float(row["rate"]) for row in seed("exchange_rates")}
    for row in search_rows:
        spend["Adwords"] += float(row["spend"]) * rates[f"{row['date'][:8]}01"]
    assert 1_500 < sum(spend.values()) / 730 < 2_500
    booked = Counter(channels)
    cost = {channel: spend[channel] / booked[channel] for channel in spend}
    order = sorted(cost, key=cost.get)
    assert order == ["facebook_paid_ads", "Adwords", "youtube_paid_ads", "tiktok_paid_ads"]
    assert cost["youtube_paid_ads"] > 4 * cost["Adwords"] > 4 * cost["facebook_paid_ads"]
    assert 3 < booked["tiktok_paid_ads"] < 30
    # Whoever meets TikTok's ads after the chat was handed over finds nothing to book.
    booked_at = defaultdict(list)
    for account in world.accounts():
        for call in bookings.bookings(world, account):
            booked_at[call.contact.email].append(call.at)
    followed = Counter(
        (touch.at >= bookings.HANDED_OVER_AT, touch.at < at < touch.at + timedelta(minutes=41))
        for account in world.accounts()
        for touch in account.touches
        if touch.channel.name == "tiktok_paid_ads"
        for at in [min((at for at in booked_at[touch.contact.email] if at > touch.at), default=touch.at)]
    )
    assert followed[False, True] >= booked["tiktok_paid_ads"]
    assert followed[True, False] > 30
    assert followed[True, True] == 0


# --- Webinars -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(world):
    """Hold what everybody had to do with each webinar."""
    return webinars.parts(world)


@pytest.fixture(scope="module")
def figures(world):
    """Hold what must come out of each webinar."""
    return webinars.truth(world)


@pytest.fixture(scope="module")
def reports(folder):
    """Hold the files that were exported from Zoom, as bytes."""
    return {path.name: path.read_bytes() for path in sorted((folder / "zoom").iterdir())}


@pytest.fixture(scope="module")
def zoom(folder):
    """Hold what the simulator of Zoom's API serves."""
    return json_of(folder / "zoom_api" / "account.json")


@pytest.fixture(scope="module")
def conferences(folder):
    """Hold what the simulator of BigMarker's API serves."""
    return json_of(folder / "bigmarker" / "account.json")


def test_there_is_a_year_by_reports_and_one_on_both_platforms(figures):
    """Every other week, in both languages in turn; one is still to come, and two are known to nobody but its guests."""
    starts = [webinar.session.starts_at for webinar in webinars.WEBINARS]
    assert list(figures) == list(webinars.WEBINARS)
    assert {later - earlier for earlier, later in pairwise(starts)} == {
        timedelta(days=16, hours=-5),
        timedelta(days=12, hours=5),
    }
    assert Counter(webinar.source for webinar in figures) == {"reports": 26, "api": 13, "bigmarker": 14}
    assert Counter(webinar.kind for webinar in figures).most_common()[-1][1] == 8
    assert [webinar.number for webinar in figures if webinar.is_to_come] == [52]
    unknown = [webinar.source for webinar in figures if not webinar.is_reported]
    assert unknown == ["reports", "api", "bigmarker"]
    assert len([webinar for webinar in figures if not webinar.is_in_catalogue]) == 1


def test_german_webinars_are_attended_best(figures):
    """In each course, of which one is attended worst; nearly all of them are there for most of the time."""

    def rate(chosen) -> float:
        counted = [figures[webinar] for webinar in figures if webinar.is_reported and chosen(webinar)]
        return sum(one.attended for one in counted) / sum(one.registered for one in counted)

    rates = {kind: rate(lambda webinar, kind=kind: webinar.kind == kind) for kind in {one.kind for one in figures}}
    assert all(0.35 < share < 0.6 for share in rates.values())
    for campaign in webinars.COURSES:
        assert rates[f"{campaign}-german"] > rates[f"{campaign}-english"] + 0.05
    courses = {campaign: rate(lambda one, name=campaign: one.session.campaign == name) for campaign in webinars.COURSES}
    assert min(courses, key=courses.get) == "cover-in-minutes"
    assert 0.4 < rate(lambda _: True) < 0.46
    assert 3_000 < sum(one.registered for one in figures.values()) < 3_600
    walk_ins = [figures[webinar].walk_ins for webinar in figures if webinar.is_reported]
    assert 100 < sum(walk_ins) < 300
    assert all(
        25 < figures[webinar].average_attended_minutes < 45 and figures[webinar].registered > 20
        for webinar in figures
        if webinar.is_reported and webinar.number > 12
    )


def test_who_came_by_the_crms_account_was_there(world, people):
    """And nobody else: each touch of a webinar's date is somebody's part, from that instant on."""
    told = {
        (touch.session, touch.contact.email, touch.at)
        for account in world.accounts()
        for touch in account.touches
        if touch.channel.name == "Webinar"
    }
    there = {
        (webinar.session, part.contact.email, part.spans[0].joined_at.replace(second=0)): part.is_by_phone
        for webinar, parts in people.items()
        for part in parts
        if part.spans
    }
    assert there.keys() == {(session, email, at.replace(second=0)) for session, email, at in told}
    assert 10 < sum(there.values()) < 50
    assert all(
        part.spans[0].left_at > part.spans[0].joined_at for parts in people.values() for part in parts if part.spans
    )


def test_sign_ups_by_calendly_stand_for_their_webinars(people, sign_ups, events):
    """From when that began: as many as the generator's, with those who moved and those who called off."""
    starts = {webinar.session.starts_at: webinar for webinar in webinars.WEBINARS}
    kinds = {bookings.EVENT_TYPES[webinar.kind].name: webinar.kind for webinar in webinars.WEBINARS}
    told = Counter()
    for chain in sign_ups:
        path = [starts[datetime.fromisoformat(events[invitee["event"]]["start_time"])] for invitee in chain]
        assert {webinar.kind for webinar in path} == {kinds[events[chain[0]["event"]]["name"]]}
        told[*(webinar.number for webinar in path), chain[0]["email"].lower(), chain[-1]["status"]] += 1
    expected = Counter()
    for part in (part for parts in people.values() for part in parts if part.sign_up):
        later = [webinars.next_of_its_kind(part.webinar).number] if part.sign_up.moved_at else []
        status = "canceled" if part.sign_up.canceled_at else "active"
        email = addresses.own_address(part.account, part.contact) if part.is_invited else part.contact.email
        expected[part.webinar.number, *later, email, status] += 1
    assert told == expected
    assert 1_100 < len(sign_ups) < 1_600
    assert min(chain[0]["created_at"] for chain in sign_ups) > "2024-12"
    assert Counter(len(chain) for chain in sign_ups)[2] > 15
    assert 30 < sum(chain[-1]["status"] == "canceled" for chain in sign_ups) < 120


def test_the_catalogue_names_the_webinars_that_there_are(organization):
    """Each date on which one could sign up by Calendly, but for one; a row for all dates of each number before."""
    uris = {document["name"]: document["uri"] for document in organization["event_types"]}
    rows = seed("webinar_catalogue")
    dated = [row for row in rows if row["date"]]
    expected = [
        webinar
        for webinar in webinars.WEBINARS
        if webinar.session.starts_at >= webinars.CALENDLY_SINCE and webinar.is_in_catalogue
    ]
    for row, webinar in zip(rows, [*webinars.WEBINARS[:6], *expected], strict=True):
        assert (row["webinar"], row["course"], row["language"]) == (webinar.title, webinar.course, webinar.language)
        assert row["platform"].lower() == webinar.platform
        assert row["platform_id"].replace(" ", "") == webinar.platform_id
    for row, webinar in zip(dated, expected, strict=True):
        assert row["date"] == f"{webinar.date}"
        assert row["event_type_uri"] == uris[bookings.EVENT_TYPES[webinar.kind].name]
    assert {row["event_type_uri"] for row in rows if not row["date"]} == {""}


def test_reports_have_the_layouts_of_their_times(reports):
    """The first ones as in 2020, the others as today; one was exported twice, and one is no Attendee Report."""
    exported = [webinar for webinar in webinars.WEBINARS if webinar.is_exported]
    names = {f"attendee_{webinar.platform_id}_{webinar.date:%Y_%m_%d}.csv" for webinar in exported}
    again = {name for name in reports if name.endswith(" (1).csv")}
    others = {name for name in reports if not name.startswith("attendee_")}
    assert (len(names), len(again), len(others)) == (26, 1, 1)
    assert set(reports) == names | again | others
    older = [name for name, content in reports.items() if not content.startswith(b"\xef\xbb\xbf")]
    assert sorted(name[-14:-4] for name in older) == ["2024_07_09", "2024_07_25", "2024_08_06", "2024_08_22"]
    for name in names | again:
        lines = reports[name].decode("utf-8-sig").splitlines()
        assert (b"\r\n" in reports[name]) == (name not in older)
        sections = [line.strip(",") for line in lines if line.strip(",").endswith((" Details", " Attended"))]
        assert sections == ["Host Details", "Panelist Details", "Attendee Details", "Other Attended"]
    early, late = (reports[name] for name in (next(iter(again)).replace(" (1)", ""), *again))
    assert early.count(b"approved") > late.count(b"approved")


def test_reports_are_in_berlins_time(reports):
    """At four in the afternoon there, or eleven in the morning, or an hour less in winter."""
    hours = Counter()
    for name, content in reports.items():
        if name.startswith("attendee_"):
            topic = list(csv.reader(content.decode("utf-8-sig").splitlines()))[3]
            hours[re.search(r"(\d?\d):5[67]", topic[2])[1].lstrip("0"), topic[2][-2:]] += 1
    assert set(hours) == {("3", "PM"), ("2", "PM"), ("10", "AM"), ("9", "AM")}


def test_zooms_account_has_its_corners(zoom):
    """UUIDs that need care, a webinar begun twice, one without a report, a waiting room, and people without a name."""
    assert set(zoom) == words("users webinars instances registrants panelists reports participants")
    (listed,) = zoom["webinars"].values()
    assert len(listed) == len(zoom["instances"]) == 13
    assert set(zoom["webinars"]) < {user["id"] for user in zoom["users"]}
    uuids = [instance["uuid"] for instances in zoom["instances"].values() for instance in instances]
    assert sum(uuid.startswith("/") for uuid in uuids) == sum("//" in uuid for uuid in uuids) == 1
    assert sorted(map(len, zoom["instances"].values())) == [1] * 12 + [2]
    assert set(zoom["reports"]) == set(zoom["participants"]) < set(uuids)
    assert len(uuids) - len(zoom["reports"]) == 1
    registrants = {one["id"]: one for listed in zoom["registrants"].values() for one in listed}
    assert Counter(one["status"] for one in registrants.values()).keys() == {"approved", "pending", "denied"}
    sessions = [session for sessions in zoom["participants"].values() for session in sessions]
    assert {session["registrant_id"] for session in sessions} <= {"", *registrants}
    assert sum(session["status"] == "in_waiting_room" for session in sessions) > 10
    nameless = [session for session in sessions if not session["user_email"]]
    assert 5 < sum(bool(session["registrant_id"]) for session in nameless) < len(nameless)
    for uuid, report in zoom["reports"].items():
        assert all(
            session["leave_time"] <= report["end_time"] and session["user_id"] for session in zoom["participants"][uuid]
        )


def test_bigmarkers_account_has_its_corners(conferences):
    """One conference still to come, with guests and without a list of who came; visits without an end or an address."""
    ids = [conference["id"] for conference in conferences["conferences"]]
    assert all(re.fullmatch("[0-9a-f]{12}", name) for name in ids)
    assert set(ids) == set(conferences["registrations"])
    assert set(ids) - set(conferences["attendees"]) == {ids[-1]}
    assert len(conferences["registrations"][ids[-1]]) > 20
    visits = [visit for visits in conferences["attendees"].values() for visit in visits]
    assert len({(visit["conference_id"], visit["bmid"], visit["entered_at"]) for visit in visits}) == len(visits)
    assert 10 < sum(visit["leaved_at"] is None for visit in visits) < 0.1 * len(visits)
    registered = {(place, one["bmid"]) for place, listed in conferences["registrations"].items() for one in listed}
    nameless = {(visit["conference_id"], visit["bmid"]) for visit in visits if not visit["email"]}
    assert nameless
    assert nameless < registered


def test_larkfields_own_people_are_listed_where_they_must_not_count(world, reports, zoom, conferences):
    """A host and two panelists, one of whom now and then watches as an attendee, too."""
    roles = {
        webinar: Counter(member.role for member in webinar_crews.crew(world, webinar)) for webinar in webinars.WEBINARS
    }
    assert {(counts["host"], counts["panelist"]) for counts in roles.values()} == {(1, 2)}
    assert sum(counts["attendee"] for counts in roles.values()) == 11
    own = "@larkfield.example.com"
    for name, content in reports.items():
        if name.startswith("attendee_"):
            assert 3 <= content.decode("utf-8-sig").count(own) <= 4
    for sessions in zoom["participants"].values():
        assert sum(session["user_email"].endswith(own) for session in sessions) in (3, 4)
    for visits in conferences["attendees"].values():
        assert sum(visit["email"].endswith(own) for visit in visits) in (3, 4)
    for listed in (*zoom["registrants"].values(), *conferences["registrations"].values()):
        assert not any(one["email"].endswith(own) for one in listed)


@pytest.fixture(scope="module")
def customers(world):
    """Hold everybody who paid."""
    return [customer for customer in billing.customers(world) if customer.transactions]


@pytest.fixture(scope="module")
def charges(customers):
    """Hold (customer, charge) of all that was charged."""
    return [(customer, transaction.charge) for customer in customers for transaction in customer.transactions]


@pytest.fixture(scope="module")
def billed(folder):
    """Hold the rows of each billing file, the header first."""
    rows = {}
    for name in stream.HEADERS:
        content = (folder / "stream" / f"{name}.csv").read_bytes()
        lines = content.decode().split("\r\n")
        assert "\n" not in "".join(lines)
        rows[name] = [line.split("\t") for line in lines[:-1]]
        assert not lines[-1]
    return rows


def test_billing_files_are_as_the_backend_writes_them(billed):
    """Separated by tabs, a user for each transaction, times without padding, amounts without zeros at their end."""
    assert {name: tuple(rows[0]) for name, rows in billed.items()} == stream.HEADERS
    users, transactions, products = (billed[name][1:] for name in ("users", "transactions", "products"))
    assert [row[0] for row in users] == [row[2] for row in transactions]
    for at, key, customer, subscription, total, currency in transactions[:-3]:
        assert re.fullmatch(r"[1-9]\d?/[1-9]\d?/2[456] (1?\d|2[0-3]):\d\d", at)
        assert re.fullmatch("in_[0-9A-Za-z]{24}", key)
        assert re.fullmatch("cus_[0-9A-Za-z]{14}", customer)
        assert re.fullmatch("(sub_[0-9A-Za-z]{24})?", subscription)
        assert re.fullmatch(r"0|-?[1-9]\d*|-?\d+\.\d?[1-9]", total)
        assert currency in ("usd", "eur")
    times = [datetime.strptime(row[0], "%m/%d/%y %H:%M").replace(tzinfo=UTC) for row in transactions[:-3]]
    assert times == sorted(times)
    assert START <= times[0] < START + timedelta(days=1)
    assert timedelta(0) < billing.EXPORTED_AT - times[-1] < timedelta(days=1)
    assert len({row[1] for row in transactions}) == len(transactions)
    assert len({(row[0], row[1]) for row in products}) == len(products)
    assert {(row[3], row[2].rpartition(" : ")[2].strip()) for row in products if " : " in row[2]} >= {
        ("month", "Monthly"),
        ("month", "Quarterly"),
        ("month", "Semi-Annually"),
        ("month", "36 Months"),
        ("year", "Annually"),
    }
    spellings = {row[2] for row in products}
    squeezed = {" ".join(spelling.split()) for spelling in spellings}
    assert len(spellings) > len(squeezed) > 15


def test_three_transactions_cannot_be_loaded(billed):
    """An unreadable date, a total that is none, and a missing key; they are all of a customer who never paid."""
    typed = billed["transactions"][-3:]
    assert [(row[0], bool(row[1]), row[4]) for row in typed] == [
        ("31 May 26", True, "450"),
        ("6/3/26 10:24", True, "n/a"),
        ("6/9/26 15:03", False, "450"),
    ]
    assert [row[2] for row in billed["transactions"]].count(stream.FRONT_DESK[0]) == 3


def test_what_was_won_is_paid_for(world, customers, charges):
    """A plausible part of the pipeline, beside what older and small customers pay; no payment comes too early."""
    assert 550 <= len(customers) <= 650
    assert 5_000 <= len(charges) <= 7_000
    pipeline = sum(one.amount or 0 for account in world.accounts() for one in account.opportunities)
    won = {}
    for account in world.accounts():
        for customer in billing.customers_of(world, account):
            if customer.key == billing.key_of("cus", 14, account.number, "account"):
                won[customer.key] = account
    paid = Counter()
    for customer, charge in charges:
        if customer.key in won:
            paid[customer.key] += charge.cents / 100
            assert charge.at - won[customer.key].opportunities[0].created_at > timedelta(days=11)
    assert 100 <= len(won) <= 150
    assert 0.1 * pipeline < sum(paid.values()) < 0.2 * pipeline
    everything = sum(charge.cents for _, charge in charges) / 100
    assert 0.5 * everything < sum(paid.values()) < 0.7 * everything
    assert {account.segment.name for account in won.values()} == {segment.name for segment in SEGMENTS}


def test_billing_reaches_people_whom_the_crm_knows(world, customers):
    """At their address, in some spelling, or at one of their own; an address belongs to one account's customers."""
    contacts = {contact.email: account.number for account in world.accounts() for contact in account.contacts}
    owners = defaultdict(set)
    for account in world.accounts():
        for customer in billing.customers_of(world, account):
            for transaction in customer.transactions:
                owners[transaction.email].add(account.number)
    del owners[""]
    assert all(email.endswith(("@example.com", ".example.com")) for email in owners)
    assert all(len(numbers) == 1 for numbers in owners.values())
    known = {email for email in owners if email.lower() in contacts}
    assert all({contacts[email.lower()]} == owners[email] for email in known)
    assert 80 < len(known) < len(owners) / 2
    assert 5 < sum(email != email.lower() for email in known) < len(known) / 2
    personal = {email for email in owners if email.endswith("@example.com")}
    assert len(known) < len(personal) < len(owners)
    nameless = [one for one in customers if not any(transaction.name for transaction in one.transactions)]
    assert 10 < len(nameless) < 0.2 * len(customers)


def test_revenue_tells_a_story(world):
    """Growth with two bad months, one for the holidays and one for a release after which many were paid back."""
    truth = billing.truth(world, lambda _, cents, on: ("whichever", Fraction(cents)))
    months = {month: found for (month, _), found in sorted(truth.months.items())}
    revenue = [found.revenue for found in months.values()]
    assert len(revenue) == 24
    assert sum(revenue[12:18]) > 1.5 * sum(revenue[:6])
    assert sum(revenue[17:23]) > 1.3 * sum(revenue[11:17])
    growth = {month: later.revenue / earlier.revenue - 1 for (_, earlier), (month, later) in pairwise(months.items())}
    december, march = date(2025, 12, 1), billing.FAILED_RELEASE.date().replace(day=1)
    assert growth[december] < -0.1
    assert growth[march] < -0.15
    assert growth[date(2026, 4, 1)] > 0.3
    refunds = {month: -found.refunds for month, found in months.items()}
    assert refunds[march] > 0.1 * months[march].revenue
    assert refunds[march] > 0.6 * sum(refunds.values())


def test_the_app_overtakes_what_it_replaces(world):
    """Shift Swap has been sold for a third of the time of Time Clock, and brings more; a part belongs to no product."""
    sales = Counter()
    for (product, _), found in billing.truth(world).products.items():
        sales[product.split(" : ")[0] if product else None] += found.amount
    assert sales["Shift Swap"] > 3 * sales["Time Clock"] > 0
    assert sales["Rota Planner"] > sum(sales.values()) / 2
    assert 0.1 * sum(sales.values()) < sales[None] < 0.25 * sum(sales.values())
    assert set(sales) == {
        None,
        "Rota Planner",
        "Rota Planner - Support",
        "Shift Swap",
        "Time Clock",
        "Demand Forecast",
        "SMS Credits",
        "Call Credits",
        "Onboarding",
    }
    assert sales["Onboarding"] == 0


def test_billing_has_the_corners_of_a_real_one(customers, charges):
    """Subscriptions in every state and interval, of several lines, and changed; and euros for which there are rates."""
    subscriptions = {one.key: one for customer in customers for one in customer.subscriptions}.values()
    states = Counter(one.status for one in subscriptions)
    assert set(states) == {"active", "canceled", "past_due", "unpaid", "trialing"}
    assert states["active"] > states["canceled"] > 100
    assert {one.interval for one in subscriptions} == set(billing.INTERVALS)
    assert {len(one.lines) for one in subscriptions} >= {1, 2, 3, 4}
    assert sum(len({line.agreed_at for line in one.lines}) > 1 for one in subscriptions) > 10
    assert sum(not any(line.units for line in one.lines) and len(one.lines) > 1 for one in subscriptions) > 5
    assert sum(charge.cents == 0 for _, charge in charges) > 100
    assert sum(charge.subscription is None for _, charge in charges) > 50
    euros = [charge.at.date() for customer, charge in charges if customer.currency == "EUR"]
    rates = [date.fromisoformat(row["rate_date"]) for row in seed("exchange_rates") if row["currency"] == "EUR"]
    assert 0.03 * len(charges) < len(euros) < 0.12 * len(charges)
    assert min(rates) <= min(euros)
    assert max(euros) - max(rate for rate in rates if rate <= max(euros)) < timedelta(days=31)


def test_without_the_demos_files_nothing_is_simulated(tmp_path):
    """A sentence says how to make them."""
    with pytest.raises(ThroughlineError, match="throughline demo"), simulated(tmp_path):
        pass
