"""The bookings marts worked out record by record, from the definitions and not from any SQL.

Everything here takes what Calendly's API, its webhooks and its CSV export said about an organization, in no particular
order, and follows the sentences of the definitions one by one. Instants are UTC without a zone, as in the warehouse.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import count
from zoneinfo import ZoneInfo

UNMAPPED = "unmapped"
# Instants for sorting: before and after everything.
_NEVER, _ALWAYS = datetime.min, datetime.max
_API_HOSTS = re.compile(r"^https?://(?:api\.)?calendly\.com/(?:api/v2/)?")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """A row of the channel map; the ends of its time may be open."""

    event_type_uri: str | None
    event_type_name: str | None
    channel: str
    campaign: str | None
    valid_from: datetime | None
    valid_to: datetime | None

    def holds(self, event: "Event", at: datetime | None) -> bool:
        """Whether the row speaks of the event's type at an instant: by URI, or by name where there is no URI."""
        if event.event_type_uri:
            is_its_type = self.event_type_uri is not None and uri(self.event_type_uri) == event.event_type_uri
        else:
            is_its_type = event.name is not None and self.event_type_name == event.name
        # Of what has no date only a row that always holds can be said to hold.
        has_begun = self.valid_from is None or (at is not None and self.valid_from <= at)
        has_ended = self.valid_to is not None and (at is None or self.valid_to <= at)
        return is_its_type and has_begun and not has_ended


