"""Times a webhook from its POST to its booking in the published copy, on the demo, under `throughline refresh --watch`.

    .venv/bin/python benchmarks/delivery_latency.py --deliveries 40 --mean-gap 20

Deliveries come at random instants, so that some meet a refresh that is under way. In the same run, on the same
warehouse, a few more are followed by each of the other ways: one `throughline refresh` as cron starts it, and the plain
tools one after the other.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import requests
from rich.console import Console
from rich.table import Table

from ingestion.demo.calendly_history import CalendlyHistory
from ingestion.signatures import HEADER, sign

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
KEY = "benchmark"
POLL_SECONDS = 0.05


class Company:
    """The demo in a folder of its own, with a receiver's address and what is posted there."""

    def __init__(self, folder: Path, size: int) -> None:
        """Loads and publishes the demo."""
        self.warehouse = folder / "demo.duckdb"
        self.published = folder / "demo.published.duckdb"
        files = folder / "demo"
        self.environment = os.environ | {
            # Where no .dlt/secrets.toml is: whoever runs this may have sources of their own.
            "DLT_PROJECT_DIR": str(folder),
            "THROUGHLINE_WAREHOUSE": str(self.warehouse),
            "THROUGHLINE_SEEDS": "ingestion/demo/seeds",
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "log"),
            "SOURCES__CALENDLY_EXPORT__TIMEZONE": "Europe/Berlin",
            "SOURCES__CALENDLY_WEBHOOKS__SIGNING_KEYS": KEY,
        }
        for name in ("crm", "calendly_webhooks", "calendly_export", "ad_spend"):
            self.environment[f"SOURCES__{name.upper()}__BUCKET_URL"] = str(files / name)
        self.run("throughline", "demo", str(files), "--size", str(size))
        self.run("throughline", "simulate", "--folder", str(files), BIN / "throughline", "refresh")
        now = datetime.now(UTC)
        self._history = CalendlyHistory("latency")
        host = self._history.add_host("Ann Host", "ann@example.com", now - timedelta(days=9))
        self._event_type = self._history.add_event_type("Latency", [host], now - timedelta(days=8))
        self._count = 0

    def run(self, *words: str | Path) -> None:
        """Runs a command to its end."""
        done = subprocess.run(
            [BIN / words[0], *words[1:]], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(map(str, words))} failed:\n{done.stdout}{done.stderr}")

    @contextmanager
    def running(self, *words: str, until: str) -> Iterator[str]:
        """Runs a command beside this one, and yields the line in which it says that it is ready."""
        command = [BIN / words[0], *words[1:]]
        with subprocess.Popen(command, cwd=ROOT, env=self.environment, stderr=subprocess.PIPE, text=True) as process:
            try:
                line = next(line for line in process.stderr if until in line)
                # What it says from here on must not fill the pipe.
                threading.Thread(target=process.stderr.read, daemon=True).start()
                yield line
            finally:
                process.terminate()

    def post(self, address: str) -> str:
        """Posts what Calendly says of a new booking, and returns the booking's id."""
        self._count += 1
        at = datetime.now(UTC) - timedelta(days=7) + timedelta(minutes=self._count)
        start_at = at + timedelta(days=30, hours=self._count)
        email = f"guest{self._count}@example.com"
        booking = self._history.book(self._event_type, at, start_at, name="Guest", email=email)
        body = json.dumps(self._history.deliveries()[-1]).encode()
        headers = {HEADER: sign(body, KEY, datetime.now(UTC)), "Content-Type": "application/json"}
        requests.post(address, data=body, headers=headers, timeout=30).raise_for_status()
        return booking

    def published_bookings(self, among: list[str]) -> set[str]:
        """Those of some bookings that the published copy has."""
        with duckdb.connect(self.published, read_only=True) as connection:
            rows = connection.execute(
                "select booking_id from marts.bookings_fact where booking_id in (select unnest(?))", [among]
            ).fetchall()
        return {booking for (booking,) in rows}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=40, help="how many are posted while a watch runs")
    parser.add_argument("--mean-gap", type=float, default=20.0, help="seconds between them, on average")
    parser.add_argument("--others", type=int, default=5, help="how many are followed by each of the other ways")
    parser.add_argument("--size", type=int, default=400, help="accounts of the demo company")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Path(folder), options.size)
        with company.running("throughline", "receive", "--port", "0", until="Receiving at") as line:
            address = next(word for word in line.split() if word.startswith("http"))
            with company.running("throughline", "refresh", "--watch", until="nothing has changed"):
                seconds = {"refresh --watch": watched(company, address, options.deliveries, options.mean_gap)}
            ways = {
                "refresh, a process each time": [("throughline", "refresh", "calendly_webhooks")],
                "load; dbt build; publish": [
                    ("throughline", "load", "calendly_webhooks"),
                    ("dbt", "build", "--quiet"),
                    ("throughline", "publish"),
                ],
            }
            for name, commands in ways.items():
                seconds[name] = [
                    followed(company, address, lambda commands=commands: [company.run(*words) for words in commands])
                    for _ in range(options.others)
                ]
    table = Table("from POST to the published booking", "deliveries", "median s", "95th percentile s", "longest s")
    for name, values in seconds.items():
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
        figures = f"{statistics.median(ordered):.1f}", f"{p95:.1f}", f"{ordered[-1]:.1f}"
        table.add_row(name, str(len(ordered)), *figures)
    Console().print(table)


def watched(company: Company, address: str, count: int, mean_gap: float) -> list[float]:
    """The seconds of some deliveries at random instants."""
    gaps = random.Random(7)
    posted: dict[str, float] = {}
    seconds: list[float] = []
    next_at = time.monotonic()
    while len(seconds) < count:
        if count > len(posted) + len(seconds) and time.monotonic() >= next_at:
            began = time.monotonic()
            posted[company.post(address)] = began
            next_at += gaps.expovariate(1 / mean_gap)
        for booking in company.published_bookings(list(posted)):
            seconds.append(time.monotonic() - posted.pop(booking))
        time.sleep(POLL_SECONDS)
    return seconds


def followed(company: Company, address: str, way: Callable[[], object]) -> float:
    """The seconds of one delivery that a way is started for at once."""
    began = time.monotonic()
    booking = company.post(address)
    way()
    if booking not in company.published_bookings([booking]):
        sys.exit("a booking did not arrive")
    return time.monotonic() - began


if __name__ == "__main__":
    main()
