"""Small random Calendly organizations, drawn so that they often stand on the edge of a rule, and what is seen of them.

A world is drawn as plain data: what people did, and what of it API, webhooks and export came to know, and how garbled.
`seen` replays it through the fictional organization of the demo. All worlds share one warehouse; what keeps them apart
is the world's number, from which its URIs, names and channels are made.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bookings_by_hand import Moment, Period, Sources, instant, is_about_invitee
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ingestion.demo.calendly_history import CalendlyHistory, event_of, written
from ingestion.receipts import line_of

# Half past one on the night in which New York's clocks show it for the second time, with bookings after it; and an hour
# at which it is Monday in Berlin and Sunday in New York, after all of them.
FIRST_MOMENT = Moment(datetime(2025, 11, 2, 6, 30), ZoneInfo("America/New_York"))
LATER_MOMENT = Moment(datetime(2026, 3, 2, 4, 30), ZoneInfo("Europe/Berlin"))

# What of the API's documents the marts are made of.
API_KINDS = ("organization_memberships", "event_types", "scheduled_events", "invitees")

_INSTANT = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)

# The time of a delivery is rounded, and of two deliveries of one body the later may be the first to come.
_DELAYS = (None, 0.25, 3600.5, -0.75)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class EventType:
    """A way to meet; the channel map may speak of it by URI, by name, by both or not at all.

    Attributes:
        kind: solo, group or collective.
        minutes: How long a meeting lasts.
        mapped_by: What the rows of the channel map have of it, a subset of {"uri", "name"}.
        channels: Channel and campaign in each period; None is a gap.
        turns: Where one period ends and the next begins: the number of an invitee, and how long after its creation.
    """

    kind: str
    minutes: int
    mapped_by: frozenset[str]
    channels: tuple[tuple[str, str | None] | None, ...]
    turns: tuple[tuple[int, timedelta], ...]


@dataclass(frozen=True)
class Act:
    """Something that somebody did.

    Attributes:
        kind: book, join, cancel, cancel_event, reschedule, mark or unmark.
        wait: The time since the act before.
        target: The number of an event type, or of one of the invitees to whom it can be done.
        start: When the meeting begins, or how long after the act.
    """

    kind: str
    wait: timedelta
    target: int
    start: datetime | timedelta


@dataclass(frozen=True)
class Flaw:
    """Something that makes the documents different from those of a healthy organization: see `_FLAWS`."""

    kind: str
    one: int
    other: int


@dataclass(frozen=True)
class World:
    """An organization, what happened in it, and what is known of that in a first and in a second step.

    Attributes:
        begins_at: When the first thing happened.
        host_count: How many hosts there are.
        has_host_emails: Whether events name their hosts' e-mails.
        event_types: What can be booked.
        acts: What happened.
        reads: How many acts the API had seen when it was read for the first and the second time; None if it was not.
        fates: In which step the deliveries come, in turn: 1, 2, or 0 for never.
        exported: Invitees that the CSV export has: number, whether with Calendly's ids, and the step.
        flaws: What is wrong with the documents.
        aliases: Other names of channels.
        labels: How many hosts the company calls by a name.
        has_other_map: Whether the company turns its channel map round before the second step.
    """

    begins_at: datetime
    host_count: int
    has_host_emails: bool
    event_types: tuple[EventType, ...]
    acts: tuple[Act, ...]
    reads: tuple[int | None, int | None]
    fates: tuple[int, ...]
    exported: tuple[tuple[int, bool, int], ...]
    flaws: tuple[Flaw, ...]
    aliases: tuple[tuple[str, str], ...]
    labels: int
    has_other_map: bool


@dataclass(frozen=True)
class Posted:
    """A delivery on its way into a file.

    Attributes:
        document: What Calendly sent.
        step: When it comes: 1 or 2.
        spelling: 0 is one line, 1 has spaces, 2 is pretty-printed and 3 has its keys the other way round.
        wait: How many seconds after it was sent the receiver kept it; None if its file does not say when it came.
    """

    document: dict
    step: int
    spelling: int
    wait: float | None = None

    @property
    def received_at(self) -> datetime | None:
        """When the receiver kept it."""
        return None if self.wait is None else instant(self.document["created_at"]) + timedelta(seconds=self.wait)

    @property
    def text(self) -> str:
        """The delivery as it stands in a file."""
        return line_of(self.body.encode(), {}, self.received_at.replace(tzinfo=UTC)) if self.received_at else self.body

    @property
    def body(self) -> str:
        """The delivery as it was sent."""
        match self.spelling:
            case 0:
                return json.dumps(self.document, separators=(",", ":"), ensure_ascii=False)
            case 1:
                return json.dumps(self.document)
            case 2:
                return json.dumps(self.document, indent=2)
        return json.dumps(dict(reversed(self.document.items())))


@dataclass(frozen=True)
class Seen:
    """What is known of one world.

    Attributes:
        world: How it was drawn.
        mark: What its names, e-mails and channels begin with.
        uris: Those of its invitees, events and users.
        reads: What each of the two readings of the API gave, by kind of document.
        posted: The deliveries.
        exported: Rows of the export, each with its step.
        periods: The channel map in the first and in the second step.
        aliases: Other names of channels.
        labels: What the company calls its hosts, by e-mail.
    """

    world: World
    mark: str
    uris: frozenset[str]
    reads: tuple[dict[str, list[dict]], dict[str, list[dict]]]
    posted: tuple[Posted, ...]
    exported: tuple[tuple[dict, int], ...]
    periods: tuple[tuple[Period, ...], tuple[Period, ...]]
    aliases: dict[str, str]
    labels: dict[str, str]

    def is_told_of(self, row: tuple) -> bool:
        """Whether a row of a mart is about this world."""
        texts = [value for value in row if isinstance(value, str)]
        return any(text in self.uris or text.startswith((self.mark, self.mark.upper())) for text in texts)

    def sources(self, *, is_later: bool) -> Sources:
        """What is known after the first or the second step; a document that the API gave once is not forgotten."""
        steps = (1, 2) if is_later else (1,)
        landed = {}
        for read in self.reads[: len(steps)]:
            for kind, documents in read.items():
                landed.setdefault(kind, {}).update({document["uri"]: document for document in documents})

        def all_of(kind: str) -> tuple[dict, ...]:
            return tuple(landed.get(kind, {}).values())

        return Sources(
            event_types=all_of("event_types"),
            memberships=all_of("organization_memberships"),
            events=all_of("scheduled_events"),
            invitees=all_of("invitees"),
            deliveries=tuple(posted.document for posted in self.posted if posted.step in steps),
            receipts=tuple(
                # Bodies that differ only in their layout are one.
                (json.dumps(json.loads(posted.body)), posted.received_at)
                for posted in self.posted
                if posted.step in steps
            ),
            export=tuple(row for row, step in self.exported if step in steps),
            periods=self.periods[is_later],
            aliases=self.aliases,
        )


# --- Drawing a world ----------------------------------------------------------------------------------------

# Around the nights in which clocks change, ends of weeks and months, and the moments at which the marts are looked at.
_BEGINNINGS = [
    datetime(2025, 3, 9, 6, 30),
    datetime(2025, 10, 25, 22, 30),
    datetime(2025, 10, 26, 0, 59, 59, 999_999),
    datetime(2025, 10, 31, 23, 59, 59, 999_999),
    datetime(2025, 11, 2, 4, 59, 59),
    FIRST_MOMENT.as_of - _SECOND,
    datetime(2024, 12, 29, 23, 15),
    datetime(2025, 11, 20),
]
_WAITS = [_INSTANT, _SECOND, 20 * _MINUTE, 5 * _HOUR, _DAY, 8 * _DAY]
_STARTS = [
    *(15 * _MINUTE, _HOUR, 26 * _HOUR, 7 * _DAY, 30 * _DAY),
    *(FIRST_MOMENT.as_of, FIRST_MOMENT.as_of - _HOUR, FIRST_MOMENT.as_of + _INSTANT),
    *(LATER_MOMENT.as_of, LATER_MOMENT.as_of - _INSTANT, LATER_MOMENT.as_of + _INSTANT),
    *(datetime(2025, 10, 26, 0, 30), datetime(2025, 10, 26, 1, 30), datetime(2025, 11, 2, 5, 30)),
    datetime(2025, 11, 3, 4, 30),
]
_CHANNELS = [
    ("facebook", "spring"),
    ("fb", None),
    ("youtube", "spring"),
    ("youtube", "Übung, zwei"),
    ("facebook", None),
]
_TURNS = [timedelta(0), _INSTANT, -_INSTANT, -_HOUR, _DAY]
# How the name of a channel in the map may be spelt, and what the company makes of it.
_ALIASES = [(), (("fb", "facebook"),), (("fb", "facebook"), ("youtube", "Video"))]

# The last two are names that not every database knows.
_ZONES = ["America/New_York", "Europe/Berlin", "Asia/Calcutta", "US/Eastern"]
_STORIES = [
    ["book", "cancel"],
    ["book", "reschedule"],
    ["book", "reschedule", "reschedule"],
    ["book", "reschedule", "reschedule", "cancel"],
    ["book", "mark"],
    ["book", "mark", "unmark"],
    ["book", "join", "join", "cancel"],
    ["book", "join", "reschedule", "mark"],
    ["book", "join", "cancel_event"],
]
_ACTS = ["book", "book", "join", "cancel", "cancel_event", "reschedule", "reschedule", "mark", "unmark"]
_FLAWS = [
    # Deliveries: gone, come again in another layout, sent again later with another name, or in the old layout.
    *("lost", "repeated", "resent", "legacy", "legacy without event"),
    *("legacy without status", "legacy without status"),
    # Other spellings of the same: URIs on other hosts, fewer digits, keys that are missing, a mark that is no object.
    *("other host", "api path", "few digits", "bare", "false mark", "no event in payload"),
    *("api path in links",),
    # Times that say less than they should.
    *("same update", "same update", "same mark", "same mark", "undated"),
    # Chains that are broken, knotted or joined.
    *("erased", "erased between", "cut forwards", "cut backwards", "fork", "loop", "loop", "join", "self"),
    # Events of which less is known.
    *("no hosts", "no event type", "erased event"),
]
_WHENCE = [
    # (first and second reading of the API as shares of the acts, steps of the deliveries)
    ((None, None), (1,)),
    ((None, None), (1, 2)),
    ((None, None), (2, 1, 1)),
    ((1, None), (0,)),
    ((0.5, 1), (0,)),
    ((1, 1), (1,)),
    ((0.5, None), (1,)),
    ((None, 0.7), (1, 1, 2)),
    ((0.6, 1), (1, 0, 2)),
    ((1, None), (1, 0, 0)),
    ((0.3, 0.8), (2, 1)),
    ((None, None), (0,)),
]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A few people, event types and acts, and what becomes known of them."""

    def one(elements: list) -> object:
        return draw(st.sampled_from(elements))

    def some(elements: list, least: int, most: int) -> list:
        return draw(st.lists(st.sampled_from(elements), min_size=least, max_size=most))

    def number() -> int:
        return draw(st.integers(0, 11))

    kinds = some(["solo", "solo", "group", "collective"], 1, 3)
    event_types = []
    for kind in kinds:
        channels = some([*_CHANNELS, *_CHANNELS, None], 1, 3)
        turns = [(number(), one(_TURNS)) for _ in channels]
        mapped_by = one([{"uri"}, {"uri", "name"}, {"uri", "name"}, {"uri", "name"}, {"name"}, set()])
        event_types.append(
            EventType(kind, one([15, 30, 50]), frozenset(mapped_by), tuple(channels), tuple(turns[: len(channels) - 1]))
        )
    stories = [act for story in some(_STORIES, 1, 2) for act in story] + some(_ACTS, 0, 4)
    acts = [Act(kind, one(_WAITS), number(), one(_STARTS)) for kind in stories]
    reads, fates = one(_WHENCE)
    exported = [
        (number(), draw(st.booleans()), one([1, 1, 2])) for _ in range(one([3] if set(fates) == {0} else [0, 0, 0, 2]))
    ]
    return World(
        one(_BEGINNINGS),
        one([1, 2, 3]),
        draw(st.booleans()),
        tuple(event_types),
        tuple(acts),
        tuple(share and round(share * len(acts)) for share in reads),
        fates,
        tuple(exported),
        tuple(Flaw(kind, number(), number()) for kind in some(_FLAWS, 0, 3)),
        one(_ALIASES),
        one([0, 1]),
        one([False, False, True]),
    )


