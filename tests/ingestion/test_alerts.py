"""Alerts: one message to a webhook for each new failure or alert, and never its address in what is printed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import duckdb
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support import query

from ingestion.alerts import alert, all_is_well, post_open_alerts
from ingestion.demo.simulator import serving


class Sink:
    """Be a chat's incoming webhook: keep what is posted, and answer with a status."""

    def __init__(self) -> None:
        """Nothing was posted yet."""
        self.posted: list[dict] = []
        self.status = 200

    async def answer(self, request: Request) -> Response:
        """Answer a post."""
        self.posted.append(await request.json())
        return Response(status_code=self.status)


@pytest.fixture
def sink(monkeypatch) -> Iterator[Sink]:
    """Serve a sink at an address with a secret in it."""
    sink = Sink()
    with serving(Starlette(routes=[Route("/services/s3cret", sink.answer, methods=["POST"])])) as address:
        monkeypatch.setenv("ALERTS__WEBHOOK_URL", f"{address}/services/s3cret")
        yield sink


def test_a_failure_is_told_once_until_all_is_well_again(sink, warehouse):
    """The same words are posted again only after something else was told, or nothing was wrong in between."""
    for text in ("one fails", "one fails", "two fails", "one fails"):
        alert(warehouse, "refresh", text)
    assert sink.posted == [{"text": "one fails"}, {"text": "two fails"}, {"text": "one fails"}]
    all_is_well(warehouse, "refresh")
    all_is_well(warehouse, "refresh")
    alert(warehouse, "refresh", "one fails")
    assert sink.posted[3:] == [{"text": "one fails"}]


def test_another_number_is_no_other_failure_and_another_subject_is(sink, warehouse):
    """A test that five rows fail, and then six, is told once; the site's failure is not that of a refresh."""
    alert(warehouse, "refresh", "the test fails (5 rows)")
    alert(warehouse, "refresh", "the test fails (16 rows)")
    alert(warehouse, "site", "the test fails (5 rows)")
    all_is_well(warehouse, "site")
    alert(warehouse, "refresh", "the test fails (7 rows)")
    assert len(sink.posted) == 2


def test_another_warehouse_has_failures_of_its_own(sink, warehouse):
    """Two warehouses side by side that fail alike are both told of."""
    alert(warehouse, "refresh", "it fails")
    alert(warehouse.with_name("other.duckdb"), "refresh", "it fails")
    assert len(sink.posted) == 2


def test_what_was_not_delivered_is_told_the_next_time(sink, warehouse, capsys):
    """A refusal is said without the address, which is a secret, and the message is not taken for told."""
    sink.status = 500
    alert(warehouse, "refresh", "it fails")
    printed = capsys.readouterr().err
    assert "could not be delivered (status 500)" in printed
    assert "s3cret" not in printed
    sink.status = 200
    alert(warehouse, "refresh", "it fails")
    assert len(sink.posted) == 2


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/s3cret", "http://a..b/s3cret", "no address at all, s3cret"])
def test_nobody_at_the_address_stops_nothing(warehouse, monkeypatch, capsys, address):
    """Without anybody to take the message, or any address to post to, it is said and that is all."""
    monkeypatch.setenv("ALERTS__WEBHOOK_URL", address)
    alert(warehouse, "refresh", "it fails")
    printed = capsys.readouterr().err
    assert "could not be delivered" in printed
    assert "s3cret" not in printed


def test_without_an_address_nothing_is_said(warehouse, capsys):
    """Alerts are for those who set one up."""
    alert(warehouse, "refresh", "it fails")
    assert capsys.readouterr().err == ""


