"""`throughline refresh` as a user runs it: what it builds, what it says, what it leaves when it fails or is killed."""

import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commands import run_command
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support import BIN, PROJECT_ROOT, query, ship_seeds

from ingestion.demo.calendly_history import CalendlyHistory
from ingestion.demo.simulator import serving

BEGINNING = datetime(2026, 5, 4, 9, tzinfo=UTC)
CONTACTS = "contact_id,account_id\nC1,A1\n"
OPPORTUNITIES = (
    "opportunity_id,account_id,pipeline_amount,opportunity_created_date,sales_segment\n"
    "O1,A1,100,2026-02-01T00:00:00Z,Commercial\n"
)
TOUCHES = "sales_touchpoint_id,channel_name,contact_id,sales_touchpoint_date\nS1,Outbound,C1,2026-01-15T00:00:00Z\n"
FEW_BOOKINGS = (
    "rule,metric,subject,window_days,baseline_days,comparison,threshold,minimum,severity,is_enabled\n"
    "few_bookings,bookings,all,7,,below,1,,info,\n"
)
MAP_HEADER = "event_type_uri,event_type_name,channel,campaign,valid_from,valid_to\n"
# What is in a published copy: its newest build, and the bookings by the marts that each count them.
WHOLE = """
    select
        (select arg_max((finished_at is not null, error_count), rowid) from raw_meta.builds),
        (select count(*) from marts.bookings_fact),
        (select coalesce(sum(bookings), 0) from marts.daily_calls_booked_by_source),
        (select coalesce(max(bookings_cumulative), 0) from marts.booking_trends),
        (select coalesce(sum(bookings), 0) from marts.channel_attribution)
"""


