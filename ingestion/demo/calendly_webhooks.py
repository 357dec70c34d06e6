"""The demo's delivered webhooks: dumped by the day, then kept by `throughline receive`, as untidy as deliveries are."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingestion.demo.bookings import EVENT_TYPES, told
from ingestion.demo.calendly_history import Document, written
from ingestion.demo.files import replacing
from ingestion.demo.world import END, World
from ingestion.receipts import line_of
from ingestion.signatures import HEADER, sign

# When the hook was set up.
_DAYS = 90
LIVE_SINCE = END - timedelta(days=_DAYS)

# When deliveries began to come to a receiver of one's own; until then another service had dumped them.
_RECEIVED_DAYS = 14
RECEIVED_SINCE = END - timedelta(days=_RECEIVED_DAYS)
_SIGNING_KEY = "larkfield"

_LATE, _TWICE = 0.06, 0.04

# Something between Calendly and the folder wrote this instead of a delivery.
NO_DELIVERY = "upstream connect error or disconnect/reset before headers"
_NO_DELIVERY_DAY = "2026-05-04"
_EDITED_AT = datetime(2026, 5, 11, 8, 30, 12, 408_113, tzinfo=UTC)


def _edited_event_type(world: World) -> Document:
    """Return a delivery of a kind that nobody subscribed to when the models were made."""
    history = told(world)
    name = EVENT_TYPES["live-tour"].name
    event_type = next(document for document in history.organization()["event_types"] if document["name"] == name)
    return {
        "event": "event_type.updated",
        "created_at": written(_EDITED_AT.replace(microsecond=0) + timedelta(seconds=1)),
        "created_by": history.organization()["users_me"]["uri"],
        "payload": event_type | {"updated_at": written(_EDITED_AT)},
    }


def arrivals(world: World) -> Iterator[tuple[datetime, Document]]:
    """Yield the deliveries since the hook was set up with the instants at which they came, in no order."""
    for delivery in [*told(world).deliveries(), _edited_event_type(world)]:
        sent_at = datetime.fromisoformat(delivery["created_at"])
        if sent_at < LIVE_SINCE:
            continue
        # Of each delivery's own, so that what becomes of one does not depend on the others.
        rng = world.stream("webhook", delivery["event"], delivery["payload"]["uri"], delivery["created_at"])
        # An answer that came too late makes Calendly send again, and one that was lost makes it send twice.
        wait = rng.randrange(120, 20_000) if rng.random() < _LATE else rng.random() * 2
        yield sent_at + timedelta(seconds=wait), delivery
        if rng.random() < _TWICE:
            yield sent_at + timedelta(seconds=wait + rng.randrange(15, 40_000)), delivery


def write(world: World, folder: Path) -> None:
    """Write what came: `first_delivery.json`, a file for each day, and from RECEIVED_SINCE on the receiver's files.

    Args:
        world: Who books.
        folder: Where the files go; it exists.
    """
    arrived = sorted(
        ((at, json.dumps(delivery, separators=(",", ":"))) for at, delivery in arrivals(world) if at < END),
    )
    # Whoever set up the hook kept what came first, made readable.
    with replacing(folder / "first_delivery.json") as handle:
        json.dump(json.loads(arrived[0][1]), handle, indent=2)
        handle.write("\n")
    dumped = [(at, body) for at, body in arrived[1:] if at < RECEIVED_SINCE]
    _write_dumped(dumped, folder)
    _write_received(arrived[1:][len(dumped) :], folder)


def _write_dumped(arrived: list[tuple[datetime, str]], folder: Path) -> None:
    """Write `<day of arrival>.jsonl` files, of bare deliveries."""
    # A day without deliveries has a file, too, which takes the place of a larger world's.
    days: dict[str, list[str]] = {
        f"{LIVE_SINCE + timedelta(days=day):%Y-%m-%d}": [] for day in range(_DAYS - _RECEIVED_DAYS)
    }
    for at, body in arrived:
        days[f"{at:%Y-%m-%d}"].append(body)
    days[_NO_DELIVERY_DAY].append(NO_DELIVERY)
    for day, lines in days.items():
        with replacing(folder / f"{day}.jsonl") as handle:
            handle.writelines(f"{line}\n" for line in lines)


def _write_received(arrived: list[tuple[datetime, str]], folder: Path) -> None:
    """Write a file for each hour in which deliveries came, named as the receiver does, with when each came."""
    hours: dict[datetime, list[str]] = {
        RECEIVED_SINCE + timedelta(hours=hour): [] for hour in range(24 * _RECEIVED_DAYS)
    }
    for at, body in arrived:
        headers = {HEADER.lower(): sign(body.encode(), _SIGNING_KEY, at), "content-type": "application/json"}
        hours[at.replace(minute=0, second=0, microsecond=0)].append(line_of(body.encode(), headers, at))
    for hour, lines in hours.items():
        began = f"{hour:%Y%m%dT%H%M%SZ}"
        path = (
            folder / f"{hour:%Y-%m-%d}" / f"deliveries-{began}-{hashlib.sha256(began.encode()).hexdigest()[:8]}.jsonl"
        )
        if lines:
            path.parent.mkdir(exist_ok=True)
            with replacing(path) as handle:
                handle.writelines(f"{line}\n" for line in lines)
        else:
            # A larger world may have left one.
            path.unlink(missing_ok=True)
