"""The webinar marts worked out person by person, from the definitions and not from any SQL.

Everything here takes what two platforms, Calendly and the company's catalogue say, in no particular order, and follows
the sentences of the definitions one by one. Minutes are counted by looking at every second of an instance. Instants are
UTC without a zone, as in the warehouse.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import count, product
from typing import NamedTuple

from bookings_by_hand import Moment

# Starts of one webinar that lie no further apart are one start, told by two.
ONE_START = timedelta(minutes=10)
# How long a webinar lasts of which nobody says so.
USUAL_LENGTH = timedelta(minutes=60)
ALL_COURSES, ALL_LANGUAGES = "All courses", "All languages"
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_BEGINNING = datetime(2020, 1, 1)


# --- What is known ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Webinar:
    """A webinar of Zoom, which may have taken place several times; `starts_at` is when it is to, if it says so."""

    number: str
    topic: str
    starts_at: datetime | None
    length: timedelta | None
    kind: int | None

    @property
    def is_series(self) -> bool:
        """Whether it is meant to take place several times."""
        return self.kind in (6, 9)


@dataclass(frozen=True)
class Occurrence:
    """A past instance of a Zoom webinar, as its API lists it; without an end it has no report."""

    number: str
    uuid: str
    topic: str
    starts_at: datetime
    ends_at: datetime | None
    host_email: str | None


@dataclass(frozen=True)
class Registrant:
    """Somebody who registered with Zoom for a webinar, whichever of its instances it was meant for."""

    number: str
    registrant_id: str
    email: str | None
    status: str
    registered_at: datetime


@dataclass(frozen=True)
class Panelist:
    """Somebody who speaks in a Zoom webinar."""

    number: str
    email: str


@dataclass(frozen=True)
class Session:
    """A stay of somebody in an instance of a Zoom webinar."""

    uuid: str
    user_id: str
    registrant_id: str | None
    email: str | None
    joined_at: datetime
    left_at: datetime
    is_waiting: bool


@dataclass(frozen=True)
class ReportRow:
    """A row of a Zoom report file: a stay, or a registration, or both."""

    section: str
    email: str | None
    is_attended: bool
    registered_at: datetime | None
    approval_status: str | None
    joined_at: datetime | None
    left_at: datetime | None
    minutes: int | None


@dataclass(frozen=True)
class ReportFile:
    """An Attendee Report of Zoom."""

    name: str
    number: str
    topic: str
    starts_at: datetime
    length: timedelta
    generated_at: datetime
    rows: tuple[ReportRow, ...]


@dataclass(frozen=True)
class Conference:
    """A webinar of BigMarker, which may not say its end.

    Attributes:
        conference_id: Its name there.
        topic: What it is called.
        starts_at: When it begins.
        ends_at: When it ends, if it says so.
        presenters: Who speaks.
        is_listed: Whether its attendees were read in full.
        was_to_end_at: When it was to end, by what was known when they were read.
    """

    conference_id: str
    topic: str
    starts_at: datetime
    ends_at: datetime | None
    presenters: tuple[str, ...]
    is_listed: bool
    was_to_end_at: datetime | None

    @property
    def is_reported(self) -> bool:
        """Whether its attendees were read after it, and not before it was put off."""
        return self.is_listed and not (self.was_to_end_at and self.was_to_end_at < self.starts_at)


@dataclass(frozen=True)
class Registration:
    """Somebody who registered with BigMarker."""

    conference_id: str
    bmid: str
    email: str | None
    registered_at: datetime


@dataclass(frozen=True)
class Attendee:
    """A stay of somebody in a BigMarker conference; `told_length` is its length where nobody says when it ended."""

    conference_id: str
    bmid: str
    email: str | None
    joined_at: datetime
    left_at: datetime | None
    told_length: timedelta | None


@dataclass(frozen=True)
class CatalogueRow:
    """A row of the company's catalogue of webinars."""

    webinar: str
    course: str | None
    language: str | None
    platform: str | None
    platform_id: str | None
    event_type_uri: str | None
    day: date | None

    @property
    def order(self) -> tuple:
        """Which of several rows that fit comes first: one with a date, then by what else it says, blanks last."""
        cells = (self.webinar, self.language, self.course, self.platform, self.platform_id, self.event_type_uri)
        return self.day is None, *((cell is None, cell or "") for cell in cells)

    @property
    def name(self) -> str:
        """What tells it apart on its platform, or anywhere."""
        return self.platform_id or (f"{self.webinar} ({self.language})" if self.language else self.webinar)