@dataclass(frozen=True)
class Sources:
    """What is known of one organization: Calendly's documents, rows of its export, and the company's seeds.

    Of each delivery, `receipts` has the body and when the receiver kept it.
    """

    event_types: tuple[dict, ...] = ()
    memberships: tuple[dict, ...] = ()
    events: tuple[dict, ...] = ()
    invitees: tuple[dict, ...] = ()
    deliveries: tuple[dict, ...] = ()
    receipts: tuple[tuple[str, datetime | None], ...] = ()
    export: tuple[dict, ...] = ()
    periods: tuple[Period, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def first_receipts(self) -> dict[str, datetime | None]:
        """When the receiver first kept each body; None where nothing says so."""
        first = {}
        for body, received_at in self.receipts:
            first[body] = min(filter(None, (received_at, first.get(body))), default=None)
        return first


@dataclass(frozen=True)
class Moment:
    """When and where the marts are looked at."""

    as_of: datetime
    zone: ZoneInfo

    def local(self, at: datetime) -> datetime:
        """The instant on the clocks of the reporting time zone."""
        return at.replace(tzinfo=UTC).astimezone(self.zone).replace(tzinfo=None)

    def date(self, at: datetime | None) -> date | None:
        """The calendar date of the instant in the reporting time zone."""
        return at and self.local(at).date()

    def week(self, at: datetime) -> date:
        """The Monday of the instant's ISO week in the reporting time zone."""
        day = self.local(at).date()
        return day - (day.isoweekday() - 1) * _DAY


@dataclass(frozen=True)
class Event:
    """A scheduled event, as the document that counts has it."""

    uri: str
    event_type_uri: str | None
    name: str | None
    status: str
    created_at: datetime | None
    start_at: datetime | None
    end_at: datetime | None
    hosts: Mapping[str, str | None]


@dataclass(frozen=True)
class Invitee:
    """An invitee, as the document that counts has it, and the sources that know of it."""

    uri: str
    event_uri: str
    created_at: datetime | None
    is_canceled: bool
    is_rescheduled: bool
    is_no_show: bool
    old_uri: str | None
    new_uri: str | None
    known_from: frozenset[str]


@dataclass(frozen=True)
class Booking:
    """A row of bookings_fact, with the event of its last known link."""

    booking_id: str
    last_invitee_uri: str
    event_type_uri: str | None
    event_type_name: str | None
    channel: str
    campaign: str | None
    booked_at: datetime | None
    status: str
    reschedule_count: int
    source: str
    event: Event


@dataclass(frozen=True)
class Meeting:
    """A scheduled event that a host held or is to hold."""

    event_uri: str
    host_uri: str
    host_email: str
    start_at: datetime
    end_at: datetime

    @property
    def minutes(self) -> Fraction:
        """How long it lasts."""
        return minutes_between(self.start_at, self.end_at)


# --- Reading documents --------------------------------------------------------------------------------------


def uri(text: str | None) -> str | None:
    """A URI with the one host and path that all spellings of Calendly's have in common."""
    return text and _API_HOSTS.sub("https://api.calendly.com/", text)


def instant(text: str | None) -> datetime | None:
    """An instant with any number of digits after the second; None if it is unreadable."""
    try:
        return datetime.fromisoformat(text or "").astimezone(UTC).replace(tzinfo=None)
    except ValueError:
        return None


def minutes_between(start_at: datetime, end_at: datetime) -> Fraction:
    """The exact number of minutes from one instant to another."""
    return Fraction((end_at - start_at) // timedelta(microseconds=1), 60_000_000)


def _seconds_between(earlier: datetime, later: datetime) -> int:
    return (later.replace(microsecond=0) - earlier.replace(microsecond=0)) // timedelta(seconds=1)


def is_about_invitee(delivery: dict) -> bool:
    """Whether a delivery tells of an invitee."""
    return delivery["event"].startswith(("invitee.", "invitee_no_show."))


def event_uri_of(document: dict) -> str:
    """The scheduled event of an invitee: as the document names it, else as the invitee's own URI does."""
    named = document.get("event") or (document.get("scheduled_event") or {}).get("uri")
    return uri(named) or uri(document["uri"]).rpartition("/invitees/")[0]


def _is_canceled(document: dict) -> bool:
    return document["status"] == "canceled" if document.get("status") else document.get("canceled") is True


def _mark(document: dict) -> dict:
    mark = document.get("no_show")
    return mark if isinstance(mark, dict) else {}


@dataclass(frozen=True)
class Said:
    """What one source said about an invitee: whether it is marked as no-show, and when that was set or taken back."""

    document: dict
    source: str
    is_marked: bool
    marked_at: datetime | None

    @classmethod
    def by_api(cls, document: dict) -> "Said":
        """A document of the API, which tells of a mark only while it stands."""
        return cls(document, "api", bool(_mark(document)), instant(_mark(document).get("created_at")))

    @classmethod
    def by_webhook(cls, delivery: dict) -> "Said":
        """A delivery, which may itself be the mark or the end of it."""
        document, kind = delivery["payload"], delivery["event"]
        is_marked = bool(_mark(document)) if kind.startswith("invitee.") else kind == "invitee_no_show.created"
        marked_at = _mark(document).get("created_at")
        if kind.startswith("invitee_no_show."):
            marked_at = marked_at or delivery["created_at"]
        return cls(document, "webhook", is_marked, instant(marked_at))

    @property
    def updated_at(self) -> datetime:
        """As of when it was said."""
        return instant(self.document.get("updated_at")) or _NEVER

    @property
    def is_canceled(self) -> bool:
        """Whether it says that the invitee is gone."""
        return _is_canceled(self.document)

    @property
    def rank(self) -> tuple:
        """The later change counts; at the same time the cancellation, then the later word on the mark, then the API."""
        return (
            self.updated_at,
            self.is_canceled,
            self.marked_at or _NEVER,
            self.source == "api",
        )


class Organization:
    """One organization, with all that its sources said brought together."""

    def __init__(self, sources: Sources) -> None:
        """Takes what the sources said."""
        self.sources = sources

    @cached_property
    def exported(self) -> list[dict]:
        """The export's rows but those without identifiers that tell of an invitee whom something else knows."""
        starts = defaultdict(set)
        for document in self.sources.events:
            starts[uri(document["uri"])].add(instant(document.get("start_time")))
        known = {
            (_address(document), start, instant(document.get("created_at")))
            for document in self.sources.invitees
            for start in starts[event_uri_of(document)]
        }
        for delivery in filter(is_about_invitee, self.sources.deliveries):
            payload = delivery["payload"]
            start = instant((payload.get("scheduled_event") or {}).get("start_time"))
            known.add((_address(payload), start, instant(payload.get("created_at"))))
        for row in self.sources.export:
            if not row["invitee_uri"].startswith("calendly_export:"):
                known.add((row["invitee_email"], row["start_at"], row["created_at"]))

        def is_known(row: dict) -> bool:
            earliest = _minute(row["created_at"])
            return any(
                address == row["invitee_email"]
                and start is not None
                and created_at is not None
                and _minute(start) == _minute(row["start_at"])
                and earliest <= created_at < earliest + timedelta(minutes=2)
                for address, start, created_at in known
            )

        return [
            row
            for row in self.sources.export
            if not (row["invitee_uri"].startswith("calendly_export:") and is_known(row))
        ]

    @cached_property
    def events(self) -> dict[str, Event]:
        """The scheduled events by URI: of several documents the one that changed last, canceled before active."""
        said = defaultdict(list)
        for document in self.sources.events:
            said[uri(document["uri"])].append(document)
        for delivery in filter(is_about_invitee, self.sources.deliveries):
            if document := delivery["payload"].get("scheduled_event"):
                said[uri(document["uri"])].append(document)
        exported = defaultdict(list)
        for row in self.exported:
            exported[row["scheduled_event_uri"]].append(row)
        found = {key: _event_exported(rows, self._users) for key, rows in exported.items()}
        for key, documents in said.items():
            event = _event_said(documents)
            found[key] = replace(event, hosts=event.hosts or found[key].hosts) if key in found else event
        return found

    @cached_property
    def said(self) -> Mapping[str, list["Said"]]:
        """All that API and webhooks said about each invitee, by URI."""
        said = defaultdict(list)
        for document in self.sources.invitees:
            said[uri(document["uri"])].append(Said.by_api(document))
        for delivery in filter(is_about_invitee, self.sources.deliveries):
            said[uri(delivery["payload"]["uri"])].append(Said.by_webhook(delivery))
        return said

    @cached_property
    def invitees(self) -> dict[str, Invitee]:
        """The invitees by URI; a row of the export counts only where neither API nor webhook knows its invitee."""
        said = self.said
        exported = {row["invitee_uri"]: row for row in self.exported}
        known = {}
        for key in [*said, *(exported.keys() - said.keys())]:
            if key not in said:
                known[key] = _invitee_exported(exported[key])
                continue
            known_from = {one.source for one in said[key]} | ({"export"} if key in exported else set())
            # Nothing changes when somebody booked: where the document that counts does not say it, any other does.
            created_at = [instant(one.document.get("created_at")) for one in said[key]]
            created_at += [exported[key]["created_at"]] if key in exported else []
            invitee = _invitee_said(max(said[key], key=lambda one: one.rank), known_from)
            newest_first = [one.document for one in sorted(said[key], key=lambda one: one.rank, reverse=True)]
            # A link once told stays one, though a newer document leaves it out.
            old_uri, new_uri = (
                next(filter(None, (uri(document.get(name)) for document in newest_first)), None)
                for name in ("old_invitee", "new_invitee")
            )
            invitee = replace(invitee, old_uri=old_uri, new_uri=new_uri)
            earliest = min(filter(None, created_at), default=None)
            known[key] = replace(invitee, created_at=invitee.created_at or earliest)
        return known

    @cached_property
    def predecessors(self) -> dict[str, str]:
        """For each link but first ones the link that it took the place of, whether or not its row is known."""
        known = self.invitees
        named_by = defaultdict(list)
        for invitee in known.values():
            if invitee.new_uri:
                named_by[invitee.new_uri].append(invitee)
        found = {key: min(named, key=_by_creation).uri for key, named in named_by.items()}
        return found | {invitee.uri: invitee.old_uri for invitee in known.values() if invitee.old_uri}

    def _way_back(self, link: str) -> list[str]:
        """A link and all before it, back to the first one; in a loop the first is the one that was created first."""
        way = [link]
        while (before := self.predecessors.get(way[-1])) is not None and before not in way:
            way.append(before)
        if before is None:
            return way
        loop = way[way.index(before) :]
        first = min(loop, key=self._place)
        return way[: way.index(first) + 1]

    def _place(self, link: str) -> tuple:
        invitee = self.invitees.get(link)
        return ((invitee and invitee.created_at) or _ALWAYS, link)

    def bookings(self, moment: Moment) -> list[Booking]:
        """The bookings: all links that lead back to one first link."""
        links = self.invitees.keys() | self.predecessors.keys() | set(self.predecessors.values())
        depths = defaultdict(dict)
        for link in links:
            way = self._way_back(link)
            depths[way[-1]][link] = len(way) - 1
        return [self._booking(first, depth_of, moment) for first, depth_of in depths.items()]

    def _is_outdone(self, link: Invitee) -> bool:
        """Whether the link that it names as its successor is known and has taken another's place."""
        return link.new_uri in self.invitees and self.predecessors[link.new_uri] != link.uri

    def _booking(self, booking_id: str, depth_of: dict[str, int], moment: Moment) -> Booking:
        def created_at(link: str) -> datetime:
            return (link in self.invitees and self.invitees[link].created_at) or _NEVER

        last_uri = max(depth_of, key=lambda link: (depth_of[link], created_at(link), link))
        known = [link for link in depth_of if link in self.invitees]
        first = self.invitees[min(known, key=lambda link: (depth_of[link], *self._place(link)))]
        last = self.invitees[max(known, key=lambda link: (depth_of[link], created_at(link), link))]
        first_event, last_event = self._event_of(first), self._event_of(last)
        dated = [link for link in known if self.invitees[link].created_at]
        earliest = min(dated, key=lambda link: (depth_of[link], *self._place(link)), default=None)
        booked_at = earliest and self.invitees[earliest].created_at
        channel, campaign = self.channel(first_event, booked_at)
        known_from = {source for link in known for source in self.invitees[link].known_from}
        return Booking(
            booking_id=booking_id,
            last_invitee_uri=last_uri,
            event_type_uri=first_event.event_type_uri,
            event_type_name=first_event.name,
            channel=channel,
            campaign=campaign,
            booked_at=booked_at,
            status=_status(last, last_event, moment, is_outdone=self._is_outdone(last)),
            reschedule_count=len(depth_of) - 1,
            source="+".join(name for name in ("api", "webhook", "export") if name in known_from),
            event=last_event,
        )

    def _event_of(self, invitee: Invitee) -> Event:
        """The invitee's event; of one that no source describes no more is known than its URI."""
        unknown = Event(invitee.event_uri, None, None, "active", None, None, None, {})
        return self.events.get(invitee.event_uri, unknown)

    def channel(self, event: Event, at: datetime | None) -> tuple[str, str | None]:
        """Channel and campaign of the event's type at an instant."""
        for period in self.sources.periods:
            if period.holds(event, at):
                return self.sources.aliases.get(period.channel) or period.channel, period.campaign
        return UNMAPPED, None

    @cached_property
    def _users(self) -> dict[str, str]:
        """The organization's users by e-mail."""
        known = {}
        for document in self.sources.memberships:
            known[document["user"]["email"].lower()] = uri(document["user"]["uri"])
        for document in self._event_documents:
            for membership in document.get("event_memberships") or []:
                if membership.get("user_email"):
                    known[membership["user_email"].lower()] = uri(membership["user"])
        return known

    @property
    def _event_documents(self) -> list[dict]:
        delivered = (one["payload"].get("scheduled_event") for one in filter(is_about_invitee, self.sources.deliveries))
        return [*self.sources.events, *filter(None, delivered)]

    def meetings(self, moment: Moment) -> list[Meeting]:
        """The meetings of bookings that are not canceled: each event once for each of its hosts."""
        emails = {host: email for email, host in self._users.items()}
        found = {}
        for booking in self.bookings(moment):
            event = booking.event
            if booking.status == "canceled" or event.start_at is None:
                continue
            for host, email in event.hosts.items():
                host_email = (email or emails.get(host) or host).lower()
                found[event.uri, host] = Meeting(event.uri, host, host_email, event.start_at, event.end_at)
        return list(found.values())


def _by_creation(invitee: Invitee) -> tuple:
    return (invitee.created_at or _ALWAYS, invitee.uri)


def _event_said(documents: list[dict]) -> Event:
    def rank(document: dict) -> tuple:
        return (instant(document["updated_at"]), document["status"] == "canceled")

    document = max(documents, key=rank)

    def told(name: str) -> object:
        """What the document that counts leaves out the newest that has it tells."""
        return max((one for one in documents if one.get(name)), key=rank, default={}).get(name)

    return Event(
        uri(document["uri"]),
        uri(told("event_type")),
        document["name"].strip(),
        document["status"],
        instant(document["created_at"]),
        instant(document["start_time"]),
        instant(document["end_time"]),
        {uri(one["user"]): one.get("user_email") for one in told("event_memberships") or []},
    )


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _address(document: dict) -> str | None:
    return document["email"].strip().lower() if document.get("email") else None


def _event_exported(rows: list[dict], users: Mapping[str, str]) -> Event:
    row = rows[0]
    return Event(
        row["scheduled_event_uri"],
        None,
        row["event_type_name"],
        "canceled" if all(one["is_canceled"] for one in rows) else "active",
        min(one["created_at"] for one in rows),
        row["start_at"],
        row["end_at"],
        {users.get(row["user_email"], row["user_email"]): row["user_email"]},
    )


def _invitee_said(said: Said, known_from: set[str]) -> Invitee:
    document = said.document
    new_uri = uri(document.get("new_invitee"))
    return Invitee(
        uri(document["uri"]),
        event_uri_of(document),
        instant(document.get("created_at")),
        _is_canceled(document),
        # The flag is false on the new half of a reschedule, and says nothing of one that stands.
        (_is_canceled(document) and document.get("rescheduled") is True) or new_uri is not None,
        said.is_marked,
        uri(document.get("old_invitee")),
        new_uri,
        frozenset(known_from),
    )


def _invitee_exported(row: dict) -> Invitee:
    return Invitee(
        row["invitee_uri"],
        row["scheduled_event_uri"],
        row["created_at"],
        row["is_canceled"],
        False,
        row["is_no_show"],
        None,
        None,
        frozenset({"export"}),
    )


def _status(last: Invitee, event: Event, moment: Moment, *, is_outdone: bool) -> str:
    """What became of a booking, as its last known link tells."""
    if last.is_rescheduled and not is_outdone:
        return "scheduled"
    if last.is_canceled:
        return "canceled"
    if last.is_no_show:
        return "no_show"
    return "held" if event.start_at and event.start_at <= moment.as_of else "scheduled"


# --- The marts ----------------------------------------------------------------------------------------------


def bookings_fact(bookings: Iterable[Booking], moment: Moment) -> list[tuple]:
    """The columns of bookings_fact, the lead time in whole seconds between the seconds shown."""
    found = []
    for one in bookings:
        booked_date, start_at = moment.date(one.booked_at), one.event.start_at
        is_dated = one.booked_at is not None and start_at is not None
        lead_time = _seconds_between(one.booked_at, start_at) if is_dated else None
        month = booked_date and booked_date.replace(day=1)
        found.append(
            (
                *(one.booking_id, one.last_invitee_uri, one.event_type_uri, one.event_type_name),
                *(one.channel, one.campaign, one.booked_at, booked_date, month, one.status, one.reschedule_count),
                *(start_at, one.event.end_at, lead_time, one.event.uri, one.source),
            )
        )
    return found


def daily_calls(bookings: Iterable[Booking], moment: Moment) -> Counter:
    """Bookings by date and channel."""
    return Counter((moment.date(one.booked_at), one.channel) for one in bookings if one.booked_at)


def trends(bookings: list[Booking], moment: Moment) -> list[tuple[date, int, Fraction, int]]:
    """For each date the bookings, their average over the seven days that end with it, and all up to then."""
    counts = Counter(moment.date(one.booked_at) for one in bookings if one.booked_at)
    if not counts:
        return []
    days = (max(*counts, moment.date(moment.as_of)) - min(counts)).days
    dates = [min(counts) + number * _DAY for number in range(days + 1)]
    running = [0]
    for day in dates:
        running.append(running[-1] + counts[day])
    found = []
    for number, day in enumerate(dates, 1):
        before = max(number - 7, 0)
        average = Fraction(running[number] - running[before], number - before)
        found.append((day, counts[day], average, running[number]))
    return found


def time_slots(bookings: Iterable[Booking], moment: Moment) -> Counter:
    """Bookings by the hour in which they were made, and those not canceled by the hour of the meeting."""
    slots = []
    for one in bookings:
        slots.append(("booked", one.booked_at, one.channel))
        if one.status != "canceled":
            slots.append(("meeting", one.event.start_at, one.channel))
    return Counter(
        (basis, moment.local(at).isoweekday(), moment.local(at).hour, channel) for basis, at, channel in slots if at
    )


def meeting_load(meetings: Iterable[Meeting], labels: Mapping[str, str], moment: Moment) -> list[tuple]:
    """For each host and week: e-mail, label, Monday, meetings, minutes; weeks without meetings are there, too."""
    by_host = defaultdict(list)
    for meeting in meetings:
        by_host[meeting.host_uri].append(meeting)
    order = sorted(by_host, key=lambda host: (min(one.start_at for one in by_host[host]), host))
    found, numbers = [], count(1)
    for host in order:
        email = by_host[host][0].host_email
        # Numbers go to those who have no label.
        label = labels.get(email) or f"Host {next(numbers)}"
        weeks = defaultdict(list)
        for one in by_host[host]:
            weeks[moment.week(one.start_at)].append(one)
        week, last = min(weeks), max(*weeks, moment.week(moment.as_of))
        while week <= last:
            minutes = sum((one.minutes for one in weeks[week]), Fraction(0))
            found.append((email, label, week, len(weeks[week]), minutes))
            week += 7 * _DAY
    return found


def scheduled_events_fact(organization: Organization, moment: Moment) -> list[tuple]:
    """The columns of scheduled_events_fact."""
    return [
        (
            *(event.uri, event.event_type_uri, *organization.channel(event, event.created_at)),
            *(event.status, event.status == "active", event.created_at, event.start_at, event.end_at),
            *(moment.date(event.start_at), minutes_between(event.start_at, event.end_at), len(event.hosts)),
        )
        for event in organization.events.values()
    ]


def webhook_invitee_fact(organization: Organization, moment: Moment) -> list[tuple]:
    """The columns of webhook_invitee_fact: of deliveries about the same thing the one that was sent last.

    But for when it came, which is that of the first to come.
    """
    sources, first_receipts = organization.sources, organization.sources.first_receipts
    alike = defaultdict(list)
    for delivery, (body, _) in zip(sources.deliveries, sources.receipts, strict=True):
        if is_about_invitee(delivery):
            payload = delivery["payload"]
            canceled_at = (payload.get("cancellation") or {}).get("created_at")
            about = uri(_mark(payload).get("uri")) or instant(canceled_at) or instant(payload.get("updated_at"))
            sent_at, received_at = instant(delivery["created_at"]), first_receipts[body]
            arrival = (received_at or sent_at, sent_at, received_at)
            alike[delivery["event"], uri(payload["uri"]), about].append((delivery, arrival))
    found = []
    for several in alike.values():
        delivery, _ = max(several, key=lambda one: instant(one[0]["created_at"]))
        came_at, sent_at, received_at = min((arrival for _, arrival in several), key=lambda arrival: arrival[0])
        payload = delivery["payload"]
        event_uri = event_uri_of(payload)
        unknown = Event(event_uri, None, None, "active", None, None, None, {})
        event = organization.events.get(event_uri, unknown)
        created_at = instant(payload.get("created_at")) or organization.invitees[uri(payload["uri"])].created_at
        found.append(
            (
                *(uri(payload["uri"]), event_uri, delivery["event"], payload["name"], payload["email"]),
                *(came_at, moment.date(came_at), sent_at, received_at),
                *(received_at and (received_at - sent_at).total_seconds(), *organization.channel(event, created_at)),
            )
        )
    return found
