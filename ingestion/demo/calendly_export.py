"""The demo's CSV exports of the meetings of 2024: two quarters, each taken at its end, the second in a newer layout."""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingestion.demo.bookings import BERLIN, told
from ingestion.demo.calendly_history import Document, written
from ingestion.demo.files import replacing
from ingestion.demo.world import START, World

# As Calendly displays zones.
_ZONES = {
    "Europe/Berlin": "Central European Time",
    "Europe/Vienna": "Central European Time",
    "Europe/London": "UK, Ireland, Lisbon Time",
    "Europe/Kiev": "Eastern European Time",
    "America/New_York": "Eastern Time - US & Canada",
    "America/Chicago": "Central Time - US & Canada",
    "US/Pacific": "Pacific Time - US & Canada",
    "Asia/Saigon": "Indochina Time",
    "Asia/Calcutta": "India Standard Time",
}


@dataclass(frozen=True)
class Export:
    """One export.

    Attributes:
        name: Of its file.
        since: The first instant at which a meeting that is in it may begin.
        until: The first instant at which it may no longer.
        taken_at: When it was taken; it shows what was known then.
        has_ids: Whether the layout has the columns that came later, with the identifiers among them.
    """

    name: str
    since: datetime
    until: datetime
    taken_at: datetime
    has_ids: bool


# Quarters begin at midnight in Berlin.
_OCTOBER, _JANUARY = (datetime(*day, tzinfo=BERLIN).astimezone(UTC) for day in ((2024, 10, 1), (2025, 1, 1)))
EXPORTS = (
    Export("events_2024-07-01_2024-09-30.csv", START, _OCTOBER, datetime(2024, 10, 2, 7, tzinfo=UTC), has_ids=False),
    Export("events_2024-10-01_2024-12-31.csv", _OCTOBER, _JANUARY, datetime(2025, 1, 7, 8, tzinfo=UTC), has_ids=True),
)


def _local(text: str) -> str:
    """Return an instant as Calendly writes it into an export of an account in Berlin."""
    local = datetime.fromisoformat(text).astimezone(BERLIN)
    return f"{local:%Y-%m-%d %I:%M} {'am' if local.hour < 12 else 'pm'}"


_COLUMNS = (
    "User Name",
    "Team",
    "Invitee Name",
    "Invitee First Name",
    "Invitee Last Name",
    "Invitee Email",
    "Invitee Time Zone",
    "Invitee accepted marketing emails",
    "Text Reminder Number",
    "Event Type Name",
    "Start Date & Time",
    "End Date & Time",
    "Location",
    "Event Created Date & Time",
    "Canceled",
    "Canceled By",
    "Cancellation reason",
)
_COLUMNS_AFTER_QUESTIONS = (
    "UTM Campaign",
    "UTM Source",
    "UTM Medium",
    "UTM Term",
    "UTM Content",
    "Salesforce UUID",
    "Event Price",
    "Payment Currency",
    "Guest Email(s)",
    "Invitee Reconfirmed",
    "Marked as No-Show",
    "Meeting Notes",
    "Group",
    "User Email",
)
_NEWER_COLUMNS = ("Event UUID", "Invitee UUID", "Invitee scheduled by", "Scheduling method")


def _row(invitee: Document, event: Document, team: str, names: dict[str, str]) -> dict[str, str]:
    """Return what the newest layout says of an invitee, without the cells that are blank."""
    host = event["event_memberships"][0]
    cancellation = invitee.get("cancellation", {})
    cells = {
        "User Name": host["user_name"],
        "Team": team,
        "Invitee Name": invitee["name"],
        "Invitee First Name": invitee["first_name"],
        "Invitee Last Name": invitee["last_name"],
        "Invitee Email": invitee["email"],
        "Invitee Time Zone": _ZONES[invitee["timezone"]],
        "Text Reminder Number": invitee["text_reminder_number"],
        "Event Type Name": event["name"],
        "Start Date & Time": _local(event["start_time"]),
        "End Date & Time": _local(event["end_time"]),
        "Location": f"Zoom URL: {url}" if (url := event["location"].get("join_url")) else None,
        "Event Created Date & Time": _local(invitee["created_at"]),
        "Canceled": "true" if cancellation else "false",
        "Canceled By": cancellation.get("canceled_by"),
        "Cancellation reason": cancellation.get("reason"),
        "Guest Email(s)": ", ".join(guest["email"] for guest in event["event_guests"]),
        "Marked as No-Show": "Yes" if invitee["no_show"] else "No",
        "Salesforce UUID": invitee["tracking"]["salesforce_uuid"],
        "User Email": host["user_email"],
        "Event UUID": event["uri"].rpartition("/")[2],
        "Invitee UUID": invitee["uri"].rpartition("/")[2],
        "Invitee scheduled by": names.get(invitee["invitee_scheduled_by"]),
        "Scheduling method": invitee["scheduling_method"],
    }
    for number, answer in enumerate(invitee["questions_and_answers"], start=1):
        cells |= {f"Question {number}": answer["question"], f"Response {number}": answer["answer"]}
    for name in ("Campaign", "Source", "Medium", "Term", "Content"):
        cells[f"UTM {name}"] = invitee["tracking"][f"utm_{name.lower()}"]
    return {name: cell for name, cell in cells.items() if cell}


def rows(world: World, export: Export) -> list[dict[str, str]]:
    """Return an export's rows in order of the meetings, without the cells that are blank."""
    known = told(world).organization(export.taken_at)
    events = {
        event["uri"]: event
        for event in known["scheduled_events"]
        if written(export.since) <= event["start_time"] < written(export.until)
    }
    pooled = {kind["uri"] for kind in known["event_types"] if kind["pooling_type"]}
    names = {membership["user"]["uri"]: membership["user"]["name"] for membership in known["organization_memberships"]}
    exported = [(events[invitee["event"]], invitee) for invitee in known["invitees"] if invitee["event"] in events]
    exported.sort(key=lambda pair: (pair[0]["start_time"], pair[1]["created_at"], pair[1]["uri"]))
    hidden = () if export.has_ids else _NEWER_COLUMNS
    return [
        {name: cell for name, cell in row.items() if name not in hidden}
        for row in (
            _row(invitee, event, "Sales" if event["event_type"] in pooled else "", names) for event, invitee in exported
        )
    ]


def write(world: World, folder: Path) -> None:
    """Write a file for each of EXPORTS, with as many pairs of question and answer as an invitee has at most.

    Args:
        world: Who books.
        folder: Where the files go; it exists.
    """
    for export in EXPORTS:
        exported = rows(world, export)
        pairs = max((sum(name.startswith("Question") for name in row) for row in exported), default=0)
        questions = [f"{half} {number}" for number in range(1, pairs + 1) for half in ("Question", "Response")]
        newer = _NEWER_COLUMNS if export.has_ids else ()
        with replacing(folder / export.name) as handle:
            header = [*_COLUMNS, *questions, *_COLUMNS_AFTER_QUESTIONS, *newer]
            writer = csv.DictWriter(handle, header, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(exported)
