"""Alerts of drawn companies, put where the models to the left leave them, are those that are counted by hand."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import duckdb
import pytest
from alerts_by_hand import DAY, Age, Booking, Company, Rule, alerts_of, rules_of
from alerts_compared import check_alerts
from support import PROJECT_ROOT, ship_seeds

DEFAULTS = PROJECT_ROOT / "seeds" / "common" / "default_alert_rules.csv"
COLUMNS = (
    *("rule", "metric", "subject", "window_days", "baseline_days"),
    *("comparison", "threshold", "minimum", "severity", "is_enabled"),
)
ZONES = ("UTC", "Europe/Berlin", "America/New_York")
FIRST = date(2026, 1, 5)
DAYS = 75
CHANNELS = ("tv_ads", "radio", "mail", "unmapped")
# What the models to the left would have made, as far as alerts read it.
TABLES = {
    "intermediate.int_bookings__resolved": (
        "channel varchar, status varchar, booked_at timestamp, meeting_start_at timestamp"
    ),
    "intermediate.int_spend__converted": (
        "channel varchar, spend_date date, spend_in_reporting_currency decimal(38, 9), is_rate_missing boolean"
    ),
    "intermediate.int_host_meetings__counted": "host_uri varchar, scheduled_event_uri varchar, start_at timestamp",
    "intermediate.int_hosts__labelled": "host_uri varchar, host_label varchar",
    "staging.stg_meta__loads": "source varchar, file_modified_at timestamp, finished_at timestamp",
    "marts.source_freshness": (
        "source varchar, entity varchar, last_loaded_at timestamp, hours_since_load double, max_load_age_hours double,"
        " newest_record_at timestamp, hours_since_newest_record double, max_record_age_hours double, is_late boolean"
    ),
}
THRESHOLDS = {
    "ratio_above": ("1", "1.25", "2"),
    "ratio_below": ("0.5", "0.8", "1"),
    "difference_above": ("0", "0.1", "5"),
    "difference_below": ("0", "-0.1", "-3"),
    "above": ("0.5", "2", "40"),
    "below": ("0.4", "3", "50"),
}


class Drawn:
    """A small company with much up and down, and rules of its own that look at a few days."""

    def __init__(self, seed: int) -> None:
        """Draws it."""
        self._rng = Random(seed)
        self.zone = ZoneInfo(ZONES[seed % len(ZONES)])
        self.as_of = datetime(FIRST.year, FIRST.month, FIRST.day, 7, tzinfo=UTC) + DAYS * DAY
        # Half of them were last looked at days ago.
        self.looked_at = self.as_of - (seed % 2) * timedelta(days=3, hours=2)
        self.rows: dict[str, list[tuple]] = {name: [] for name in TABLES}
        # Its export is read each day, though none was made since.
        self.rows["staging.stg_meta__loads"] = [
            ("calendly", None, self.looked_at - DAY),
            ("calendly_export", self.looked_at, self.as_of),
            ("ad_spend", self.as_of, self.as_of),
        ]
        self._bookings, self._spend = self._booked(), self._spent()
        self._meetings, self._ages = self._held(), self._aged()
        today = self._local(self.as_of)
        self.company = Company(
            self._bookings,
            self._spend,
            self._meetings,
            dict(self.rows["intermediate.int_hosts__labelled"]),
            self._ages,
            min(today, self._local(self.looked_at)) - DAY,
            today,
            self._local,
            "EUR",
        )

    def _local(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def _instant(self, day: int) -> datetime:
        start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
        return start + timedelta(days=day, seconds=self._rng.randrange(86_400))

    def _booked(self) -> list[Booking]:
        bookings = []
        for channel in CHANNELS:
            first, last = sorted((self._rng.randrange(0, 30), self._rng.randrange(40, DAYS + 2)))
            for day in range(first, last):
                busy = self._rng.choice((0, 0, 1, 2, 4)) if day % 20 < 12 else 0
                for _ in range(busy):
                    booked_at = self._instant(day)
                    start_at = booked_at + timedelta(hours=self._rng.randrange(1, 200))
                    ends = (
                        ("held", "held", "no_show", "canceled") if start_at < self.as_of else ("scheduled", "canceled")
                    )
                    status = self._rng.choice(ends)
                    booked_at = None if self._rng.random() < 0.02 else booked_at
                    start_at = None if self._rng.random() < 0.05 else start_at
                    self.rows["intermediate.int_bookings__resolved"].append((channel, status, booked_at, start_at))
                    dates = (instant and self._local(instant) for instant in (booked_at, start_at))
                    bookings.append(Booking(channel, status, *dates))
        return bookings

    def _spent(self) -> list[tuple[date, str, Decimal | None]]:
        spend = []
        for channel in ("tv_ads", "radio", "poster"):
            for day in range(self._rng.randrange(0, 20), DAYS + 1):
                for _ in range(self._rng.choice((0, 1, 1, 1, 2))):
                    amount = Decimal(self._rng.randrange(0, 9_000)) / 100 if self._rng.random() > 0.01 else None
                    spend.append((FIRST + day * DAY, channel, amount))
        self.rows["intermediate.int_spend__converted"] = [
            (channel, day, amount, amount is None) for day, channel, amount in spend
        ]
        return spend

    def _held(self) -> set[tuple[str, str, date]]:
        meetings = set()
        # The first two share a label, and some meetings; the last one comes late and leaves early.
        hosts = {"a1": "Host A", "a2": "Host A", "b": "Host B", "c": "Host C", "d": "Host D"}
        self.rows["intermediate.int_hosts__labelled"] = list(hosts.items())
        for number in range(260):
            start_at = self._instant(self._rng.randrange(DAYS))
            is_there = {"d": 15 < (start_at.date() - FIRST).days < 45}
            for host in self._rng.sample(list(hosts), self._rng.choice((1, 1, 2))):
                if is_there.get(host, True):
                    row = (host, f"event {number}", start_at)
                    self.rows["intermediate.int_host_meetings__counted"].append(row)
                    meetings.add((host, f"event {number}", self._local(start_at)))
        return meetings

    def _aged(self) -> list[Age]:
        ages = []
        for source, entities in {
            "crm": ("contacts", "opportunities"),
            "ad_spend": ("spend",),
            "stream": ("a", "b"),
        }.items():
            load_minutes = self._rng.choice((60, 36 * 60, 36 * 60 + 30, 100 * 60))
            for entity in entities:
                record_minutes = self._rng.choice((None, 48 * 60, 50 * 60, 200 * 60))
                row: list = [source, entity]
                of_entity = []
                for minutes, limit in ((load_minutes, 36), (record_minutes, self._rng.choice((None, 48)))):
                    since = None if minutes is None else self.as_of - timedelta(minutes=minutes)
                    row += [since, None if minutes is None else minutes / 60, limit]
                    if minutes is not None and limit:
                        named = None if limit == 36 else entity
                        of_entity.append(Age(source, named, since, Fraction(minutes, 60), Fraction(limit)))
                is_late = any(age.hours > age.limit for age in of_entity)
                self.rows["marts.source_freshness"].append((*row, is_late))
                ages += of_entity
        return ages

    def seeds(self, folder: Path) -> list[Rule]:
        """Writes the company's seeds, and returns the rules in force."""
        rules = [
            # Of some defaults one cell, or none, is another.
            {"rule": "Show_rate_fell", "window_days": 7, "baseline_days": 21, "minimum": 5, "threshold": "-0.1"},
            {"rule": "host_idle", "window_days": 14, "minimum": 1},
            {"rule": "bookings_dropped", "is_enabled": "false"},
        ]
        metrics = ("bookings", "cost_per_booking", "held_rate", "host_load", "spend_without_bookings", "unmapped_share")
        for metric in metrics:
            for comparison, thresholds in THRESHOLDS.items():
                is_share = metric in ("held_rate", "unmapped_share") and not comparison.startswith("ratio")
                rules.append(
                    {
                        "rule": f"{metric}_{comparison}",
                        "metric": metric,
                        "subject": self._rng.choice(("", "", "Tv ads", "tv_ads", "all", "Host A")),
                        "window_days": self._rng.choice((1, 2, 7)),
                        "baseline_days": self._rng.choice((1, 5, 14)),
                        "comparison": comparison,
                        "threshold": self._rng.choice(
                            [one for one in thresholds if not is_share or abs(float(one)) <= 1]
                        ),
                        "minimum": self._rng.choice(("", "1", "3")),
                        "severity": self._rng.choice(("info", "warning", "critical")),
                    }
                )
        for comparison, threshold in (("ratio_above", "1.3"), ("difference_above", "2"), ("above", "40")):
            late = {"metric": "source_lateness", "comparison": comparison, "threshold": threshold, "severity": "info"}
            rules.append({"rule": f"late_{comparison}"} | late)
        billing = {"metric": "source_lateness", "subject": "Stream (billing)", "severity": "info"}
        rules.append({"rule": "late_billing", "comparison": "ratio_above", "threshold": "0.5"} | billing)
        with (ship_seeds(folder) / "alert_rules.csv").open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, COLUMNS)
            writer.writeheader()
            writer.writerows(rules)
        return rules_of(DEFAULTS, folder / "alert_rules.csv", overload="1.2", idle="0.7")

    def put(self, warehouse: Path) -> None:
        """Makes the tables that alerts read."""
        with duckdb.connect(warehouse) as connection:
            for name, columns in TABLES.items():
                connection.execute(f"create schema if not exists {name.partition('.')[0]}")
                connection.execute(f"create table {name} ({columns})")
                naive = [
                    tuple(cell.replace(tzinfo=None) if isinstance(cell, datetime) else cell for cell in row)
                    for row in self.rows[name]
                ]
                if naive:
                    connection.executemany(f"insert into {name} values ({', '.join('?' * len(naive[0]))})", naive)


