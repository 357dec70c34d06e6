"""The demo's Calendly organization as its API shows it when the world ends: one file, which the simulator serves."""

import json
from datetime import UTC, datetime
from pathlib import Path

from ingestion.demo.bookings import told
from ingestion.demo.calendly_history import Document, written
from ingestion.demo.files import replacing
from ingestion.demo.world import World

# Larkfield had meetings before this day erased, after it had exported them.
ERASED_BEFORE = datetime(2024, 12, 1, tzinfo=UTC)


def organization(world: World) -> Document:
    """Return the documents that the API still has."""
    documents = told(world).organization()
    events = [event for event in documents["scheduled_events"] if event["start_time"] >= written(ERASED_BEFORE)]
    known = {event["uri"] for event in events}
    invitees = [invitee for invitee in documents["invitees"] if invitee["event"] in known]
    return documents | {"scheduled_events": events, "invitees": invitees}


def write(world: World, folder: Path) -> None:
    """Write `organization.json`: the organization's owner as users_me, and a list for each kind of document.

    Args:
        world: Who books.
        folder: Where the file goes; it exists.
    """
    with replacing(folder / "organization.json") as handle:
        json.dump(organization(world), handle, separators=(",", ":"))
        handle.write("\n")
