"""The demo's BigMarker account as its API shows it: one file, which the simulator serves."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from ingestion.demo.bookings import BERLIN, Host
from ingestion.demo.files import write_account
from ingestion.demo.webinar_crews import HOST, PANELISTS, crew
from ingestion.demo.webinars import WEBINARS, Part, Span, Webinar, parts
from ingestion.demo.world import World

Document = dict[str, Any]

# How many visits are noted without their end, and how many under no address but that of the registration.
_WITHOUT_END, _WITHOUT_ADDRESS = 0.04, 0.04


def _bmid(email: str) -> str:
    """Return what BigMarker calls a person, in all its conferences."""
    return str(UUID(bytes=hashlib.sha256(f"bigmarker {email}".encode()).digest()[:16], version=4))


def _written(at: datetime) -> str:
    return at.astimezone(BERLIN).isoformat(timespec="seconds")


def _presenter(host: Host) -> Document:
    first_name, last_name = host.name.split()
    return {
        "presenter_id": _bmid(host.email)[:8],
        "name": host.name,
        "first_name": first_name,
        "last_name": last_name,
        "email": host.email,
        "is_moderator": host is HOST,
    }


def _conference(webinar: Webinar) -> Document:
    return {
        "id": webinar.platform_id,
        "title": webinar.title,
        "type": "live_webinar",
        "language": webinar.language,
        "start_time": _written(webinar.session.starts_at),
        "end_time": _written(webinar.session.ends_at),
        "duration_minutes": 45,
        "conference_address": f"https://webinars.example.com/larkfield/{webinar.platform_id}",
        "privacy": "private",
        "presenters": [_presenter(host) for host in (HOST, *PANELISTS)],
    }


def _person(webinar: Webinar, part: Part) -> Document:
    return {
        "id": _bmid(part.email.lower()),
        "bmid": _bmid(part.email.lower()),
        "conference_id": webinar.platform_id,
        "email": part.email,
        "first_name": part.contact.first_name,
        "last_name": part.contact.last_name,
        "time_zone": "Berlin",
        "country": "Germany",
    }


def _registrations(webinar: Webinar, people: list[Part]) -> Iterator[Document]:
    for part in people:
        if part.registration:
            yield _person(webinar, part) | {
                "custom_user_id": None,
                "enter_url": f"https://webinars.example.com/enter/{_bmid(part.email.lower())}",
                "referral_domain": None,
                "source": None,
                "tracking_code": None,
                "registered_at": _written(part.registration.at),
            }


def _visit(person: Document, span: Span, *, has_end: bool) -> Document:
    seconds = int((span.left_at - span.joined_at).total_seconds())
    duration = f"{seconds // 3_600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return person | {
        "questions": [],
        "entered_at": _written(span.joined_at),
        "leaved_at": _written(span.left_at) if has_end else None,
        "total_duration": duration,
        "engaged_duration": duration,
        "chats_count": 0,
        "qas_count": 0,
        "polls_count": 0,
        "attendance_monitor": {"show_popup": 0, "click_popup": 0},
    }


def _visits(world: World, webinar: Webinar, people: list[Part]) -> Iterator[Document]:
    """Yield the visits of everybody, Larkfield's own first."""
    for member in crew(world, webinar):
        person = {
            "id": _bmid(member.host.email),
            "bmid": _bmid(member.host.email),
            "conference_id": webinar.platform_id,
            "email": member.host.email,
            "first_name": member.host.name.split()[0],
            "last_name": member.host.name.split()[1],
        }
        # One list for all: there a panelist who also watches is just one visit more.
        for span in member.spans:
            yield _visit(person, span, has_end=True)
    for part in people:
        rng = world.stream("bigmarker", webinar.number, part.account, part.contact.number)
        person = _person(webinar, part)
        if part.registration and rng.random() < _WITHOUT_ADDRESS:
            person["email"] = ""
        for span in part.spans:
            yield _visit(person, span, has_end=rng.random() >= _WITHOUT_END)


def account(world: World) -> Document:
    """Return the documents of the API as the simulator serves them; what is to come has no list of attendees."""
    webinars = [webinar for webinar in WEBINARS if webinar.source == "bigmarker"]
    known = parts(world)
    return {
        "conferences": [_conference(webinar) for webinar in webinars],
        "registrations": {webinar.platform_id: list(_registrations(webinar, known[webinar])) for webinar in webinars},
        "attendees": {
            webinar.platform_id: list(_visits(world, webinar, known[webinar]))
            for webinar in webinars
            if webinar.is_reported
        },
    }


def write(world: World, folder: Path) -> None:
    """Write `account.json`.

    Args:
        world: Who comes.
        folder: Where the file goes; it exists.
    """
    write_account(folder, account(world))