@dataclass
class Marts:
    """The marts of alerts in a warehouse, as a build would leave them."""

    warehouse: Path

    def __post_init__(self) -> None:
        """Makes the tables, without an alert."""
        self.warehouse.parent.mkdir(exist_ok=True)
        with duckdb.connect(self.warehouse) as connection:
            connection.execute(
                "create schema marts; create table marts.alerts (rule varchar, subject_kind varchar, subject varchar,"
                " began_date date, alert_date date, severity_label varchar, severity_order integer, sentence varchar,"
                " is_open boolean); create table marts.alert_rules_dim (rule varchar, window_days integer)"
            )
            connection.execute("insert into marts.alert_rules_dim values ('dear', 28), ('idle', 28), ('late', null)")

    def hold(self, alert_date: str, *alerts: tuple) -> None:
        """Build the marts on a day, with these open: rule, subject, since when, and perhaps how urgent."""
        with duckdb.connect(self.warehouse) as connection:
            connection.execute("update marts.alerts set is_open = false")
            for rule, subject, began_date, *severity in alerts:
                label, order = severity or ("Warning", 2)
                row = [rule, "channel", subject, began_date, alert_date, label, order, f"{subject} is {rule}.", True]
                connection.execute("insert into marts.alerts values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def posts(self) -> list[tuple]:
        """What is noted: rule, subject, until when it was open, and whether it is closed."""
        return query(
            self.warehouse,
            "select rule, subject, last_open_date::varchar, closed_at is not null from raw_meta.alert_posts"
            " order by began_date, rule, subject",
        )


@pytest.fixture
def marts(warehouse) -> Marts:
    """Be a warehouse with marts and no alert in them."""
    return Marts(warehouse)


def test_open_alerts_are_posted_once_in_one_message(sink, marts, warehouse):
    """The most urgent first; days later they are still open, and a quiet week posts nothing."""
    marts.hold("2026-06-10")
    post_open_alerts(warehouse)
    assert sink.posted == []
    for day in range(11, 20):
        marts.hold(
            f"2026-06-{day}",
            ("dear", "tv", "2026-06-09"),
            ("idle", "Ann", "2026-06-11"),
            ("late", "crm", "2026-06-11", "Critical", 1),
        )
        post_open_alerts(warehouse)
        post_open_alerts(warehouse)
    assert sink.posted == [
        {
            "text": f"{warehouse.name}: 3 alerts are new.\n• *Critical* crm is late.\n• *Warning* Ann is idle.\n"
            "• *Warning* tv is dear. Since 9 June 2026."
        }
    ]
    assert marts.posts() == [
        ("dear", "tv", "2026-06-19", False),
        ("idle", "Ann", "2026-06-19", False),
        ("late", "crm", "2026-06-19", False),
    ]


def test_only_what_opens_later_is_posted_beside_what_is_open(sink, marts, warehouse):
    """A rule that speaks of another subject, too, speaks of that one only."""
    marts.hold("2026-06-11", ("dear", "tv", "2026-06-11"))
    post_open_alerts(warehouse)
    marts.hold("2026-06-12", ("dear", "tv", "2026-06-11"), ("dear", "radio", "2026-06-12"))
    post_open_alerts(warehouse)
    assert sink.posted[1:] == [{"text": f"{warehouse.name}: an alert is new.\n• *Warning* radio is dear."}]


def test_what_was_not_delivered_is_posted_the_next_time(sink, marts, warehouse, capsys):
    """Even if nothing else happens in between; the address is said nowhere."""
    marts.hold("2026-06-11", ("dear", "tv", "2026-06-11"))
    sink.status = 503
    post_open_alerts(warehouse)
    assert not has_posts(warehouse)
    sink.status = 200
    post_open_alerts(warehouse)
    post_open_alerts(warehouse)
    printed = capsys.readouterr().err
    assert "could not be delivered (status 503)" in printed
    assert "s3cret" not in printed
    assert len(sink.posted) == 2
    assert marts.posts() == [("dear", "tv", "2026-06-11", False)]


def test_without_an_address_nothing_is_kept_for_posted(sink, marts, warehouse, monkeypatch, capsys):
    """Once there is one, all that is open then is posted in one message."""
    marts.hold("2026-06-11", ("dear", "tv", "2026-06-01"), ("dear", "radio", "2026-06-02"))
    address = os.environ["ALERTS__WEBHOOK_URL"]
    monkeypatch.delenv("ALERTS__WEBHOOK_URL")
    post_open_alerts(warehouse)
    assert capsys.readouterr().err == ""
    assert not has_posts(warehouse)
    monkeypatch.setenv("ALERTS__WEBHOOK_URL", address)
    post_open_alerts(warehouse)
    assert len(sink.posted) == 1
    assert "2 alerts are new" in sink.posted[0]["text"]


@pytest.mark.parametrize(
    ("rule", "began_date", "is_posted"),
    [
        # A late record shifts the beginning by a day, either way; or the figure was back for a quarter of the window.
        ("dear", "2026-06-10", False),
        ("dear", "2026-06-12", False),
        ("dear", "2026-06-18", False),
        ("dear", "2026-06-19", True),
        # A source has no window: what is late on a later day is late anew.
        ("late", "2026-06-11", False),
        ("late", "2026-06-12", True),
    ],
)
def test_what_closed_and_comes_again_later_is_posted_again(sink, marts, warehouse, rule, began_date, is_posted):
    """Not what was the same alert all along."""
    marts.hold("2026-06-11", (rule, "tv", "2026-06-11"))
    post_open_alerts(warehouse)
    marts.hold("2026-06-11")
    post_open_alerts(warehouse)
    assert marts.posts() == [(rule, "tv", "2026-06-11", True)]
    marts.hold("2026-06-30", (rule, "tv", began_date))
    post_open_alerts(warehouse)
    post_open_alerts(warehouse)
    assert len(sink.posted) == 1 + is_posted
    again = [(rule, "tv", "2026-06-30", False)]
    assert marts.posts() == ([(rule, "tv", "2026-06-11", True), *again] if is_posted else again)


def test_a_long_list_ends_with_how_many_more(sink, marts, warehouse):
    """Twenty are listed; those left out count as posted, as they are on the page."""
    marts.hold("2026-06-11", *(("dear", f"channel {number:02d}", "2026-06-11") for number in range(23)))
    post_open_alerts(warehouse)
    post_open_alerts(warehouse)
    (posted,) = sink.posted
    lines = posted["text"].splitlines()
    assert len(lines) == 22
    assert lines[20:] == ["• *Warning* channel 19 is dear.", "… and 3 more."]


def test_a_name_calls_nobody(sink, marts, warehouse):
    """What Slack takes for a command in angle brackets is a channel's name here."""
    marts.hold("2026-06-11", ("dear", "<!channel> R&D", "2026-06-11"))
    post_open_alerts(warehouse)
    assert "&lt;!channel&gt; R&amp;D is dear." in sink.posted[0]["text"]


def test_posting_never_stops_a_refresh(sink, marts, warehouse, monkeypatch, capsys):
    """A warehouse that cannot be written, or nobody at the address, is said; without marts there is nothing to say."""
    marts.hold("2026-06-11", ("dear", "tv", "2026-06-11"))
    refused = mock.patch("ingestion.alerts._note", side_effect=duckdb.IOException("no room"))
    with refused:
        post_open_alerts(warehouse)
    assert "could not be noted, and may be posted again: IOException" in capsys.readouterr().err
    assert len(sink.posted) == 1
    monkeypatch.setenv("ALERTS__WEBHOOK_URL", "http://127.0.0.1:9/s3cret")
    post_open_alerts(warehouse)
    printed = capsys.readouterr().err
    assert "could not be delivered (ConnectionError)" in printed
    assert "s3cret" not in printed
    with duckdb.connect(warehouse) as connection:
        connection.execute("drop table marts.alerts")
    post_open_alerts(warehouse)
    assert capsys.readouterr().err == ""


def has_posts(warehouse: Path) -> bool:
    """Whether anything was ever noted as posted."""
    return bool(query(warehouse, "select 1 from duckdb_tables() where table_name = 'alert_posts'"))
