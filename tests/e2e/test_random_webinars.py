"""Webinars of many small random companies, compared with marts that are worked out by hand."""

import csv
import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from bookings_by_hand import Moment
from support import ship_seeds
from webinars_by_hand import (
    ONE_START,
    Attendee,
    CatalogueRow,
    Company,
    Conference,
    Funnel,
    Instance,
    Occurrence,
    Panelist,
    Registrant,
    Registration,
    ReportFile,
    ReportRow,
    Session,
    SignUp,
    Webinar,
    Webinars,
    email_key,
)

WORLDS = 240

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# Five hours behind and nine ahead; with an hour's pause a webinar is still the same, and then with none.
AS_OF = datetime(2026, 3, 1, 12)
FIRST = (Moment(AS_OF, ZoneInfo("America/New_York")), HOUR)
LATER = (Moment(AS_OF, ZoneInfo("Asia/Tokyo")), timedelta(0))
MODELS = [
    "path:models/marts/webinars",
    "person_identifiers",
    "bookings_fact",
    "int_webinar_checks__counted",
    "int_touchpoints__unioned",
]

# --- Drawing a world ----------------------------------------------------------------------------------------

# Both sides of midnight in either zone, of a month's end, and of what lies ninety days and twelve months back.
_STARTS = [
    *(datetime(2026, 1, 31, 15, 30), datetime(2026, 1, 31, 14, 30), datetime(2026, 2, 1, 4, 30)),
    *(datetime(2026, 2, 1, 5, 30), datetime(2026, 2, 14, 23, 30), datetime(2026, 2, 15, 0, 30)),
    *(datetime(2025, 12, 1, 4, 30), datetime(2025, 12, 1, 15), datetime(2025, 11, 30, 15), datetime(2025, 3, 1, 12)),
    *(datetime(2025, 2, 28, 16), AS_OF - 2 * HOUR, AS_OF - 20 * MINUTE, AS_OF + HOUR),
]
_LENGTHS = [5 * MINUTE, 30 * MINUTE, 60 * MINUTE]
# From the end of one start to the beginning of the next: 4 minutes after one of 5 the two are one whatever the pause.
_PAUSES = [4 * MINUTE, 6 * MINUTE, 59 * MINUTE, HOUR, HOUR + MINUTE, 5 * HOUR, DAY, 7 * DAY]
_TOLD_BY = ["api", "api", "api", "file", "file", "both", "both", "two files", *["api without report"] * 2]
# How a file's start differs from the API's.
_SHIFTS = [timedelta(0), timedelta(0), 2 * MINUTE, -10 * MINUTE, 10 * MINUTE]
_PEOPLE = ["ada", "bob", "cy", "dee", "eve"]
# Of a company that has its own mail; of these the CRM knows no bob.
_COLLEAGUES = ["bob", "dee"]
# What people type who give no address, or cannot.
_NO_ADDRESSES = [None, None, "n/a", "Ada", "ada@", "@ada"]
# When people come, and go, in parts of the webinar's length: over again, at once, in between, not at all.
_STAYS = [
    [(0, 1)],
    [(0, 0.5), (0.5, 1)],
    [(0, 0.4), (0.6, 1)],
    [(0.1, 0.9), (0.2, 0.5)],
    [(0.1, 0.6), (0.4, 1.2)],
    [(0.3, 0.3)],
    [(-0.2, 0.1), (0.9, 1), (0.95, 1.1)],
    [(0.25, 0.75)] * 2,
]
_STATUSES = ["approved", "approved", "approved", "pending", "denied", "cancelled"]
_REGISTERED = [-10 * DAY, -DAY, -MINUTE, timedelta(0), 20 * MINUTE, 3 * HOUR, 2 * DAY]
_COURSES = ["SQL", "Python", None]
_LANGUAGES = ["English", "German", None]


