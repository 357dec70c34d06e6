"""The demo company's alerts: those counted by hand from its bookings and spend, and what its world is known to hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from alerts_by_hand import DAY, Alert, Booking, Company, Key, alerts_of, rules_of
from alerts_compared import check_alerts
from support import PROJECT_ROOT, query, require

from ingestion.demo.bookings import HANDED_OVER_AT, HOSTS
from ingestion.demo.world import END

PUBLISHED = PROJECT_ROOT / "warehouse" / "demo.published.duckdb"
SEEDS = PROJECT_ROOT / "ingestion" / "demo" / "seeds"
DEFAULTS = PROJECT_ROOT / "seeds" / "common" / "default_alert_rules.csv"
LEFT = next(host for host in HOSTS if host.until)


@dataclass(frozen=True)
class Built:
    """A warehouse with the alerts of the demo company."""

    path: Path
    expected: dict[Key, Alert]

    def rows(self, sql: str) -> list[tuple]:
        """What it answers."""
        return query(self.path, sql)


def company_of(warehouse: Path) -> Company:
    """The company as its marts have it; its sources were all loaded, and no entity of them is late."""
    meetings = "select host_uri, scheduled_event_uri, start_at from intermediate.int_host_meetings__counted"
    labels = "select host_uri, host_label from intermediate.int_hosts__labelled"
    bookings = query(warehouse, "select channel, status, booked_at, meeting_start_at from marts.bookings_fact")
    spend = query(warehouse, "select spend_date, channel, spend_in_reporting_currency from marts.marketing_spend_fact")
    return Company(
        [Booking(channel, status, day_of(booked), day_of(start)) for channel, status, booked, start in bookings],
        spend,
        {(host, event, start.date()) for host, event, start in query(warehouse, meetings)},
        dict(query(warehouse, labels)),
        [],
        END.date() - DAY,
        END.date(),
    )


def day_of(instant: datetime | None) -> date | None:
    """The day of an instant."""
    return instant and instant.date()


@pytest.fixture(scope="module")
def built() -> Built:
    """The demo as `make run` publishes it, with the rules that ship and those of the company."""
    require(PUBLISHED.is_file(), "the demo: run make run")
    return Built(PUBLISHED, alerts_of(company_of(PUBLISHED), rules_of(DEFAULTS, SEEDS / "alert_rules.csv")))


def days_between(first: date, last: date) -> Iterator[date]:
    """Each day from the first to the last."""
    while first <= last:
        yield first
        first += DAY


def test_alerts_are_those_counted_by_hand(built):
    """Each, cell by cell, and no other; most rules speak at some time."""
    check_alerts(built.path, built.expected)
    assert len({rule for rule, *_ in built.expected}) >= 6


def test_ads_that_lead_nowhere_are_told_of_as_long_as_they_cost(built):
    """What TikTok's ads led to was handed over: from four weeks later on they cost without a booking, to the end."""
    told = built.rows(
        "select alert_date, severity, is_open from marts.alerts"
        " where rule = 'spend_without_bookings' and subject = 'tiktok_paid_ads'"
    )
    since = HANDED_OVER_AT.date() + timedelta(days=27)
    assert {day for day, _, _ in told} >= set(days_between(since, END.date() - DAY))
    assert {severity for _, severity, _ in told} == {"critical"}
    assert [day for day, _, is_open in told if is_open] == [END.date() - DAY]


def test_a_host_who_left_is_idle(built):
    """From four weeks later on, to the end: for twelve weeks more somebody without meetings is still a host."""
    since = (LEFT.until + timedelta(days=28)).date()
    told = built.rows(
        "select alert_date from marts.alerts inner join intermediate.int_hosts__labelled on subject = host_uri"
        f" where rule = 'host_idle' and host_email = '{LEFT.email}' and alert_date >= date '{since}'"
    )
    assert {day for (day,) in told} == set(days_between(since, END.date() - DAY))


def test_no_alert_names_a_person(built):
    """What is shown and posted has hosts by their labels."""
    texts = " ".join(
        f"{label} {sentence}" for label, sentence in built.rows("select subject_label, sentence from marts.alerts")
    )
    assert "@" not in texts
    assert [uri for (uri,) in built.rows("select host_uri from intermediate.int_hosts__labelled") if uri in texts] == []
    for host in HOSTS:
        assert all(name not in texts for name in host.name.split())