@pytest.mark.parametrize("seed", [2, 7])
def test_alerts_are_those_counted_by_hand(folder: Path, command: Callable[..., str], seed: int):
    """Each with its figures, words and run of days; every metric is among them, compared in more than one way."""
    drawn = Drawn(seed)
    place = folder / f"{seed}"
    rules = drawn.seeds(place)
    drawn.put(place / "w.duckdb")
    values = {
        "as_of": drawn.as_of.isoformat(),
        "reporting_timezone": drawn.zone.key,
        "reporting_currency": "EUR",
        "overload_share_of_mean": 1.2,
        "idle_share_of_mean": 0.7,
    }
    chosen = ("default_alert_rules", "alert_rules", "intermediate.alerts", "marts.alerts")
    settings = {"THROUGHLINE_WAREHOUSE": place / "w.duckdb", "THROUGHLINE_SEEDS": place}
    kinds = ("--exclude-resource-type", "unit_test")
    command("dbt", "build", "--select", *chosen, *kinds, "--vars", json.dumps(values), **settings)
    expected = alerts_of(drawn.company, rules)
    check_alerts(place / "w.duckdb", expected)
    metric_of = {rule.name: rule.metric for rule in rules}
    names = {name for name, *_ in expected}
    speaking = Counter(metric_of[name] for name in names)
    assert len(speaking) == 7
    assert all(count > 1 for count in speaking.values()), speaking
    # By the names that marts have, and by those that pages write.
    assert {"tv_ads", "Tv ads", "Stream (billing)", "Host A"} <= {rule.subject for rule in rules if rule.name in names}