def drawn_worlds(rounds: int) -> list[World]:
    """Distinct worlds, up to ten in a round; the same ones in every run of the same code."""
    found = []

    def keep(world: World) -> None:
        if world not in found:
            found.append(world)

    # Within a round many worlds are variations of one another.
    for number in range(rounds):
        seed(number)(
            settings(
                max_examples=10,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )(given(worlds())(keep))
        )()
    return found


# --- What is wrong with the documents -----------------------------------------------------------------------


def _copied(document: dict) -> dict:
    """A copy that shares nothing with another one, not even what stands twice in it."""
    return json.loads(json.dumps(document))


def _respelt(document: object, host: str) -> object:
    """The same with another host in its URIs; what has another one already keeps it."""
    return json.loads(re.sub(r"https://api\.calendly\.com/(?!api/)", f"https://{host}/", json.dumps(document)))


class _Draft:
    """The documents of one world while its flaws are brought in."""

    def __init__(self, reads: list[dict], posted: list[Posted], invitees: list[str]) -> None:
        self.reads = [_copied(read) for read in reads]
        self.posted = [replace(one, document=_copied(one.document)) for one in posted]
        self.invitees = invitees

    def documents(self, uri: str) -> list[dict]:
        """Everything that is said about an invitee."""
        return [one for one in (*self._read("invitees"), *self._payloads()) if one["uri"] == uri]

    def event_documents(self, uri: str) -> list[dict]:
        """Everything that is said about a scheduled event."""
        embedded = [one["scheduled_event"] for one in self._payloads() if "scheduled_event" in one]
        return [one for one in (*self._read("scheduled_events"), *embedded) if one["uri"] == uri]

    def forget(self, kind: str, uri: str) -> None:
        """Takes a document out of what the API said."""
        for read in self.reads:
            if kind in read:
                read[kind] = [one for one in read[kind] if one["uri"] != uri]

    def _read(self, kind: str) -> list[dict]:
        return [document for read in self.reads for document in read.get(kind, [])]

    def _payloads(self) -> list[dict]:
        return [one.document["payload"] for one in self.posted if is_about_invitee(one.document)]

    def bring_in(self, flaw: Flaw) -> None:
        """Makes the documents worse in one way."""
        uri = self.invitees[flaw.one % len(self.invitees)]
        other = self.invitees[flaw.other % len(self.invitees)]
        if self.posted:
            self._spoil_delivery(flaw, flaw.one % len(self.posted))
        self._spoil_chain(flaw.kind, uri, other)
        self._spoil_event(flaw, event_of(uri))

    def _spoil_delivery(self, flaw: Flaw, number: int) -> None:
        post = self.posted[number]
        document, payload = post.document, post.document["payload"]
        match flaw.kind:
            case "lost":
                del self.posted[number]
            case "repeated":
                wait = _DELAYS[flaw.other // 4 % 4]
                self.posted.append(Posted(_copied(document), 1 + flaw.other % 2, flaw.other % 4, wait))
            case "resent":
                again = _copied(document)
                again["created_at"] = written(instant(document["created_at"]) + _MINUTE)
                again["payload"]["name"] = "Ada Again"
                self.posted.append(Posted(again, 1 + flaw.other % 2, 0, _DELAYS[flaw.other // 4 % 4]))
            case "legacy" | "legacy without event":
                self._make_legacy(payload, flaw.kind)
            case "legacy without status":
                gone = self._gone(flaw.one) or payload
                for one in self._payloads():
                    if one["uri"] == gone["uri"]:
                        self._make_legacy(one, flaw.kind)
            case "other host":
                self.posted[number] = replace(post, document=_respelt(document, "calendly.com"))
            case "api path":
                self.posted[number] = replace(post, document=_respelt(document, "api.calendly.com/api/v2"))
            case "few digits":
                text = json.dumps(document)
                for digits in ("000000", "000"):
                    text = text.replace(f"{digits}Z", "Z").replace(".Z", "Z")
                self.posted[number] = replace(post, document=json.loads(text))
            case "bare":
                document["payload"] = {name: value for name, value in payload.items() if value not in (None, "", [])}
            case "false mark":
                payload["no_show"] = payload.get("no_show") or False
            case "no event in payload":
                payload.pop("event", None)
            case "same update":
                payload = self._gone(flaw.one) or payload
                payload["updated_at"] = min(one["updated_at"] for one in self.documents(payload["uri"]))

    def _gone(self, number: int) -> dict | None:
        """What was delivered of one of those who canceled for good, if there are any."""
        gone = [one for one in self._payloads() if one.get("status") == "canceled" and not one["rescheduled"]]
        return gone[number % len(gone)] if gone else None

    @staticmethod
    def _make_legacy(payload: dict, kind: str) -> None:
        if "status" in payload:
            payload["canceled"] = payload["status"] == "canceled"
        newer = {"scheduled_event", "no_show", "payment", "first_name", "last_name", "reconfirmation"}
        newer |= {"scheduling_method", "invitee_scheduled_by", "routing_form_submission"}
        if kind == "legacy without status":
            newer.add("status")
        if kind == "legacy without event":
            newer.add("event")
        for name in newer:
            payload.pop(name, None)
        (payload.get("cancellation") or {}).pop("created_at", None)

    def _spoil_chain(self, kind: str, uri: str, other: str) -> None:
        documents = self.documents(uri)
        match kind:
            case "same mark":
                for post in self.posted:
                    payload = post.document["payload"]
                    if post.document["event"].startswith("invitee_no_show."):
                        payload["updated_at"] = min(one["updated_at"] for one in self.documents(payload["uri"]))
            case "undated":
                for document in documents:
                    document["created_at"] = "soon"
            case "api path in links":
                for document in documents:
                    for name in ("event", "old_invitee", "new_invitee"):
                        document[name] = document.get(name) and _respelt(document[name], "api.calendly.com/api/v2")
            case "erased":
                self._erase(uri)
            case "erased between":
                for moved in self.invitees[1:-1]:
                    if any(one.get("old_invitee") and one.get("new_invitee") for one in self.documents(moved)):
                        self._erase(moved)
            case "cut forwards":
                for document in documents:
                    document["new_invitee"] = None
            case "cut backwards":
                for document in documents:
                    document["old_invitee"] = None
            case "loop" | "self":
                for document in documents:
                    document["old_invitee"] = uri if kind == "self" else other
            case "join" if uri != other:
                for document in self.documents(other):
                    document |= {"status": "canceled", "rescheduled": True, "new_invitee": uri}
            case "fork":
                self._fork(uri, other)

    def _erase(self, uri: str) -> None:
        self.forget("invitees", uri)
        self.posted = [one for one in self.posted if one.document["payload"].get("uri") != uri]

    def _fork(self, uri: str, other: str) -> None:
        """Adds an invitee like another who takes the place of a link that may have a follower already."""

        def twin(document: dict) -> dict:
            created_at = written((instant(document["created_at"]) or instant(document["updated_at"])) + _SECOND)
            return _copied(document) | {
                "uri": f"{document['uri']}-twin",
                "created_at": created_at,
                "updated_at": max(created_at, document["updated_at"]),
                "old_invitee": uri,
                "new_invitee": None,
            }

        for read in self.reads:
            read.setdefault("invitees", []).extend(twin(one) for one in read.get("invitees", []) if one["uri"] == other)
        for post in list(self.posted):
            payload = post.document["payload"]
            if post.document["event"] == "invitee.created" and payload["uri"] == other:
                self.posted.append(replace(post, document=post.document | {"payload": twin(payload)}))

    def _spoil_event(self, flaw: Flaw, uri: str) -> None:
        match flaw.kind:
            case "no hosts":
                for document in self.event_documents(uri)[flaw.other % 2 :]:
                    document["event_memberships"] = []
            case "no event type":
                for document in self.event_documents(uri)[:: 1 + flaw.other % 2]:
                    document["event_type"] = None
            case "erased event":
                self.forget("scheduled_events", uri)


# --- Replaying it -------------------------------------------------------------------------------------------


class Replay:
    """A world's acts, done one after the other in an organization of their own.

    Attributes:
        mark: What stands at the beginning of names, e-mails and channels.
        history: The organization.
        hosts: URIs of the users.
        event_types: URIs of what can be booked.
        invitees: URIs of all invitees, in the order in which they came.
        instants: When each act happened.
    """

    def __init__(self, world: World, number: int) -> None:
        """Does all that the world says."""
        self.mark = f"w{number:03}-"
        self.history = CalendlyHistory(self.mark)
        before = world.begins_at - _DAY
        names = [f"{self.mark}Host{one}" for one in range(world.host_count)]
        self.hosts = [self.history.add_host(name, f"{name}@Example.com", before) for name in names]
        self._pools = [one.kind for one in world.event_types]
        self.event_types = [
            self.history.add_event_type(
                f"{self.mark}{one.kind} {position}",
                self.hosts,
                before,
                minutes=one.minutes,
                pooling="collective" if one.kind == "collective" else "round_robin",
                seats=99 if one.kind == "group" else 1,
            )
            for position, one in enumerate(world.event_types)
        ]
        self.invitees: list[str] = []
        self.instants: list[datetime] = []
        # Invitees who are still expected, the marked ones among them, and group events: type, begin and URI.
        self._active: list[str] = []
        self._marked: list[str] = []
        self._groups: list[tuple[str, datetime, str]] = []
        self._type_of: dict[str, str] = {}
        for act in world.acts:
            at = self.instants[-1] + act.wait if self.instants else world.begins_at
            self.instants.append(at)
            starts_at = at + act.start if isinstance(act.start, timedelta) else max(act.start, at + _MINUTE)
            self._do(act, at, starts_at)

    def _do(self, act: Act, at: datetime, starts_at: datetime) -> None:
        """Does an act; what cannot be done is a booking instead."""

        def one(elements: list[str]) -> str:
            return elements[act.target % len(elements)]

        unmarked = [invitee for invitee in self._active if invitee not in self._marked]
        groups = [
            (event_type, begins_at)
            for event_type, begins_at, event in self._groups
            if begins_at > at and sum(map(event.__eq__, map(event_of, self._active))) in (1, 2)
        ]
        match act.kind:
            case "cancel" if unmarked:
                self._end(invitee := one(unmarked))
                self.history.cancel(invitee, at, reason="" if act.target % 2 else "busy")
            case "cancel_event" if unmarked:
                event = event_of(one(unmarked))
                self.history.cancel_event(event, at)
                for invitee in [invitee for invitee in self._active if event_of(invitee) == event]:
                    self._end(invitee)
            case "reschedule" if unmarked:
                self._end(invitee := one(unmarked))
                host = None if act.target % 3 else one(self.hosts)
                self._begin(
                    self.history.reschedule(invitee, at, starts_at, host=host), self._type_of[invitee], starts_at
                )
            case "mark" if unmarked:
                self._marked.append(one(unmarked))
                self.history.mark_no_show(self._marked[-1], at)
            case "unmark" if self._marked:
                self.history.unmark_no_show(invitee := one(self._marked), at)
                self._marked.remove(invitee)
            case "join" if groups:
                self._book(*groups[act.target % len(groups)], at, act.target)
            case _:
                self._book(one(self.event_types), starts_at, at, act.target)

    def _book(self, event_type: str, starts_at: datetime, at: datetime, target: int) -> None:
        name = f"{self.mark}guest{len(self.invitees)}"
        guests = ["one@example.com", "two@example.com"][: target % 3]
        invitee = self.history.book(
            event_type,
            at,
            starts_at,
            name=name,
            email=f"{name}@example.com",
            host=self.hosts[target % len(self.hosts)],
            timezone=_ZONES[target % len(_ZONES)],
            answers=[("Why?", "So"), ("Why else?", "So,\nthere")][: target % 3],
            guests=guests,
        )
        self._begin(invitee, event_type, starts_at)

    def _begin(self, invitee: str, event_type: str, starts_at: datetime) -> None:
        self.invitees.append(invitee)
        self._active.append(invitee)
        self._type_of[invitee] = event_type
        if self._pools[self.event_types.index(event_type)] == "group":
            self._groups.append((event_type, starts_at, event_of(invitee)))

    def _end(self, invitee: str) -> None:
        self._active.remove(invitee)
        if invitee in self._marked:
            self._marked.remove(invitee)

    def read(self, acts: int | None) -> dict[str, list[dict]]:
        """What the API says after so many acts; nothing if it is not asked."""
        if acts is None:
            return {}
        whole = self.history.organization(self.instants[acts - 1] if acts else self.instants[0] - _INSTANT)
        return {kind: whole[kind] for kind in API_KINDS}


def seen(world: World, number: int) -> Seen:
    """What becomes known of a world, which gets this number."""
    replay = Replay(world, number)
    whole = replay.history.organization()
    posted = [
        Posted(document, step, position % 3, _DELAYS[position % 4])
        for position, document in enumerate(replay.history.deliveries())
        if (step := world.fates[position % len(world.fates)])
    ]
    draft = _Draft([replay.read(acts) for acts in world.reads], posted, replay.invitees)
    if not world.has_host_emails:
        for event in whole["scheduled_events"]:
            for document in draft.event_documents(event["uri"]):
                for membership in document["event_memberships"]:
                    del membership["user_email"]
    for flaw in world.flaws:
        draft.bring_in(flaw)
    created_at = {document["uri"]: instant(document["created_at"]) for document in whole["invitees"]}
    turns = [created_at[uri] for uri in replay.invitees]
    return Seen(
        world,
        replay.mark,
        frozenset({*created_at, *map(event_of, created_at), *replay.hosts}),
        tuple(draft.reads),
        tuple(draft.posted),
        tuple(_exported(world, replay, whole)),
        tuple(tuple(_periods(world, replay, turns, is_other=is_other)) for is_other in (False, world.has_other_map)),
        {f"{replay.mark}{name}": f"{replay.mark}{other}" for name, other in world.aliases},
        {f"{replay.mark}host{one}@example.com": f"{replay.mark}Label {one}" for one in range(world.labels)},
    )


def _exported(world: World, replay: Replay, whole: dict) -> Iterator[tuple[dict, int]]:
    """Rows of the CSV export, which knows neither seconds nor links, with the step in which they come."""
    invitees = {document["uri"]: document for document in whole["invitees"]}
    events = {document["uri"]: document for document in whole["scheduled_events"]}
    # Each invitee once, with ids or without.
    chosen = {replay.invitees[one % len(replay.invitees)]: rest for one, *rest in world.exported}
    for uri, (has_ids, step) in chosen.items():
        invitee, event = invitees[uri], events[event_of(uri)]
        host = event["event_memberships"][0]
        own_ids = (f"calendly_export:{uri[-36:]}", f"calendly_export:{event['uri'][-36:]}")
        invitee_uri, event_uri = (uri, event["uri"]) if has_ids else own_ids
        row = {
            "invitee_uri": invitee_uri,
            "scheduled_event_uri": event_uri,
            "event_type_name": event["name"],
            "user_name": host["user_name"],
            "user_email": host["user_email"].lower(),
            "invitee_email": invitee["email"].lower(),
            "start_at": instant(event["start_time"]).replace(second=0, microsecond=0),
            "end_at": instant(event["end_time"]).replace(second=0, microsecond=0),
            "created_at": instant(invitee["created_at"]).replace(second=0, microsecond=0),
            "is_canceled": invitee["status"] == "canceled",
            "is_no_show": invitee["no_show"] is not None,
        }
        yield row, step


def _periods(world: World, replay: Replay, turns: list[datetime], *, is_other: bool) -> Iterator[Period]:
    """The rows of the channel map; the other map has the same periods with the channels in reverse order."""
    for position, (event_type, uri) in enumerate(zip(world.event_types, replay.event_types, strict=True)):
        ends = sorted({turns[one % len(turns)] + offset for one, offset in event_type.turns})
        bounds = [None, *ends, None]
        channels = event_type.channels[: len(ends) + 1]
        for number, chosen in enumerate(reversed(channels) if is_other else channels):
            if chosen and event_type.mapped_by:
                yield Period(
                    uri if "uri" in event_type.mapped_by else None,
                    f"{replay.mark}{event_type.kind} {position}" if "name" in event_type.mapped_by else None,
                    replay.mark + chosen[0],
                    chosen[1],
                    bounds[number],
                    bounds[number + 1],
                )
