"""Times `throughline load calendly` over a simulated organization: the first load, and one more that finds no change.

    .venv/bin/python benchmarks/calendly_sync.py --events 1000 --latency-ms 50 --limit 10000

Each load prints the requests that it made, the fewest that the API allows for the same answers, and its wall time.
"""

import argparse
import math
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

API = "https://api.calendly.com"
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
# Users/me, memberships, event types, groups, routing forms, and the submissions of one form.
SURROUNDINGS = 6


def organization(events: int) -> dict:
    """Return an organization whose meetings, one invitee each, end three hours apart; the last is a month ahead."""
    me = {"uri": f"{API}/users/ann", "current_organization": f"{API}/organizations/acme"}
    form = {"uri": f"{API}/routing_forms/one", "organization": me["current_organization"], "created_at": _iso(NOW)}
    meetings, invitees = [], []
    for number in range(events):
        starts_at = NOW + timedelta(days=30) - number * timedelta(hours=3)
        made_at = _iso(starts_at - timedelta(days=7))
        meeting = {
            "uri": f"{API}/scheduled_events/{number}",
            "name": "Demo",
            "status": "active",
            "start_time": _iso(starts_at),
            "end_time": _iso(starts_at + timedelta(minutes=30)),
            "event_type": f"{API}/event_types/demo",
            "invitees_counter": {"total": 1, "active": 1, "limit": 1},
            "event_memberships": [{"user": me["uri"]}],
            "created_at": made_at,
            "updated_at": made_at,
        }
        meetings.append(meeting)
        invitees.append(
            {
                "uri": f"{meeting['uri']}/invitees/1",
                "event": meeting["uri"],
                "email": f"guest{number}@example.com",
                "status": "active",
                "created_at": made_at,
                "updated_at": made_at,
            }
        )
    return {"users_me": me, "routing_forms": [form], "scheduled_events": meetings, "invitees": invitees}


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S.%fZ}"


def main() -> None:
    """Serve, load twice, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000, help="scheduled events, each with one invitee")
    parser.add_argument("--latency-ms", type=float, default=50.0, help="before each answer")
    parser.add_argument("--limit", type=int, default=10_000, help="requests a minute")
    arguments = parser.parse_args()

    from ingestion import calendly
    from ingestion.demo.calendly_simulator import TOKEN, CalendlySimulator
    from ingestion.demo.simulator import serving

    world = organization(arguments.events)
    simulator = CalendlySimulator(world, requests_per_minute=arguments.limit, latency=arguments.latency_ms / 1000)
    window_began = NOW - timedelta(days=30)
    listed = [meeting for meeting in world["scheduled_events"] if meeting["start_time"] >= _iso(window_began)]
    due = [meeting for meeting in listed if _iso(window_began) <= meeting["end_time"] <= _iso(NOW)]
    fewest = {
        "first load": SURROUNDINGS + math.ceil(arguments.events / 100) + arguments.events,
        "second load": SURROUNDINGS + max(1, math.ceil(len(listed) / 100)) + len(due),
    }
    with tempfile.TemporaryDirectory() as folder, serving(simulator) as url:
        os.environ |= {
            "SOURCES__CALENDLY__BASE_URL": url,
            "SOURCES__CALENDLY__API_TOKEN": TOKEN,
            "THROUGHLINE_NOW": NOW.isoformat(),
        }
        for name, possible in fewest.items():
            simulator.asked.clear()
            began = time.monotonic()
            calendly.load(Path(folder) / "benchmark.duckdb")
            seconds = time.monotonic() - began
            print(f"{name}: {len(simulator.asked):,} requests (fewest possible: {possible:,}) in {seconds:.1f} s")


if __name__ == "__main__":
    main()
