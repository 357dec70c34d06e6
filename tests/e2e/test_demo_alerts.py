"""The demo company's alerts: those counted by hand from its bookings and spend, and what its world is known to hold."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from alerts_by_hand import DAY, Alert, Booking, Company, Key, alerts_of, rules_of
from alerts_compared import check_alerts
from support import PROJECT_ROOT, query

from ingestion import demo
from ingestion.demo.bookings import HANDED_OVER_AT, HOSTS
from ingestion.demo.world import END

SIZE, SEED = 120, 5
SEEDS = PROJECT_ROOT / "ingestion" / "demo" / "seeds"
DEFAULTS = PROJECT_ROOT / "seeds" / "common" / "default_alert_rules.csv"
# A company of this size has few meetings: fewer than the defaults ask for.
RULES = """\
rule,metric,subject,window_days,baseline_days,comparison,threshold,minimum,severity,is_enabled
host_idle,,,,,,,3,,
host_overloaded,,,,,,2,3,,
bookings_dropped,,,,,,,8,,
cost_per_booking_jumped,,,,,,1.5,4,,
show_rate_fell,,,,,,-0.1,10,,
unmapped_share_grew,,,,,,0.05,10,,
"""
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
def built(folder: Path, command: Callable[..., str]) -> Built:
    """The company's bookings and spend, by their files."""
    demo.write_demo(folder / "demo", SIZE, SEED)
    seeds = folder / "seeds"
    seeds.mkdir()
    for path in SEEDS.iterdir():
        (seeds / path.name).write_bytes(path.read_bytes())
    (seeds / "alert_rules.csv").write_text(RULES)
    own = {
        "THROUGHLINE_WAREHOUSE": folder / "w.duckdb",
        "THROUGHLINE_SEEDS": seeds,
        "SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL": folder / "demo" / "calendly_webhooks",
        "SOURCES__CALENDLY_EXPORT__BUCKET_URL": folder / "demo" / "calendly_export",
        "SOURCES__CALENDLY_EXPORT__TIMEZONE": "Europe/Berlin",
        "SOURCES__AD_SPEND__BUCKET_URL": folder / "demo" / "ad_spend",
    }
    command("throughline", "load", "calendly_webhooks", "calendly_export", "ad_spend", **own)
    chosen = ("--select", "+marts.alerts", "bookings_fact", "marketing_spend_fact")
    without_tests = ("--exclude-resource-type", "test", "unit_test")
    values = json.dumps({"as_of": f"{END:%Y-%m-%d}"})
    command("dbt", "build", *chosen, *without_tests, "--vars", values, **own)
    rules = rules_of(DEFAULTS, seeds / "alert_rules.csv")
    return Built(own["THROUGHLINE_WAREHOUSE"], alerts_of(company_of(own["THROUGHLINE_WAREHOUSE"]), rules))


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