class Drawing:
    """Draws one company; what keeps it apart from the others is the number in all its names."""

    def __init__(self, number: int) -> None:
        """Begins with nothing."""
        self._random = Random(number)
        self._mark = f"w{number:03}-"
        self._number = number
        self._ids = iter(range(10**6))
        self._found: dict[str, list] = {one.name: [] for one in fields(Company)}

    def company(self) -> Company:
        """A webinar or two on each platform, what the catalogue knows of them, and who signed up."""
        for place in range(self._one([0, 1, 1, 1, 2])):
            self._zoom(f"8{self._number:03}{place:07}")
        for place in range(self._one([0, 0, 1, 1, 2])):
            self._bigmarker(f"{self._mark}{place:06x}")
        self._plan()
        return Company(**{name: tuple(records) for name, records in self._found.items()})

    def _one(self, elements: Iterable) -> object:
        return self._random.choice(list(elements))

    def _is(self, chance: float) -> bool:
        return self._random.random() < chance

    def _id(self) -> str:
        return f"{self._mark}{next(self._ids)}"

    def _email(self, name: str) -> str:
        return f"{self._mark}{name}@{f'{self._mark}firm.' if name in _COLLEAGUES else ''}example.com"

    def _some(self, names: list[str], chance: float) -> list[str]:
        return [name for name in names if self._is(chance)]

    def _stays(self, starts_at: datetime, length: timedelta) -> list[tuple[datetime, datetime]]:
        whole = int(length.total_seconds())
        return [
            tuple(starts_at + timedelta(seconds=round(whole * part)) for part in stay) for stay in self._one(_STAYS)
        ]

    def _keep(self, kind: str, record: object) -> None:
        self._found[kind].append(record)

    # --- Zoom ---

    def _zoom(self, number: str) -> None:
        """A webinar with its starts, each told by the API, by a file, or by both."""
        starts_at, length = self._one(_STARTS), self._one(_LENGTHS)
        starts = [starts_at]
        for _ in range(self._one([0, 0, 1, 1, 2])):
            starts.append(starts[-1] + length + self._one(_PAUSES))
        starts = [one for one in starts if one <= AS_OF]
        plan = self._one([None, starts_at, (starts or [starts_at])[-1] + 2 * MINUTE, AS_OF + 3 * DAY, starts_at])
        if not starts:
            plan = starts_at
        topic = f"{self._mark}Topic"
        told_by = [self._one(_TOLD_BY) for _ in starts]
        if not all(one in ("file", "two files") for one in told_by) or not starts:
            kind = self._one([5, 5, 5, 6, 9, 9, None])
            self._keep("webinars", Webinar(number, f"{topic} today", plan, self._one([length, length, None]), kind))
        registrants = self._registrants(number, starts or [starts_at]) if self._is(0.8) else []
        speakers = self._some(["host", "panel", "ada"], 0.3)
        for name in speakers[1:]:
            self._keep("panelists", Panelist(number, self._email(name)))
        for start, way in zip(starts, told_by, strict=True):
            if way in ("api", "both", "api without report"):
                self._occurrence(number, start, length, registrants, has_report=way != "api without report")
            if way in ("file", "both", "two files"):
                shift = self._one(_SHIFTS) if way == "both" else timedelta(0)
                for place in range(1 + (way == "two files")):
                    self._file(number, topic, start + shift, length, place)

    def _registrants(self, number: str, starts: list[datetime]) -> list[Registrant]:
        found = []
        for name in self._some(_PEOPLE, 0.6):
            for _ in range(self._one([1, 1, 1, 2])):
                one = Registrant(
                    *(number, self._id(), self._email(name) if self._is(0.9) else self._one(_NO_ADDRESSES)),
                    self._one(_STATUSES),
                    self._one(starts) + self._one(_REGISTERED),
                )
                found.append(one)
                self._keep("registrants", one)
        return found

    def _occurrence(
        self, number: str, starts_at: datetime, length: timedelta, registrants: list[Registrant], *, has_report: bool
    ) -> None:
        """A past instance; without a report nobody is known to have come."""
        uuid = f"{self._id()}=="
        ends_at = starts_at + length if has_report else None
        self._keep(
            "occurrences", Occurrence(number, uuid, f"{self._mark}Topic", starts_at, ends_at, self._email("host"))
        )
        if not has_report:
            return
        visitors = [(one.registrant_id, one.email) for one in registrants if self._is(0.6)]
        visitors += [(None, self._email(name)) for name in self._some([*_PEOPLE, "host", "panel"], 0.2)]
        # Somebody who dialled in, and somebody of whose registration nothing is known.
        visitors += [(None, self._one(_NO_ADDRESSES))] * self._is(0.2)
        visitors += [(self._id(), self._one(_NO_ADDRESSES))] * self._is(0.1)
        for registrant_id, email in visitors:
            # The address is there or not, on one row and on the next.
            for joined_at, left_at in self._stays(starts_at, length):
                told = email if self._is(0.7) or not registrant_id else None
                if email and registrant_id and self._is(0.1):
                    told = self._email(self._one(["work", "host"]))
                self._keep(
                    "sessions",
                    Session(uuid, self._id(), registrant_id, told, joined_at, left_at, self._is(0.05)),
                )

    def _file(self, number: str, topic: str, starts_at: datetime, length: timedelta, place: int) -> None:
        """An Attendee Report; of two about one start the newer one counts, whatever they are called."""
        rows = [
            ReportRow(section, self._email(name), True, None, None, starts_at, starts_at + length, None)
            for section, name in (("host", "host"), ("panelist", self._one(["panel", "bob"])))
            if self._is(0.5)
        ]
        for name in self._some([*_PEOPLE, "panel"], 0.5):
            registered_at = starts_at + self._one(_REGISTERED)
            seat = (registered_at, self._one(_STATUSES)) if self._is(0.8) else (None, None)
            if self._is(0.3) and seat[0]:
                rows.append(ReportRow("attendee", self._email(name), False, *seat, None, None, None))
                continue
            if self._is(0.1):
                rows.append(ReportRow("attendee", self._email(name), True, *seat, None, None, self._one([None, 7])))
                continue
            for joined_at, left_at in self._stays(starts_at, length):
                minutes = -((joined_at - left_at) // MINUTE)
                end = (left_at, minutes) if self._is(0.8) else (None, minutes)
                rows.append(ReportRow("attendee", self._email(name), True, *seat, joined_at, *end))
                # Only the first of somebody's rows says when they registered.
                seat = (None, None)
        for _ in range(self._one([0, 0, 1, 2])):
            joined_at, left_at = self._stays(starts_at, length)[0]
            minutes = -((joined_at - left_at) // MINUTE)
            rows.append(ReportRow("other", self._one(_NO_ADDRESSES), True, None, None, joined_at, left_at, minutes))
        name = f"{self._one('ab')}_{self._id()}.csv"
        self._keep(
            "files",
            ReportFile(name, number, topic, starts_at, length, starts_at + length + (3 + place) * HOUR, tuple(rows)),
        )

    # --- BigMarker ---

    def _bigmarker(self, conference_id: str) -> None:
        starts_at, length = self._one(_STARTS), self._one(_LENGTHS)
        is_listed = starts_at + length < AS_OF and self._is(0.8)
        presenters = tuple(map(self._email, self._some(["host", "ada"], 0.3)))
        topic = f"{self._mark}Konferenz"
        ends_at = starts_at + length if self._is(0.8) else None
        # It may have been put off since its attendees were read, until its old end or later.
        was_to_end_at = self._one([ends_at, ends_at, ends_at, starts_at, starts_at - MINUTE]) if is_listed else None
        self._keep(
            "conferences",
            Conference(conference_id, topic, starts_at, ends_at, presenters, is_listed, was_to_end_at),
        )
        seats = []
        for name in self._some(_PEOPLE, 0.6):
            email = self._email(name) if self._is(0.9) else self._one(_NO_ADDRESSES)
            one = Registration(conference_id, self._id(), email, starts_at + self._one(_REGISTERED))
            seats.append(one)
            self._keep("registrations", one)
        if not is_listed:
            return
        visitors = [(one.bmid, one.email) for one in seats if self._is(0.6)]
        visitors += [(self._id(), self._email(name)) for name in self._some([*_PEOPLE, "host"], 0.2)]
        visitors += [(self._id(), self._one(_NO_ADDRESSES))] * self._is(0.2)
        for bmid, email in visitors:
            entered: set[datetime] = set()
            for joined_at, left_at in self._stays(starts_at, length):
                # BigMarker tells stays apart by when they began.
                if joined_at in entered:
                    continue
                entered.add(joined_at)
                ends = (left_at, None) if self._is(0.8) else (None, left_at - joined_at)
                told = email if self._is(0.8) else None
                self._keep("attendees", Attendee(conference_id, bmid, told, joined_at, *ends))

    # --- The catalogue, and Calendly ---

    def _plan(self) -> None:
        """Rows of the catalogue, right ones and others, and people who signed up by them."""
        targets = [("zoom", one.number, one.starts_at) for one in self._found["occurrences"]]
        targets += [("zoom", one.number, one.starts_at) for one in self._found["files"]]
        targets += [("zoom", one.number, one.starts_at) for one in self._found["webinars"] if one.starts_at]
        targets += [("bigmarker", one.conference_id, one.starts_at) for one in self._found["conferences"]]
        targets = targets * 3 + [(None, None, self._one(_STARTS)), ("webex", f"{self._mark}77", self._one(_STARTS))]
        types = [f"https://api.calendly.com/event_types/{self._mark}{place}" for place in range(2)]
        taken = set()
        # When people expect a webinar: mostly when the row of its event type says so.
        starts = {event_type: [at for _, _, at in targets] for event_type in types}
        for place in range(self._one([0, 2, 3, 4, 5])):
            platform, platform_id, at = self._one(targets)
            zone = self._one([FIRST, LATER])[0]
            day = self._one([None, zone.date(at), zone.date(at), zone.date(at + DAY)])
            event_type = self._one([*types, *types, None])
            if event_type and (event_type, day) in taken:
                continue
            taken.add((event_type, day))
            if event_type:
                starts[event_type] += [at] * 10
            self._keep(
                "catalogue",
                CatalogueRow(
                    *(f"{self._mark}Webinar {place % 2}", self._one(_COURSES), self._one(_LANGUAGES)),
                    *(platform, platform_id, event_type, day),
                ),
            )
        for event_type in types:
            for name in self._some([*_PEOPLE, "host"], 0.5):
                self._sign_up(event_type, name, starts[event_type])

    def _sign_up(self, event_type: str, name: str, starts: list[datetime]) -> None:
        """A seat, kept, canceled or moved to another time."""
        at = self._one(starts) + self._one([*[timedelta(0)] * 4, 30 * MINUTE, -3 * HOUR, 9 * HOUR, DAY])
        registered_at = min(at, AS_OF) - self._one([HOUR, 3 * DAY, 12 * DAY])
        fate = self._one(["active", "active", "active", "canceled", "rescheduled"])
        uri = f"https://api.calendly.com/scheduled_events/{self._id()}/invitees/{self._id()}"
        moved_to = f"{uri}B".replace("scheduled_events/", "scheduled_events/B") if fate == "rescheduled" else None
        one = SignUp(
            *(uri, event_type, self._email(name) if self._is(0.95) else self._one(_NO_ADDRESSES)),
            *(registered_at, at, HOUR, fate),
            *(fate == "active" and self._is(0.3), moved_to),
        )
        self._keep("sign_ups", one)
        if moved_to:
            later = replace(
                one,
                **{"invitee_uri": moved_to, "registered_at": registered_at + 10 * MINUTE, "moved_to": None},
                **{"meeting_at": self._one(starts), "fate": self._one(["active", "active", "canceled"])},
                # Under the address of the first time or another, or without one.
                email=self._one([one.email, one.email, *map(self._email, _PEOPLE[:3]), self._email("own"), None]),
            )
            self._keep("sign_ups", later)


def together(companies: Iterable[Company]) -> Company:
    """All companies as one: as their names differ, each row is still that of one of them."""
    companies = list(companies)
    return Company(
        **{
            one.name: tuple(chain.from_iterable(getattr(company, one.name) for company in companies))
            for one in fields(Company)
        }
    )


# --- Building the warehouse ---------------------------------------------------------------------------------


def iso(at: datetime | None) -> str | None:
    """An instant as the platforms write it."""
    return at and f"{at.isoformat()}Z"


def clock(length: timedelta | None) -> str | None:
    """A duration as BigMarker writes it."""
    return None if length is None else str(length)


def spelt(email: str | None) -> str | None:
    """An address as people type it: not every time alike."""
    return email and (email if len(email) % 2 else f" {email.upper()}")


def leave_time(session: Session) -> str | None:
    """When somebody left; now and then nothing but how long they stayed is told."""
    return None if session.user_id.endswith("7") else iso(session.left_at)


def document(**fields: object) -> str:
    """A JSON document without the fields that have no value."""
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def zoom_tables(company: Company) -> dict[str, list[dict]]:
    """What the loader of Zoom would land."""
    reported = [one for one in company.occurrences if one.ends_at]
    return {
        "webinars": [
            {
                "webinar_id": one.number,
                "document": document(
                    **{"id": int(one.number), "topic": one.topic, "type": one.kind, "start_time": iso(one.starts_at)},
                    duration=one.length and one.length // MINUTE,
                ),
            }
            for one in company.webinars
        ],
        "instances": [
            {
                "instance_uuid": one.uuid,
                "webinar_id": one.number,
                "document": document(uuid=one.uuid, start_time=iso(one.starts_at)),
            }
            for one in company.occurrences
        ],
        "registrants": [
            {
                "registrant_key": one.registrant_id,
                "webinar_id": one.number,
                "document": document(
                    **{"id": one.registrant_id, "email": spelt(one.email), "status": one.status},
                    create_time=iso(one.registered_at),
                ),
            }
            for one in company.registrants
        ],
        "panelists": [
            {
                "panelist_key": f"{one.number} {one.email}",
                "webinar_id": one.number,
                "document": document(id=f"{one.number} {one.email}", name="Panelist", email=spelt(one.email)),
            }
            for one in company.panelists
        ],
        "participants": [
            {
                "session_key": one.user_id,
                "instance_uuid": one.uuid,
                "document": document(
                    **{"id": "", "user_id": one.user_id, "name": "Somebody", "user_email": spelt(one.email) or ""},
                    **{"join_time": iso(one.joined_at), "leave_time": leave_time(one)},
                    **{"duration": (one.left_at - one.joined_at).seconds, "registrant_id": one.registrant_id},
                    status="in_waiting_room" if one.is_waiting else "in_meeting",
                ),
            }
            for one in company.sessions
        ],
        "reports": [
            {
                "instance_uuid": one.uuid,
                "document": document(
                    **{
                        "uuid": one.uuid,
                        "id": int(one.number),
                        "topic": one.topic,
                        "user_email": spelt(one.host_email),
                    },
                    **{"start_time": iso(one.starts_at), "end_time": iso(one.ends_at)},
                    duration=(one.ends_at - one.starts_at) // MINUTE,
                ),
            }
            for one in reported
        ],
        "attendee_reports": [
            {
                **{"report_key": one.name, "topic": one.topic, "webinar_id": one.number},
                **{"generated_at": one.generated_at, "started_at": one.starts_at},
                "duration_minutes": one.length // MINUTE,
            }
            for one in company.files
        ],
        "attendee_report_rows": [
            {
                **{"row_key": f"{file.name}:{number}", "report_key": file.name, "section": row.section},
                **{"is_attended": row.is_attended, "user_name": "Somebody", "email": row.email},
                **{"registered_at": row.registered_at},
                "approval_status": row.approval_status and (str.lower, str.title)[number % 2](row.approval_status),
                **{"joined_at": row.joined_at, "left_at": row.left_at, "session_minutes": row.minutes},
            }
            for file in company.files
            for number, row in enumerate(file.rows)
        ],
    }


def bigmarker_tables(company: Company) -> dict[str, list[dict]]:
    """What the loader of BigMarker would land."""
    return {
        "conferences": [
            {
                "conference_id": one.conference_id,
                "document": document(
                    **{"id": one.conference_id, "title": one.topic, "start_time": iso(one.starts_at)},
                    **{
                        "end_time": iso(one.ends_at),
                        "presenters": [{"email": spelt(email)} for email in one.presenters],
                    },
                ),
            }
            for one in company.conferences
        ],
        "registrations": [
            {
                "registration_key": f"{one.conference_id} {one.bmid}",
                "conference_id": one.conference_id,
                "document": document(bmid=one.bmid, email=spelt(one.email), registered_at=iso(one.registered_at)),
            }
            for one in company.registrations
        ],
        "attendees": [
            {
                "session_key": f"{one.conference_id} {one.bmid} {one.joined_at}",
                "conference_id": one.conference_id,
                "document": document(
                    **{"bmid": one.bmid, "email": spelt(one.email), "entered_at": iso(one.joined_at)},
                    **{"leaved_at": iso(one.left_at), "total_duration": clock(one.told_length)},
                ),
            }
            for one in company.attendees
        ],
        "attendance_lists": [
            {
                "conference_id": one.conference_id,
                "document": document(
                    **{"conference_id": one.conference_id, "end_time": iso(one.was_to_end_at), "total_pages": 1}
                ),
            }
            for one in company.conferences
            if one.is_listed
        ],
    }


def calendly_tables(company: Company) -> dict[str, list[dict]]:
    """What the loader of Calendly would land."""
    old_of = {one.moved_to: one.invitee_uri for one in company.sign_ups if one.moved_to}
    events, invitees = [], []
    for one in company.sign_ups:
        event_uri = one.invitee_uri.partition("/invitees/")[0]
        status = "active" if one.fate == "active" else "canceled"
        times = {"created_at": iso(one.registered_at), "updated_at": iso(one.registered_at)}
        events.append(
            {
                "uri": event_uri,
                "document": document(
                    **{"uri": event_uri, "name": "Webinar", "status": status, "event_type": one.event_type_uri},
                    **{"start_time": iso(one.meeting_at), "end_time": iso(one.meeting_at + one.length)},
                    **times,
                ),
            }
        )
        invitees.append(
            {
                "uri": one.invitee_uri,
                "document": document(
                    **{"uri": one.invitee_uri, "event": event_uri, "email": spelt(one.email), "status": status},
                    **{"rescheduled": one.fate == "rescheduled", "new_invitee": one.moved_to},
                    **{"old_invitee": old_of.get(one.invitee_uri), **times},
                    no_show={"uri": f"{one.invitee_uri}/mark", **times} if one.has_mark else None,
                ),
            }
        )
    return {"scheduled_events": events, "invitees": invitees}


def crm_tables(company: Company) -> dict[str, list[dict]]:
    """Contacts for some of the addresses, and for some of these two; and a touch that the CRM has itself."""
    contacts = [
        {"contact_id": f"{place}{email}", "account_id": f"account of {email}", "email": email}
        for email in sorted({one.email for one in company.sign_ups if one.email})
        for place in range(1 + ("ada" in email))
        if "bob" not in email
    ]
    touch = {"marketing_touchpoint_id": "1", "channel_name": "Webinar", "contact_id": contacts[0]["contact_id"]}
    return {"contacts": contacts, "marketing_touchpoints": [touch | {"marketing_touchpoint_date": AS_OF}]}


def land(warehouse: Path, company: Company) -> None:
    """Puts the records into the raw tables, as the loaders would."""
    schemas = {
        "raw_zoom": zoom_tables(company),
        "raw_bigmarker": bigmarker_tables(company),
        "raw_calendly": calendly_tables(company),
        "raw_crm": crm_tables(company),
    }
    with duckdb.connect(warehouse) as connection:
        for schema, tables in schemas.items():
            for table, records in tables.items():
                lineage = {"_source_file": "", "_source_modified_at": AS_OF, "_loaded_at": AS_OF}
                connection.register("records", pa.Table.from_pylist([record | lineage for record in records]))
                connection.execute(f"insert into {schema}.{table} by name select * from records")


def write_seeds(folder: Path, company: Company) -> None:
    """Writes the company's seeds; the catalogue is kept by people, who write the same thing in several ways."""
    ship_seeds(folder)
    rows = []
    for number, one in enumerate(company.catalogue):
        platform, platform_id, event_type = one.platform, one.platform_id, one.event_type_uri
        if number % 2:
            platform = platform and f" {platform.title()} "
            event_type = event_type and event_type.replace("//api.", "//")
        if number % 3 == 0 and platform_id and one.platform == "zoom":
            platform_id = f"{platform_id[:3]}-{platform_id[3:7]} {platform_id[7:]}"
        rows.append([one.webinar, one.course, one.language, platform, platform_id, event_type, one.day])
    with (folder / "webinar_catalogue.csv").open("a", encoding="utf-8", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)


@dataclass
class Built:
    """A copy of the warehouse after a build, and what its marts must say."""

    path: Path
    worlds: list[Company]
    expected: Webinars

    @cached_property
    def tables(self) -> list[str]:
        """The tables that were built."""
        query = (
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_schema in ('intermediate', 'marts') and table_type = 'BASE TABLE' order by all"
        )
        return [name for (name,) in self.rows(query)]

    def rows(self, query: str) -> list[tuple]:
        """What the warehouse answers."""
        with duckdb.connect(self.path, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def assert_same(self, query: str, expected: Iterable[tuple]) -> None:
        """The query gives exactly the expected rows, each as often; a failure shows a world that differs."""
        found, wanted = Counter(self.rows(query)), Counter(expected)
        missing, surplus = wanted - found, found - wanted
        if missing or surplus:
            example = re.search(r"w(\d{3})-|:8(\d{3})\d{7}", f"{[*missing, *surplus]}")
            world = self.worlds[int(example[1] or example[2])] if example else Company()
            records = chain.from_iterable(getattr(world, one.name) for one in fields(Company))
            parts = [f"{query}:", f"{len(missing)} rows are missing:", *list(missing)[:10]]
            parts += [f"{len(surplus)} rows should not be there:", *list(surplus)[:10], "one of the worlds:", *records]
            pytest.fail("\n".join(map(str, parts)))


# --- The tests ----------------------------------------------------------------------------------------------


def build(folder: Path, command: Callable[..., str], moment: Moment, restart: timedelta, *flags: str) -> None:
    """Builds what the webinars make, as it is looked at; in the later build coming to one is a touch."""
    variables = {
        "webinar_attendance_is_touch": (moment, restart) == LATER,
        "as_of": f"{moment.as_of.isoformat()}Z",
        "reporting_timezone": moment.zone.key,
        "webinar_restart_minutes": restart // MINUTE,
    }
    selected = [f"+{name}" for name in MODELS]
    command(
        *("dbt", "build", "--vars", json.dumps(variables), "--exclude-resource-type", "unit_test", *flags),
        *("--select", *selected),
        THROUGHLINE_WAREHOUSE=folder / "webinars.duckdb",
        THROUGHLINE_SEEDS=folder / "seeds",
    )


def copied(folder: Path, name: str) -> Path:
    """A copy of the warehouse as it is; its views name the file, so it has the same name."""
    (folder / name).mkdir()
    return shutil.copy(folder / "webinars.duckdb", folder / name)


@pytest.fixture(scope="module")
def first(folder: Path, command: Callable[..., str]) -> Built:
    """All worlds side by side in one warehouse."""
    worlds = [Drawing(number).company() for number in range(WORLDS)]
    company = together(worlds)
    write_seeds(folder / "seeds", company)
    own = {"THROUGHLINE_WAREHOUSE": folder / "webinars.duckdb", "THROUGHLINE_SEEDS": folder / "seeds"}
    # Makes the raw tables.
    command("dbt", "seed", **own)
    land(folder / "webinars.duckdb", company)
    build(folder, command, *FIRST)
    return Built(copied(folder, "first"), worlds, Webinars(company, *FIRST))


@pytest.fixture(scope="module")
def later(folder: Path, command: Callable[..., str], first: Built) -> Built:
    """The same warehouse, looked at from another zone, where a pause makes another webinar."""
    build(folder, command, *LATER)
    return Built(copied(folder, "later"), first.worlds, Webinars(first.expected.company, *LATER))


@pytest.fixture(scope="module")
def refreshed(folder: Path, command: Callable[..., str], later: Built) -> Built:
    """The same again, from the beginning."""
    build(folder, command, *LATER, "test", "--full-refresh")
    return replace(later, path=folder / "webinars.duckdb")


@pytest.fixture(params=["first", "later"])
def built(request: pytest.FixtureRequest) -> Built:
    """Each of the two builds."""
    return request.getfixturevalue(request.param)


def cases(expected: Webinars) -> Iterator[tuple[str, bool]]:
    """Cases for which the worlds are drawn, each as often as it may be one, with whether it is."""
    company = expected.company
    for one in expected.instances.values():
        yield from cases_of(one, expected)
        for person in one.people.values():
            sources = {seat.source for seat in person.seats if seat.is_kept}
            stays = sum(int((left - joined).total_seconds()) for joined, left in person.stays)
            is_walk_in = person.is_there and not person.is_registered
            yield "a seat in two places", len(sources) > 1
            yield "a seat here and none there", bool(sources) and not all(seat.is_kept for seat in person.seats)
            yield "several stays at one time", person.seconds < stays
            yield "a stay of no length", person.is_there and person.seconds == 0
            yield "minutes without their time", bool(person.told_minutes) and person.seconds > 0
            yield "a walk-in who was refused", is_walk_in and bool(person.seats)
            yield "by two addresses", len(person.keys) > 1
            yield "here by one address, there by another", len(person.keys) > 1 and person.is_registered and bool(stays)
            for seat in person.seats:
                yield f"late on {seat.source}", seat.status == "late"
            yield (
                "late, and yet there",
                one.is_end_told and any(seat.is_kept and seat.registered_at >= one.ends_at for seat in person.seats),
            )
    starts = Counter((file.number, file.starts_at) for file in company.files)
    yield from (("a report made again", number > 1) for number in starts.values())
    seats = Counter(
        (one.platform_id, seat.registered_at, key)
        for one in expected.instances.values()
        for key, person in one.people.items()
        for seat in person.seats
        if seat.source == "zoom"
    )
    yield from (("registered for several instances", number > 1) for number in seats.values())
    emails = {one.registrant_id: one.email for one in company.registrants}
    for session in company.sessions:
        email = emails.get(session.registrant_id)
        yield "a device of somebody else", None not in (email, session.email) and email != session.email
        yield "waiting", session.is_waiting
    for kind in ("registrants", "sessions", "registrations", "attendees"):
        for record in getattr(company, kind):
            yield f"no address among the {kind}", is_no_address(record.email)
    for row in chain.from_iterable(file.rows for file in company.files):
        yield "no address in a file", is_no_address(row.email)
    for conference in company.conferences:
        yield "put off after it was read", conference.is_listed and not conference.is_reported
    names = Counter((row.webinar, row.day) for row in company.catalogue if not row.platform_id)
    yield from (("two of one name on one day", number > 1) for number in names.values())
    for sign_up in company.sign_ups:
        instance = expected.instance_of(sign_up)
        is_reported = instance is not None and instance.is_reported
        status = expected.status(sign_up)
        yield "a sign-up without a webinar", instance is None
        is_settled = is_reported and sign_up.fate == "active"
        yield "a sign-up without an address", is_settled and not sign_up.email
        yield "a sign-up with what is no address", is_settled and is_no_address(sign_up.email)
        yield "a mark that gives way", sign_up.has_mark and is_reported and status == "held"
        yield "a mark that stands", sign_up.has_mark and not is_reported and status == "no_show"
        yield "nobody marked it", not sign_up.has_mark and status == "no_show"
        yield "moved to another day", sign_up.moved_to is not None and instance is not None


def is_no_address(email: str | None) -> bool:
    """Whether somebody typed something else than an address."""
    return email is not None and email_key(email) is None


def cases_of(one: Instance, expected: Webinars) -> Iterator[tuple[str, bool]]:
    """What an instance may be a case of."""
    parts = [part for part in one.parts if part.kind != "plan"]
    shifts = [later.starts_at - sooner.starts_at for sooner, later in pairwise(parts)]
    pauses = [later.starts_at - sooner.ends_at for sooner, later in pairwise(parts)]
    rows = [
        row for row in expected.company.catalogue if (row.platform, row.platform_id) == (one.platform, one.platform_id)
    ]
    yield "told by API and file", {part.kind for part in parts} >= {"api", "file"}
    yield "starts ten minutes apart", ONE_START in shifts
    yield "begun again within the pause", any(pause > timedelta(0) for pause in pauses)
    yield "begun again as late as it may", expected.restart in pauses
    yield "the second on its day", one.webinar_id.endswith(":2")
    yield "on another day here than in UTC", expected.moment.date(one.starts_at) != one.starts_at.date()
    yield "still to come", one.starts_at > expected.moment.as_of
    yield "begun again and not reported", len(parts) > 1 and parts[0].is_reported and not one.is_reported
    yield "a rehearsal", one.platform == "zoom" and expected.is_rehearsal(one)
    yield (
        "a file of what the API tells",
        any(
            row.email is None
            for file in expected.company.files
            if {part.kind for part in parts if part.is_reported} >= {"api", "file"}
            and file.name in {part.key for part in parts}
            for row in file.rows
        ),
    )
    yield "past and not reported", one.ends_at < expected.moment.as_of and not one.is_reported
    yield "known to the catalogue only", not one.parts
    yield "a name that an instance had", not one.parts and one.webinar_id.count(":") == 3
    yield "nobody registered", one.is_reported and not any(row.is_registered for row in expected.rows_of(one))
    yield "a catalogue that disagrees", len({(row.course, row.language) for row in rows}) > 1
    yield "anonymous sessions", any(key.startswith("session:") for key in one.people)
    yield "a speaker who is there", bool(one.came - set(one.people))


def test_worlds_stand_on_the_edges_of_the_rules(first, later):
    """None of the cases for which the worlds are drawn is missing, lest agreement mean nothing."""
    seen: Counter[str] = Counter()
    for name, is_shown in chain(cases(first.expected), cases(later.expected)):
        seen[name] += is_shown
    assert {name: number for name, number in seen.items() if number < 3} == {}


def test_webinars_dim(built):
    """Each instance once, however many tell of it, with what the catalogue says of it."""
    as_of = built.expected.moment.as_of
    built.assert_same(
        "select webinar_id, platform, platform_webinar_id, topic, webinar, course, language, starts_at, ends_at,"
        " start_date, has_taken_place, is_report_loaded, is_in_catalogue from marts.webinars_dim",
        (
            (
                *(one.webinar_id, one.platform, one.platform_id, one.topic),
                *((one.row.webinar, one.row.course, one.row.language) if one.row else (None, None, None)),
                *(one.starts_at, one.ends_at, built.expected.moment.date(one.starts_at)),
                *(one.is_reported or one.ends_at <= as_of, one.is_reported, one.row is not None),
            )
            for one in built.expected.instances.values()
        ),
    )


# The key that stands for all of a person's, but for the contacts, which the platforms do not know.
PERSON_KEYS = (
    "select person_id, min(identifier_kind || ':' || identifier_value) as person_key from marts.person_identifiers"
    " where identifier_kind != 'contact' group by person_id"
)


def test_webinar_registrations_fact(built):
    """Each person once in each instance, whatever told of them, with the seconds that they were there."""
    built.assert_same(
        "select webinar_id, person_key, registered_at, registration_source, registration_status, is_registered,"
        " is_attended, is_walk_in, cast(round(attended_minutes * 60) as bigint), joined_at, left_at, start_date"
        f" from marts.webinar_registrations_fact left join ({PERSON_KEYS}) using (person_id)",
        (astuple(row) for row in built.expected.rows),
    )


def test_bookings_are_held_by_those_who_came(built):
    """Canceled, held, no_show and scheduled as the platform's report says, and as marks and time do before that."""
    built.assert_same(
        "select last_invitee_uri, status from marts.bookings_fact",
        ((one.invitee_uri, built.expected.status(one)) for one in built.expected.company.sign_ups if not one.moved_to),
    )


FIGURES = (
    "registered, registered_reported, attended, round(attendance_rate, 9), walk_ins, attendees,"
    " round(average_attended_minutes, 9)"
)


def figures(funnel: Funnel) -> tuple:
    """The figures as they are compared."""
    rate, minutes = (None if one is None else round(one, 9) for one in (funnel.attendance_rate, funnel.average_minutes))
    counts = (funnel.registered, funnel.registered_reported, funnel.attended)
    return *counts, rate, funnel.walk_ins, funnel.attendees, minutes


def test_webinar_funnel(built):
    """Of those who were registered, who came; and how many came besides, and for how long."""
    built.assert_same(
        f"select webinar_id, {FIGURES} from marts.webinar_funnel",
        ((name, *figures(built.expected.funnel([one]))) for name, one in built.expected.instances.items()),
    )


def test_webinar_funnel_by_period(built):
    """Every course with every language in every period, also where there was none."""
    built.assert_same(
        "select period_kind, period_start_date, course_label, language_label, webinars, webinars_held,"
        f" {FIGURES}, people from marts.webinar_funnel_by_period",
        (
            (*key, one.webinars, one.webinars_held, *figures(one), one.people)
            for key, one in built.expected.by_period.items()
        ),
    )


def test_webinar_checks(built):
    """What is missing around the webinars of each platform, and of the sign-ups."""
    expected, counts = built.expected, Counter()

    def count(source: str, check_name: str, affected: int, checked: int) -> None:
        counts[source, check_name, "affected"] += affected
        counts[source, check_name, "checked"] += checked

    for one in expected.instances.values():
        if one.platform not in ("zoom", "bigmarker"):
            continue
        is_over = one.ends_at <= expected.moment.as_of
        rows = expected.rows_of(one)
        count(
            *(one.platform, "past_webinars_without_report", is_over and not one.is_reported),
            is_over or one.is_reported,
        )
        count(one.platform, "webinars_without_catalogue_row", one.row is None, 1)
        count(one.platform, "walk_ins", sum(row.is_walk_in for row in rows), sum(bool(row.is_attended) for row in rows))
    named = {row.event_type_uri for row in expected.company.catalogue}
    for one in expected.company.sign_ups:
        if one.fate == "active" and one.event_type_uri in named:
            count("calendly", "sign_ups_without_webinar", expected.instance_of(one) is None, 1)
    checks = {(source, check_name) for source, check_name, _ in counts}
    assert len(checks) == 7
    built.assert_same(
        "select source, check_name, affected_records, checked_records from intermediate.int_webinar_checks__counted"
        f" where check_name in {tuple(sorted({check_name for _, check_name in checks}))}",
        ((*check, counts[*check, "affected"], counts[*check, "checked"]) for check in checks),
    )


def accounts_by_person(expected: Webinars) -> dict[str, tuple[str | None, str]]:
    """Contact and account of those who have one: of the first of their contacts, else by the mail domain and nobody."""
    contacts = sorted(crm_tables(expected.company)["contacts"], key=lambda one: one["contact_id"], reverse=True)
    of_contacts = {
        expected.person_of(key): (one["contact_id"], one["account_id"])
        for one in contacts
        if (key := email_key(one["email"]))
    }
    accounts = defaultdict(set)
    for one in contacts:
        accounts[one["email"].rpartition("@")[2]].add(one["account_id"])
    of_domains = {}
    for key in {row.person_key for row in expected.rows}:
        emails = [one for one in expected.keys_of(key) if one.startswith("email:")]
        domains = {one.rpartition("@")[2] for one in emails} - {"example.com"}
        found = {account for domain in domains if len(accounts[domain]) == 1 for account in accounts[domain]}
        if len(found) == 1:
            of_domains[key] = (None, *found)
    return of_domains | of_contacts


def test_coming_is_a_touch_where_it_is_to_be(first, later):
    """Of the account of whoever came, when they joined; and none at all unless the variable says so."""
    # A touch of a webinar ends with a hash of the person.
    query = (
        "select source, touchpoint_type, regexp_replace(touchpoint_id, ':[0-9a-f]{32}$', ''), channel_name, contact_id,"
        " account_id, is_contact_known, touchpoint_at from intermediate.int_touchpoints__unioned"
    )
    [of_crm] = first.rows(query)
    assert of_crm[:4] == ("crm", "marketing", "1", "Webinar")
    accounts = accounts_by_person(later.expected)
    touches = [
        (
            *("webinars", "marketing", f"webinar:{row.webinar_id}", "Webinar", *account, account[0] is not None),
            row.joined_at or later.expected.instances[row.webinar_id].starts_at,
        )
        for row in later.expected.rows
        if row.is_attended and (account := accounts.get(row.person_key))
    ]
    assert {contact is not None for _, _, _, _, contact, *_ in touches} == {False, True}
    assert len(touches) > WORLDS / 2
    later.assert_same(query, [of_crm, *touches])


def test_building_again_changes_nothing(later, refreshed):
    """What was built on the tables of another zone equals what is built from the beginning."""
    assert later.tables == refreshed.tables
    for name in later.tables:
        query = f"select * from {name} order by all"
        assert later.rows(query) == refreshed.rows(query), name