@dataclass
class Company:
    """A small company's files, warehouse and settings, and what was posted to its chat.

    Attributes:
        folder: Where they are.
        posted: The texts of the messages.
        bookings: How many bookings were made so far.
    """

    folder: Path
    chat: str
    posted: list[str] = field(default_factory=list)
    bookings: int = 0

    def __post_init__(self) -> None:
        """Writes a CRM's export and empty seeds, and gets ready to be booked."""
        ship_seeds(self.folder / "seeds")
        self.write("crm/contact_data.csv", CONTACTS)
        self.write("crm/opportunity_data.csv", OPPORTUNITIES)
        self.write("crm/sales_outreach_data.csv", TOUCHES)
        self._history = CalendlyHistory("refresh")
        self._host = self._history.add_host("Ann Host", "ann@example.com", BEGINNING)
        self.event_type = self._history.add_event_type("Demo", [self._host], BEGINNING)
        self._told = len(self._history.deliveries())

    def write(self, name: str, content: str) -> None:
        """Writes a file."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)

    def book(self, count: int = 1) -> None:
        """Has some bookings made, and delivers what Calendly tells of them into a file that grows."""
        for _ in range(count):
            self.bookings += 1
            at = BEGINNING + timedelta(hours=self.bookings)
            email = f"guest{self.bookings}@example.com"
            self._history.book(self.event_type, at, at + timedelta(days=3), name="Guest", email=email)
        deliveries = self._history.deliveries()
        (self.folder / "deliveries").mkdir(exist_ok=True)
        with (self.folder / "deliveries" / "live.jsonl").open("a") as stream:
            stream.writelines(json.dumps(delivery) + "\n" for delivery in deliveries[self._told :])
        self._told = len(deliveries)

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.folder / "company.duckdb"

    @property
    def published(self) -> Path:
        """Its copy for readers."""
        return self.folder / "company.published.duckdb"

    @property
    def settings(self) -> dict[str, str]:
        """The environment of its commands."""
        return {
            "THROUGHLINE_WAREHOUSE": str(self.warehouse),
            "THROUGHLINE_SEEDS": str(self.folder / "seeds"),
            "SOURCES__CRM__BUCKET_URL": str(self.folder / "crm"),
            "SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL": str(self.folder / "deliveries"),
            "ALERTS__WEBHOOK_URL": self.chat,
        }

    def start(self, *words: str) -> subprocess.Popen:
        """Starts `throughline`, for what is killed or runs beside another."""
        return subprocess.Popen(
            [BIN / "throughline", *words],
            cwd=PROJECT_ROOT,
            env=os.environ | self.settings,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )

    def refresh(self, *words: str, status: int = 0) -> str:
        """Refreshes to the end and returns what was said."""
        done = run_command("throughline", "refresh", *words, **self.settings)
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def pipeline(self) -> int:
        """The published pipeline."""
        return query(self.published, "select pipeline_amount from marts.pipeline_summary")[0][0]

    def check_published(self) -> int:
        """Makes sure that the published copy opens and is of one whole build, and returns its bookings."""
        ((newest, *counts),) = query(self.published, WHOLE)
        assert newest == (True, 0)
        assert len(set(counts)) == 1, counts
        return counts[0]


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Iterator[Company]:
    """Be a company whose story the tests of this module tell, in their order."""
    posted: list[str] = []

    async def post(request: Request) -> Response:
        posted.append((await request.json())["text"])
        return Response()

    with serving(Starlette(routes=[Route("/chat", post, methods=["POST"])])) as address:
        yield Company(tmp_path_factory.mktemp("refresh"), f"{address}/chat", posted)


def newest_build(company: Company) -> tuple[set[str], str]:
    """The marts that the newest build built, and its command."""
    ((marts, command),) = query(
        company.warehouse, "select marts_built, command from raw_meta.builds order by rowid desc limit 1"
    )
    return set(marts.split(",")), command


def test_the_first_refresh_builds_everything(company):
    """From nothing but files to a published copy."""
    company.book(3)
    said = company.refresh()
    assert "building everything, because nothing was built yet" in said
    assert company.pipeline() == 100
    assert company.check_published() == 3


def test_nothing_new_is_nothing_done(company):
    """Neither dbt nor publishing has anything to do."""
    before = company.published.stat()
    said = company.refresh()
    assert "nothing has changed" in said
    assert "building" not in said
    assert company.published.stat() == before


def test_only_what_depends_on_it_is_built(company):
    """A delivery reaches the marts of bookings and costs, and leaves those of attribution alone."""
    company.book()
    assert "building what depends on raw_calendly_webhooks.deliveries" in company.refresh("calendly_webhooks")
    marts, _ = newest_build(company)
    assert {"bookings_fact", "cost_per_booking", "source_freshness"} <= marts
    assert not {"attribution_credits", "marketing_spend_fact"} & marts
    assert company.check_published() == 4


def test_what_another_load_left_is_built_too(company):
    """It is decided from the warehouse: the load of one source, by hand, by whichever refresh comes next."""
    company.write("crm/opportunity_data.csv", OPPORTUNITIES.replace(",100,", ",250,"))
    process = company.start("load", "crm")
    assert process.wait() == 0, process.stderr.read()
    assert "building what depends on raw_crm.opportunities" in company.refresh("calendly_webhooks")
    assert company.pipeline() == 250


def test_a_copy_that_is_gone_is_published_again(company):
    """A refresh that was killed before it published left the same."""
    company.published.unlink()
    assert "building" not in company.refresh("crm")
    assert company.pipeline() == 250


def test_a_failing_load_is_named_and_told_once(company):
    """What was loaded besides waits for the next refresh; the published copy stays, and one message is posted."""
    company.write("crm/contact_data.csv", "contact,account\n")
    company.book()
    for _ in range(2):
        said = company.refresh(status=1)
        assert "the load of crm failed" in said
        assert "The published copy stays as it was." in said
    assert company.check_published() == 4
    assert company.posted == [
        "The refresh of company.duckdb failed: the load of crm failed. The published copy stays as it was."
    ]
    company.write("crm/contact_data.csv", CONTACTS)
    assert "building what depends on raw_calendly_webhooks.deliveries" in company.refresh()
    assert company.check_published() == 5


def test_a_failing_test_is_named_and_nothing_is_published(company):
    """A map on which an event type is in two channels at once fails its test; put right, it is on the pages."""
    company.posted.clear()
    rows = [f"{company.event_type},,{channel},Spring,," for channel in ("Ads", "Events")]
    company.write("seeds/event_type_channels.csv", MAP_HEADER + "\n".join(rows) + "\n")
    said = company.refresh("crm", status=1)
    assert "building everything, because a company seed has changed" in said
    name = "assert_channel_map_periods_do_not_overlap"
    assert f"the test {name} failed (1 row)" in said
    assert "The published copy stays as it was." in said
    assert len(company.posted) == 1
    assert f"the test {name} failed" in company.posted[0]
    assert query(company.published, "select distinct channel from marts.bookings_fact") == [("unmapped",)]
    (log,) = (company.folder / ".working").glob("*/dbt/log/dbt.log")
    assert str(log) in said
    assert name in log.read_text()
    company.write("seeds/event_type_channels.csv", f"{MAP_HEADER}{rows[0]}\n")
    company.write("seeds/alert_rules.csv", FEW_BOOKINGS)
    assert "everything, because the newest build failed" in company.refresh("crm")
    assert query(company.published, "select distinct channel, campaign from marts.bookings_fact") == [("Ads", "Spring")]
    assert company.check_published() == 5


def test_an_alert_is_posted_once(company):
    """The refresh before found one by a new rule, and posted it after it had published; this one has nothing to say."""
    assert "nothing has changed" in company.refresh("crm")
    (posted,) = company.posted[1:]
    assert posted.startswith(
        "company.duckdb: an alert is new.\n• *Info* All channels: no booking was made in the 7 days to "
    )
    assert posted.endswith("; the limit is 1. Since 11 May 2026.")
    noted = "select rule, subject, began_date::varchar, closed_at from raw_meta.alert_posts"
    assert query(company.warehouse, noted) == [("few_bookings", "all", "2026-05-11", None)]


def test_one_refresh_at_a_time(company):
    """A second one says why it waits; a third of the same sources need not wait for the same."""
    (lock,) = (company.folder / ".working").glob("*/refresh.lock")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write("process 42 has been refreshing")
        held.flush()
        second = company.start("refresh", "crm")
        assert "process 42 has been refreshing; waiting for it to end." in second.stderr.readline()
        assert "this one leaves the work to it" in company.refresh("crm")
        other = company.start("refresh", "calendly_webhooks")
        assert "waiting for it to end" in other.stderr.readline()
    for process in (second, other):
        process.communicate()
        assert process.returncode == 0


def test_two_at_once_change_nothing_twice(company):
    """Of two that begin together one waits for the other, and one of them builds."""
    company.book()
    both = [company.start("refresh", name) for name in ("calendly_webhooks", "crm")]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("building what" in words for words in said) == 1
    assert company.check_published() == company.bookings


def test_a_killed_refresh_leaves_a_whole_copy(company):
    """Killed at points spread over its run, it leaves a copy that opens and is of one build; the next one mends all."""
    company.book()
    began = time.monotonic()
    # As those that are to be killed, which take longer than a forked one.
    undisturbed = company.start("refresh")
    said = undisturbed.communicate()[1]
    assert undisturbed.returncode == 0, said
    seconds = time.monotonic() - began
    known = company.check_published()
    killed = 0
    for fraction in (0.1, 0.4, 0.7, 0.95):
        company.book()
        process = company.start("refresh")
        time.sleep(fraction * seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        assert known <= (known := company.check_published()) <= company.bookings
    # How many depends on how busy the machine is; without any the test would show nothing.
    assert killed
    company.refresh()
    assert company.check_published() == company.bookings
    # What a killed copying left is gone, too.
    assert {path.name for path in company.folder.glob("*.duckdb*")} == {"company.duckdb", "company.published.duckdb"}
    assert not list(company.folder.glob(".*.unfinished"))


def test_deliveries_are_followed(company):
    """A watch takes what comes, as soon as it comes."""
    watch = company.start("refresh", "--watch")
    said: list[str] = []
    threading.Thread(target=lambda: said.extend(watch.stderr), daemon=True).start()

    def until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 180
        while not condition():
            assert time.monotonic() < deadline, "".join(said)
            assert watch.poll() is None, "".join(said)
            time.sleep(0.2)

    def says(words: str) -> bool:
        return any(words in line for line in said)

    try:
        until(lambda: says("nothing has changed") or says("Published"))
        company.book()
        until(lambda: company.check_published() == company.bookings)
        watch.send_signal(signal.SIGINT)
        watch.wait(180)
        assert not says("Traceback")
    finally:
        watch.kill()
        watch.wait()