@dataclass(frozen=True)
class SignUp:
    """Somebody who booked a seat through Calendly.

    Attributes:
        invitee_uri: Who.
        event_type_uri: What kind of meeting.
        email: Whose seat it is, if they said so.
        registered_at: When it was booked.
        meeting_at: When the meeting begins.
        fate: active, canceled or rescheduled: to an invitee who is in `moved_to`.
        length: How long it is to last.
        has_mark: Whether somebody marked it as a no-show by hand.
        moved_to: The invitee who took its place.
    """

    invitee_uri: str
    event_type_uri: str
    email: str | None
    registered_at: datetime
    meeting_at: datetime
    length: timedelta
    fate: str
    has_mark: bool
    moved_to: str | None = None


@dataclass(frozen=True)
class Company:
    """All that the sources and the catalogue hold."""

    webinars: tuple[Webinar, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()
    registrants: tuple[Registrant, ...] = ()
    panelists: tuple[Panelist, ...] = ()
    sessions: tuple[Session, ...] = ()
    files: tuple[ReportFile, ...] = ()
    conferences: tuple[Conference, ...] = ()
    registrations: tuple[Registration, ...] = ()
    attendees: tuple[Attendee, ...] = ()
    catalogue: tuple[CatalogueRow, ...] = ()
    sign_ups: tuple[SignUp, ...] = ()


# --- What comes of it ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """What a platform calls one start of a webinar: an occurrence, a report file, a conference, or a plan for later."""

    kind: str
    key: str
    starts_at: datetime
    ends_at: datetime
    is_reported: bool
    is_end_told: bool
    topic: str | None


# What became of a registration; the first of these speaks for somebody who has several.
STATUSES = ("registered", "late", "pending", "rescheduled", "canceled", "denied")
_STATUS_OF = {"approved": "registered", "cancelled": "canceled", "active": "registered"}


class Seat(NamedTuple):
    """A registration: who knows of it, since when it is, and what became of it."""

    source: str
    registered_at: datetime
    status: str

    @property
    def is_kept(self) -> bool:
        """Whether somebody is expected."""
        return self.status == "registered"


def _seat(source: str, registered_at: datetime, word: str) -> Seat:
    """A seat, of which the source says in its own word what became of it."""
    return Seat(source, registered_at, _STATUS_OF.get(word, word))


@dataclass
class Person:
    """A person in an instance: seats taken, by source, and stays.

    Attributes:
        seats: Those that the person has, or had.
        stays: When the person came and left.
        told_minutes: Minutes of a stay of which nobody says when it was.
        is_there: Whether anything says that the person came.
        keys: The identifiers by which the person is in the instance.
    """

    seats: list[Seat] = field(default_factory=list)
    stays: list[tuple[datetime, datetime]] = field(default_factory=list)
    told_minutes: list[int] = field(default_factory=list)
    is_there: bool = False
    keys: set[str] = field(default_factory=set)

    def add(self, key: str, other: "Person") -> None:
        """Adds what is known of the same person by another identifier."""
        self.keys.add(key)
        self.seats += other.seats
        self.stays += other.stays
        self.told_minutes += other.told_minutes
        self.is_there |= other.is_there

    @property
    def is_registered(self) -> bool:
        """Whether one of the seats is kept."""
        return any(seat.is_kept for seat in self.seats)

    @property
    def seconds(self) -> int:
        """The seconds in which the person was there, each once; those told without a place may be among them."""
        there = set()
        for joined_at, left_at in self.stays:
            there.update(range(*((at - _BEGINNING) // _SECOND for at in (joined_at, left_at))))
        return max([len(there), *(60 * minutes for minutes in self.told_minutes)])


@dataclass
class Instance:
    """A webinar that took place, or will, once.

    Attributes:
        webinar_id: Its name in the marts.
        platform: Where it runs.
        platform_id: Its name there.
        parts: What the platform says of it; a plan of the catalogue only has none.
        row: The row of the catalogue that speaks of it.
        starts_at: When it begins.
        ends_at: When it ends.
        people: Everybody in it but those who speak, by a key of the person.
        came: The keys of all who came, those who speak too.
    """

    webinar_id: str
    platform: str | None
    platform_id: str | None
    parts: list[Part]
    row: CatalogueRow | None
    starts_at: datetime
    ends_at: datetime
    people: dict[str, Person] = field(default_factory=lambda: defaultdict(Person))
    came: set[str | None] = field(default_factory=set)

    @property
    def _last_start(self) -> list[Part]:
        """What speaks of the last time that it was begun."""
        last = max(self.parts, key=lambda part: part.starts_at, default=None)
        return [part for part in self.parts if _is_one_start(part, last)]

    @property
    def is_reported(self) -> bool:
        """Whether the platform has said who came, to the last."""
        return any(part.is_reported for part in self._last_start)

    @property
    def is_end_told(self) -> bool:
        """Whether anybody said when it ended."""
        return any(part.is_end_told for part in self._last_start)

    @property
    def course_label(self) -> str:
        """The course as pages show it."""
        return (self.row and self.row.course) or "(no course)"

    @property
    def language_label(self) -> str:
        """The language as pages show it."""
        return (self.row and self.row.language) or "(no language)"

    @property
    def topic(self) -> str | None:
        """What the platform called it when it reported, else what it calls it today, else what the catalogue does."""
        named = sorted(self.parts, key=lambda part: not part.is_reported)
        return next((part.topic for part in named if part.topic), self.row and self.row.webinar)


def _is_one_start(one: Part, other: Part) -> bool:
    return abs(one.starts_at - other.starts_at) <= ONE_START


def email_key(email: str | None) -> str | None:
    """The key of the person with that e-mail address; what has not both halves is none."""
    name, _, domain = (email or "").strip().rpartition("@")
    return f"email:{name}@{domain}".lower() if name and domain else None


@dataclass(frozen=True)
class Row:
    """A row of webinar_registrations_fact."""

    webinar_id: str
    person_key: str
    registered_at: datetime | None
    source: str | None
    status: str | None
    is_registered: bool
    is_attended: bool | None
    is_walk_in: bool
    seconds: int | None
    joined_at: datetime | None
    left_at: datetime | None
    start_date: date


@dataclass(frozen=True)
class Funnel:
    """The figures of some instances."""

    webinars: int
    webinars_held: int
    registered: int
    registered_reported: int
    attended: int | None
    attendance_rate: float | None
    walk_ins: int | None
    attendees: int | None
    average_minutes: float | None
    people: int


class Webinars:
    """What the marts must say of a company's webinars.

    Args:
        company: What is known.
        moment: When and where the marts are looked at.
        restart: How long a webinar may pause and still be the same.
    """

    def __init__(self, company: Company, moment: Moment, restart: timedelta) -> None:
        """Takes what is known; everything else is worked out when it is asked for."""
        self.company, self.moment, self.restart = company, moment, restart
        # The instance of each sign-up that has one; known with the instances.
        self._seats: dict[str, str] = {}
        # The instances as they are found, and by which addresses registrants came to them.
        self._found: dict[str, Instance] = {}
        self._shown_by: set[tuple[str, str]] = set()

    # --- Instances ---

    @cached_property
    def instances(self) -> dict[str, Instance]:
        """All instances with the people in them, by webinar_id."""
        found = self._found = {one.webinar_id: one for one in [*self._of_zoom(), *self._of_bigmarker()]}
        for sign_up in self.company.sign_ups:
            self._seat(sign_up, found)
        for instance in found.values():
            instance.row = instance.row or self._row_of(instance)
            if instance.parts and instance.platform == "zoom":
                self._fill_from_files(instance)
                self._fill_from_api(instance)
            elif instance.parts:
                self._fill_from_bigmarker(instance)
            self._leave_out_staff(instance)
        self._register(found.values())
        for instance in found.values():
            self._leave_out_staff(instance)
        for instance in found.values():
            self._merge(instance)
            self._call_late(instance)
        return found

    # --- Who is who: a sign-up and its address are one person, and so are what it was moved to, and a registrant ---

    @cached_property
    def _people(self) -> dict[str, set[str]]:
        """All keys of a person, by each of them; known when all who came are."""
        found: dict[str, set[str]] = {}
        pairs = [
            {f"invitee:{one.invitee_uri}", email_key(one.email), one.moved_to and f"invitee:{one.moved_to}"}
            for one in self.company.sign_ups
        ]
        pairs += [{key, *emails} for key, emails in self._emails_of_registrants().items() if len(emails) == 1]
        for keys in pairs:
            together = (keys - {None}).union(*(found.get(key, ()) for key in keys))
            found |= dict.fromkeys(together, together)
        return found

    def _emails_of_registrants(self) -> dict[str, set[str]]:
        """The addresses of those who once gave none, by whatever else they gave as the same registrant."""
        nameless = {key for one in self._found.values() for key in one.people if key.startswith("registrant:")}
        found = defaultdict(set)
        for one in self.company.registrants:
            found[f"registrant:zoom:{one.registrant_id}"].add(email_key(one.email))
        for one in self.company.registrations:
            found[f"registrant:bigmarker:{one.bmid}"].add(email_key(one.email))
        for key, email in self._shown_by:
            found[key].add(email)
        return {key: found[key] - {None} for key in nameless}

    def keys_of(self, key: str) -> set[str]:
        """All keys of the person who has this one."""
        return self._people.get(key, {key})

    def person_of(self, key: str) -> str:
        """The key that stands for all of a person's."""
        return min(self.keys_of(key))

    def _merge(self, instance: Instance) -> None:
        """Makes one person of who is in an instance by several keys; who speaks is no audience by another one."""
        people: dict[str, Person] = defaultdict(Person)
        for key, person in instance.people.items():
            if not self.keys_of(key) & self._staff(instance):
                people[self.person_of(key)].add(key, person)
        instance.people = people
        instance.came = {self.person_of(key) for key in instance.came}

    def _parts_of(self, number: str) -> list[Part]:
        """Everything that speaks of a start of a Zoom webinar."""
        webinar = next((one for one in self.company.webinars if one.number == number), None)
        length = (webinar and webinar.length) or USUAL_LENGTH
        today = webinar and webinar.topic
        parts = [
            Part("file", file.name, file.starts_at, file.starts_at + file.length, True, True, file.topic)
            for file in self._files_of(number)
        ]
        for one in self.company.occurrences:
            if one.number == number:
                is_reported = one.ends_at is not None
                topic = one.topic if is_reported else today
                ends_at = one.ends_at or one.starts_at + length
                parts.append(Part("api", one.uuid, one.starts_at, ends_at, is_reported, is_reported, topic))
        if webinar and webinar.starts_at and all(part.starts_at < webinar.starts_at for part in parts):
            parts.append(Part("plan", number, webinar.starts_at, webinar.starts_at + length, False, False, today))
        return sorted(parts, key=lambda part: (part.starts_at, part.ends_at, part.key))

    def _files_of(self, number: str) -> list[ReportFile]:
        """The report files of a webinar, of those about one start, by the minute, only the newest."""
        newest = {}
        for file in sorted(self.company.files, key=lambda file: (file.generated_at, file.name)):
            if file.number == number:
                newest[file.starts_at.replace(second=0)] = file
        return list(newest.values())

    def _of_zoom(self) -> Iterator[Instance]:
        numbers = {one.number for one in (*self.company.webinars, *self.company.occurrences, *self.company.files)}
        for number in sorted(numbers):
            groups: list[list[Part]] = []
            for part in self._parts_of(number):
                last = groups[-1] if groups else []
                if any(_is_one_start(part, one) or part.starts_at <= one.ends_at + self.restart for one in last):
                    # What was planned for when it had begun, or for when it may go on, is no other webinar.
                    last.extend([part] if part.kind != "plan" else [])
                else:
                    groups.append([part])
            on_day: dict[date, Iterator[int]] = defaultdict(lambda: count(1))
            for group in groups:
                starts_at = min(part.starts_at for part in group)
                place = next(on_day[starts_at.date()])
                instance = Instance(
                    f"zoom:{number}:{starts_at.date()}" + (f":{place}" if place > 1 else ""),
                    *("zoom", number, group, None, starts_at, max(part.ends_at for part in group)),
                )
                if instance.is_end_told:
                    # An end that somebody saw is better than one that was planned.
                    instance.ends_at = max(part.ends_at for part in group if part.is_end_told)
                yield instance

    def _of_bigmarker(self) -> Iterator[Instance]:
        for one in self.company.conferences:
            ends_at = one.ends_at or one.starts_at + USUAL_LENGTH
            is_told = one.ends_at is not None
            part = Part("conference", one.conference_id, one.starts_at, ends_at, one.is_reported, is_told, one.topic)
            webinar_id = f"bigmarker:{one.conference_id}"
            yield Instance(webinar_id, "bigmarker", one.conference_id, [part], None, one.starts_at, ends_at)

    # --- The catalogue, and who signed up by Calendly ---

    def _row_of(self, instance: Instance) -> CatalogueRow | None:
        """The catalogue's row of an instance: that of its day, else one without a day."""
        day = self.moment.date(instance.starts_at)
        fitting = [
            row
            for row in self.company.catalogue
            if (row.platform, row.platform_id) == (instance.platform, instance.platform_id) and row.day in (day, None)
        ]
        return min(fitting, key=lambda row: row.order, default=None)

    def row_of_sign_up(self, sign_up: SignUp) -> CatalogueRow | None:
        """The row of a sign-up's event type: that of the meeting's day, else the one without a day."""
        day = self.moment.date(sign_up.meeting_at)
        rows = {row.day: row for row in self.company.catalogue if row.event_type_uri == sign_up.event_type_uri}
        return rows.get(day) or rows.get(None)

    def _seat(self, sign_up: SignUp, found: dict[str, Instance]) -> None:
        """Gives a sign-up its seat, in an instance that only the catalogue knows if there is no other."""
        row = self.row_of_sign_up(sign_up)
        if not row:
            return
        day = self.moment.date(sign_up.meeting_at)
        fitting = [
            one
            for one in found.values()
            if one.parts
            and row.platform_id
            and (one.platform, one.platform_id) == (row.platform, row.platform_id)
            and self.moment.date(one.starts_at) == day
        ]
        if fitting:
            instance = min(fitting, key=lambda one: (abs(one.starts_at - sign_up.meeting_at), one.starts_at))
        else:
            instance = self._planned(row, sign_up, day, found)
        self._seats[sign_up.invitee_uri] = instance.webinar_id
        key = email_key(sign_up.email) or f"invitee:{sign_up.invitee_uri}"
        instance.people[key].seats.append(_seat("calendly", sign_up.registered_at, sign_up.fate))

    @staticmethod
    def _planned(row: CatalogueRow, sign_up: SignUp, day: date, found: dict[str, Instance]) -> Instance:
        """The instance that only the catalogue knows of; those of the platform may have taken its name."""
        name = f"{row.platform or 'catalogue'}:{row.name}:{day}"
        taken = [one for one in found.values() if one.parts and f"{one.webinar_id}:".startswith(f"{name}:")]
        webinar_id = f"{name}:{len(taken) + 1}" if taken else name
        starts_at, ends_at = sign_up.meeting_at, sign_up.meeting_at + sign_up.length
        instance = found.setdefault(
            webinar_id, Instance(webinar_id, row.platform, row.platform_id, [], row, starts_at, ends_at)
        )
        instance.starts_at = min(instance.starts_at, starts_at)
        instance.ends_at = max(instance.ends_at, ends_at)
        instance.row = min(instance.row, row, key=lambda one: one.order)
        return instance

    # --- Who came, and who was registered where it runs ---

    def _newest_files(self, instance: Instance) -> list[ReportFile]:
        names = {part.key for part in instance.parts if part.kind == "file"}
        return [file for file in self.company.files if file.name in names]

    def _rows_of(self, instance: Instance, file: ReportFile) -> list[ReportRow]:
        """The rows of a file; who is anonymous there is so in the API's report, too, if there is one."""
        parts = {part.key: part for part in instance.parts}
        is_told_by_api = any(
            part.kind == "api" and part.is_reported and _is_one_start(part, parts[file.name]) for part in instance.parts
        )
        return [row for row in file.rows if email_key(row.email) or not is_told_by_api]

    def _fill_from_files(self, instance: Instance) -> None:
        for file in self._newest_files(instance):
            for number, row in enumerate(self._rows_of(instance, file)):
                key = email_key(row.email) or f"session:{file.name}:{number}"
                if row.is_attended:
                    instance.came.add(key)
                if row.section in ("host", "panelist"):
                    continue
                if row.registered_at:
                    instance.people[key].seats.append(_seat("zoom", row.registered_at, row.approval_status))
                if row.is_attended:
                    instance.people[key].is_there = True
                    self._stay_of_row(instance.people[key], row)

    @staticmethod
    def _stay_of_row(person: Person, row: ReportRow) -> None:
        """A stay as a file tells it: by its ends, else by its beginning and its minutes, else by its minutes alone."""
        if row.joined_at:
            told = timedelta(minutes=row.minutes or 0)
            person.stays.append((row.joined_at, row.left_at or row.joined_at + told))
        else:
            person.told_minutes.append(row.minutes or 0)

    def _fill_from_api(self, instance: Instance) -> None:
        registrants = {one.registrant_id: one for one in self.company.registrants}
        uuids = {part.key for part in instance.parts if part.kind == "api"}
        for one in self.company.sessions:
            if one.uuid not in uuids or one.is_waiting:
                continue
            # Whoever comes by a registrant's link is that registrant, whatever account the device is signed in to.
            registrant = registrants.get(one.registrant_id)
            key = (registrant and email_key(registrant.email)) or email_key(one.email)
            key = key or (f"registrant:zoom:{one.registrant_id}" if one.registrant_id else f"session:{one.user_id}")
            if key.startswith("email:") and key not in self._staff(instance):
                self._shown_by.add((f"registrant:zoom:{one.registrant_id}", key))
            instance.came.add(key)
            instance.people[key].is_there = True
            instance.people[key].stays.append((one.joined_at, one.left_at))

    def _fill_from_bigmarker(self, instance: Instance) -> None:
        emails = {}
        for one in self.company.registrations:
            if one.conference_id == instance.platform_id:
                emails[one.bmid] = one.email
                person = instance.people[email_key(one.email) or f"registrant:bigmarker:{one.bmid}"]
                person.seats.append(_seat("bigmarker", one.registered_at, "registered"))
        for one in self.company.attendees:
            if one.conference_id == instance.platform_id:
                key = email_key(one.email) or email_key(emails.get(one.bmid)) or f"registrant:bigmarker:{one.bmid}"
                instance.came.add(key)
                if key.startswith("email:") and key not in self._staff(instance):
                    self._shown_by.add((f"registrant:bigmarker:{one.bmid}", key))
                person = instance.people[key]
                person.is_there = True
                length = one.told_length or timedelta(0)
                person.stays.append((one.joined_at, one.left_at or one.joined_at + length))

    def _register(self, instances: Iterable[Instance]) -> None:
        """Seats Zoom's registrants: where they are meant, else in the last one."""
        by_number = defaultdict(list)
        for instance in instances:
            if instance.platform == "zoom" and instance.parts:
                by_number[instance.platform_id].append(instance)
        for registrant in self.company.registrants:
            key = email_key(registrant.email) or f"registrant:zoom:{registrant.registrant_id}"
            candidates = sorted(by_number[registrant.number], key=lambda one: one.starts_at)
            for instance in self._meant(registrant, candidates):
                instance.people[key].seats.append(_seat("zoom", registrant.registered_at, registrant.status))

    def _meant(self, registrant: Registrant, instances: list[Instance]) -> list[Instance]:
        """Where a registrant is expected.

        To a series people come as often as they can, where they can still come or did; else once, and not to a
        rehearsal, unless they came there. Who registers after all of them does so for the last.
        """
        to_come = [one for one in instances if one.ends_at > registrant.registered_at]
        came = [one for one in instances if self._came(registrant.registrant_id, one)]
        if any(one.number == registrant.number and one.is_series for one in self.company.webinars):
            return [one for one in instances if one in to_come or one in came] or instances[-1:]
        real = [one for one in instances if not self.is_rehearsal(one)]
        return came or [one for one in to_come if one in real][:1] or (real or instances)[-1:]

    @staticmethod
    def is_rehearsal(instance: Instance) -> bool:
        """Whether nobody came but who speaks, whoever registered."""
        return instance.is_reported and not any(person.is_there for person in instance.people.values())

    @staticmethod
    def _call_late(instance: Instance) -> None:
        """Who took a seat when all was over wants the recording, unless they were there."""
        for person in instance.people.values():
            if instance.is_end_told and not person.is_there:
                person.seats = [
                    seat._replace(status="late") if seat.is_kept and seat.registered_at >= instance.ends_at else seat
                    for seat in person.seats
                ]

    def _came(self, registrant_id: str, instance: Instance) -> bool:
        uuids = {part.key for part in instance.parts if part.kind == "api"}
        return any(
            one.registrant_id == registrant_id and one.uuid in uuids and not one.is_waiting
            for one in self.company.sessions
        )

    def _leave_out_staff(self, instance: Instance) -> None:
        """Who speaks is no audience, with a seat or without."""
        for key in self._staff(instance):
            instance.people.pop(key, None)

    def _staff(self, instance: Instance) -> set[str | None]:
        """Hosts and panelists, by their e-mail addresses."""
        emails: list[str | None] = []
        if instance.parts and instance.platform == "zoom":
            number = instance.platform_id
            emails += [one.host_email for one in self.company.occurrences if one.number == number and one.ends_at]
            emails += [one.email for one in self.company.panelists if one.number == number]
            for file in self._newest_files(instance):
                emails += [row.email for row in file.rows if row.section in ("host", "panelist")]
        for one in self.company.conferences:
            if instance.parts and (instance.platform, instance.platform_id) == ("bigmarker", one.conference_id):
                emails += one.presenters
        return {email_key(email) for email in emails} - {None}

    # --- The marts ---

    @cached_property
    def rows(self) -> list[Row]:
        """webinar_registrations_fact."""
        return [
            self._row(instance, key, person)
            for instance in self.instances.values()
            for key, person in instance.people.items()
            # Until the report is loaded nobody is known to have come.
            if person.seats or instance.is_reported
        ]

    def _row(self, instance: Instance, key: str, person: Person) -> Row:
        is_known = instance.is_reported
        is_walk_in = is_known and person.is_there and not person.is_registered
        seats = [seat for seat in person.seats if seat.is_kept or not person.is_registered]
        told_by = {seat.source for seat in seats}
        sources = [name for name in ("calendly", "zoom", "bigmarker") if name in told_by and not is_walk_in]
        return Row(
            instance.webinar_id,
            key,
            min((seat.registered_at for seat in seats), default=None),
            "+".join(sources) or None,
            min((seat.status for seat in person.seats), key=STATUSES.index, default=None),
            person.is_registered,
            person.is_there if is_known else None,
            is_walk_in,
            person.seconds if is_known else None,
            min((joined_at for joined_at, _ in person.stays), default=None) if is_known else None,
            max((left_at for _, left_at in person.stays), default=None) if is_known else None,
            self.moment.date(instance.starts_at),
        )

    def rows_of(self, instance: Instance) -> list[Row]:
        """The rows of an instance."""
        return self._rows_by_webinar[instance.webinar_id]

    @cached_property
    def _rows_by_webinar(self) -> dict[str, list[Row]]:
        """The rows of all instances, by webinar_id."""
        found = defaultdict(list)
        for row in self.rows:
            found[row.webinar_id].append(row)
        return found

    def funnel(self, instances: Collection[Instance]) -> Funnel:
        """The figures of some instances together."""
        rows = [row for instance in instances for row in self.rows_of(instance)]
        registered = [row for row in rows if row.is_registered]
        # Nobody can be said to have come, or not, where nothing is reported.
        reported = [row for row in registered if row.is_attended is not None]
        attended = sum(row.is_attended for row in reported)
        there = [row.seconds for row in rows if row.is_attended]
        held = sum(one.is_reported for one in instances)
        return Funnel(
            *(len(instances), held, len(registered), len(reported), attended if held else None),
            attended / len(reported) if reported else None,
            *((sum(row.is_walk_in for row in rows), len(there)) if held else (None, None)),
            sum(there) / 60 / len(there) if there else None,
            len({row.person_key for row in registered}),
        )

    def instance_of(self, sign_up: SignUp) -> Instance | None:
        """The instance for which somebody signed up."""
        instances = self.instances
        return instances.get(self._seats.get(sign_up.invitee_uri, ""))

    def status(self, sign_up: SignUp) -> str:
        """What became of the booking whose last link a sign-up is."""
        if sign_up.fate != "active":
            return sign_up.fate
        instance = self.instance_of(sign_up)
        if instance and instance.is_reported:
            if self.person_of(f"invitee:{sign_up.invitee_uri}") in instance.came:
                return "held"
            if email_key(sign_up.email):
                return "no_show"
        if sign_up.has_mark:
            return "no_show"
        return "held" if sign_up.meeting_at <= self.moment.as_of else "scheduled"

    @property
    def today(self) -> date:
        """The day on which the marts are looked at."""
        return self.moment.date(self.moment.as_of)

    @cached_property
    def periods(self) -> list[tuple[str, date | None, Callable[[date], bool]]]:
        """Kind and first day of each period, and which days lie in it."""
        today = self.today
        ninety = today - 89 * _DAY
        # The day after the one that has today's number in last year's calendar.
        twelve = _a_year_before(today) + _DAY
        days = [self.moment.date(one.starts_at) for one in self.instances.values()]
        months, month = [], min(days).replace(day=1)
        while month <= max(days):
            months.append(month)
            month = (month + 31 * _DAY).replace(day=1)
        return [
            *(("month", first, lambda day, first=first: day.replace(day=1) == first) for first in months),
            ("last_90_days", ninety, lambda day: ninety <= day <= today),
            ("last_12_months", twelve, lambda day: twelve <= day <= today),
            ("all_time", None, lambda day: True),
        ]

    @cached_property
    def by_period(self) -> dict[tuple, Funnel]:
        """The figures of each (kind of period, first day, course, language); all of them have names, too."""
        courses = {one.course_label for one in self.instances.values()}
        languages = {one.language_label for one in self.instances.values()}
        found = {}
        for kind, first, is_in in self.periods:
            within = [one for one in self.instances.values() if is_in(self.moment.date(one.starts_at))]
            for course, language in product([ALL_COURSES, *courses], [ALL_LANGUAGES, *languages]):
                found[kind, first, course, language] = self.funnel(
                    [
                        one
                        for one in within
                        if course in (ALL_COURSES, one.course_label) and language in (ALL_LANGUAGES, one.language_label)
                    ]
                )
        return found


def _a_year_before(day: date) -> date:
    """The same day a year before; of a 29th of February the 28th."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
