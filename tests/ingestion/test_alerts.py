"""Alerts: one message to a webhook for each new failure, and never the webhook's address in what is printed."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingestion.alerts import alert, all_is_well
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
