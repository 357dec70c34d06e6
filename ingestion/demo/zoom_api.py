"""The demo's Zoom account as its API shows it: one file, which the simulator serves."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ingestion.demo.bookings import HOSTS
from ingestion.demo.files import write_account
from ingestion.demo.webinar_crews import HOST, PANELISTS, crew, held
from ingestion.demo.webinars import WEBINARS, Part, Span, Webinar, parts
from ingestion.demo.world import World

Document = dict[str, Any]

# Two UUIDs that an address has to encode twice: by the number of the webinar, what takes the place of the beginning.
_AWKWARD = {27: "/", 30: "L//"}
_ANONYMOUS = 0.06


def _digest(*names: object) -> bytes:
    return hashlib.sha256("\n".join(map(str, names)).encode()).digest()


def _instance_uuid(webinar: Webinar, number: int) -> str:
    """Return a UUID as Zoom writes it, in Base64."""
    text = base64.b64encode(_digest("larkfield", "zoom", webinar.number, number)[:16]).decode().replace("/", "x")
    beginning = _AWKWARD.get(webinar.number, "")
    return beginning + text[len(beginning) :]


def _registrant_id(part: Part) -> str:
    digest = _digest(part.webinar.platform_id, part.email.lower())
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def _user_id(name: str) -> str:
    return base64.urlsafe_b64encode(_digest("larkfield", "user", name)[:16]).decode().rstrip("=")


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _users() -> list[Document]:
    """Return the members of the account, of whom only the host has the plan for webinars."""
    return [
        {
            "id": _user_id(host.email),
            "first_name": host.name.split()[0],
            "last_name": host.name.split()[1],
            "email": host.email,
            "type": 2,
            "status": "active" if host.until is None else "inactive",
            "timezone": "Europe/Berlin",
        }
        for host in HOSTS
    ]


def _webinar(webinar: Webinar) -> Document:
    starts_at = webinar.session.starts_at
    return {
        "uuid": _instance_uuid(webinar, 0),
        "id": int(webinar.platform_id),
        "host_id": _user_id(HOST.email),
        "topic": webinar.title,
        "type": 5,
        "start_time": _written(starts_at),
        "duration": int((webinar.session.ends_at - starts_at).total_seconds()) // 60,
        "timezone": "Europe/Berlin",
        "created_at": _written(starts_at - timedelta(days=45)),
        "join_url": f"https://zoom.example.com/j/{webinar.platform_id}",
    }


def _registrants(people: list[Part]) -> Iterator[Document]:
    for part in people:
        if part.registration:
            status = part.registration.status
            yield {
                "id": _registrant_id(part),
                "email": part.email,
                "first_name": part.contact.first_name,
                "last_name": part.contact.last_name,
                "org": "",
                "job_title": "",
                "custom_questions": [],
                # Whoever calls off is listed with those who were refused.
                "status": "denied" if status == "cancelled" else status,
                "create_time": _written(part.registration.at),
                "join_url": f"https://zoom.example.com/w/{part.webinar.platform_id}?tk={_registrant_id(part)}",
            }


def _session(user_id: int, name: str, email: str, span: Span, status: str = "in_meeting") -> Document:
    return {
        "id": "",
        "user_id": str(user_id),
        "name": name,
        "user_email": email,
        "join_time": _written(span.joined_at),
        "leave_time": _written(span.left_at),
        "duration": int((span.left_at - span.joined_at).total_seconds()),
        "registrant_id": "",
        "status": status,
        "failover": False,
        "internal_user": False,
    }


def _sessions(world: World, webinar: Webinar, people: list[Part]) -> Iterator[Document]:
    """Yield the sessions of everybody: Larkfield's own first, who are told apart by their addresses alone."""
    number = 16_000_000
    for member in crew(world, webinar):
        for span in member.spans:
            number += 1
            session = _session(number, member.host.name, member.host.email, span)
            yield session | {"id": _user_id(member.host.email), "internal_user": True}
    for part in people:
        yield from _sessions_of(world, part)


def _sessions_of(world: World, part: Part) -> Iterator[Document]:
    # Of the contact's own, so that a larger company changes no number.
    number = 17_000_000 + part.account * 1_000 + part.contact.number * 10
    rng = world.stream("zoom_api", part.webinar.number, part.account, part.contact.number)
    name = f"{part.contact.first_name} {part.contact.last_name}"
    if part.waited:
        yield _session(number, name, part.email, part.waited, "in_waiting_room")
    for place, span in enumerate(part.spans, start=1):
        if part.is_by_phone:
            yield _session(number + place, f"155501{part.account % 100:02d}{part.contact.number:03d}", "", span)
        elif part.registration:
            # By the link of a registration, whoever it was that typed a name.
            is_anonymous = rng.random() < _ANONYMOUS
            session = _session(number + place, "" if is_anonymous else name, "" if is_anonymous else part.email, span)
            yield session | {"registrant_id": _registrant_id(part)}
        else:
            yield _session(number + place, name, part.email, span)


def _report(webinar: Webinar, uuid: str, span: Span, sessions: list[Document]) -> Document:
    return {
        "uuid": uuid,
        "id": int(webinar.platform_id),
        "type": 5,
        "topic": webinar.title,
        "user_name": HOST.name,
        "user_email": HOST.email,
        "start_time": _written(span.joined_at),
        "end_time": _written(span.left_at),
        "duration": -(-int((span.left_at - span.joined_at).total_seconds()) // 60),
        "total_minutes": sum(-(-session["duration"] // 60) for session in sessions),
        "participants_count": len(sessions),
        "tracking_fields": [],
    }


def account(world: World) -> Document:
    """Return the documents of the API, by kind and by what they belong to, as the simulator serves them."""
    known: Document = {"users": _users(), "webinars": {_user_id(HOST.email): []}}
    known |= {kind: {} for kind in ("instances", "registrants", "panelists", "reports", "participants")}
    for webinar in (webinar for webinar in WEBINARS if webinar.source == "api"):
        people, name = parts(world)[webinar], webinar.platform_id
        known["webinars"][_user_id(HOST.email)].append(_webinar(webinar))
        known["registrants"][name] = list(_registrants(people))
        known["panelists"][name] = [
            {"id": _user_id(host.email), "name": host.name, "email": host.email} for host in PANELISTS
        ]
        spans = {_instance_uuid(webinar, number): span for number, span in enumerate(held(webinar))}
        known["instances"][name] = [
            {"uuid": uuid, "start_time": _written(span.joined_at)} for uuid, span in spans.items()
        ]
        if webinar.is_reported:
            _add_reports(known, webinar, spans, list(_sessions(world, webinar, people)))
    return known


def _add_reports(known: Document, webinar: Webinar, spans: dict[str, Span], sessions: list[Document]) -> None:
    """Give each instance of a webinar the sessions that began before it ended."""
    since = ""
    for uuid, span in spans.items():
        until = _written(span.left_at)
        of_this = [session for session in sessions if since <= session["join_time"] < until]
        known["participants"][uuid] = of_this
        known["reports"][uuid] = _report(webinar, uuid, span, of_this)
        since = until


def write(world: World, folder: Path) -> None:
    """Write `account.json`.

    Args:
        world: Who comes.
        folder: Where the file goes; it exists.
    """
    write_account(folder, account(world))
