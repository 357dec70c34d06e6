"""Larkfield's calls and sign-ups for webinars: who books what, when, and what becomes of it, as a Calendly history.

What an account books depends on that account alone; only then are the acts of all of them put in order.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

from ingestion.demo.addresses import (
    FORWARDING_ACCOUNTS,
    NEWSLETTER,
    NEWSLETTER_CONTACT,
    Habit,
    desk_address,
    habit,
    has_desk,
    own_address,
)
from ingestion.demo.calendly_history import CalendlyHistory, event_of
from ingestion.demo.crm import SHORT_KEY, contact_id, kept
from ingestion.demo.webinars import WEBINARS, SignUp, Webinar, next_of_its_kind, parts_of
from ingestion.demo.world import END, START, Account, Contact, Touch, World

BERLIN = ZoneInfo("Europe/Berlin")
SET_UP_AT = START - timedelta(days=42)

# From this day on the chat that TikTok's ads led to serves one of Facebook's, and those ads lead nowhere.
HANDED_OVER_AT = datetime(2026, 2, 1, tzinfo=UTC)

# A tour is booked a day ahead and left later than that: once emptied and booked again it would be another event.
_TOUR_NOTICE = timedelta(days=1)
# Accounts are spread over parallel group events, so that none is ever full.
_ACCOUNTS_IN_A_GROUP = 4_000
# The host of that month's tour was ill.
_ILL_FATED_TOUR = (2025, 12)
_ILL_FATED_NOTICE = timedelta(hours=20)


@dataclass(frozen=True)
class Host:
    """A member of Larkfield who holds meetings.

    Attributes:
        name: The full name.
        pull: The share of the meetings that are handed out in turn.
        since: When the host joined.
        until: From when on the host is given no more of them, though the membership stays.
    """

    name: str
    pull: int
    since: datetime = SET_UP_AT
    until: datetime | None = None

    @property
    def email(self) -> str:
        """The address at Larkfield."""
        return f"{self.name.lower().replace(' ', '.')}@larkfield.example.com"


@dataclass(frozen=True)
class EventType:
    """What Larkfield lets people book.

    Attributes:
        name: As Calendly has it, with the blank that somebody left at an end.
        channel: The channel that leads there, as Larkfield's map of channels spells it; None is not in the map.
        campaign: The campaign that leads there; None where the map names none.
        minutes: How long a meeting lasts.
        pooling: As Calendly calls it; None is one host, the first.
        hosts: The numbers in HOSTS of those who hold it, or who held it first.
        location: Where it is held.
        seats: How many fit into a meeting.
    """

    name: str
    channel: str | None
    campaign: str | None
    minutes: int = 30
    pooling: str | None = "round_robin"
    hosts: tuple[int, ...] = (1, 2, 3, 5)
    location: str = "zoom_conference"
    seats: int = 1


# The first owns the organization and stands in no list of those who sell.
HOSTS = (
    Host("Cira Lindmere", 0),
    Host("Maren Quillstead", 44),
    Host("Tamsin Orvinham", 20),
    Host("Nilo Belvorden", 17),
    Host("Hollis Dunvarby", 13, since=datetime(2025, 2, 3, 8, tzinfo=UTC)),
    Host("Edda Rosketon", 11, until=datetime(2026, 4, 3, tzinfo=UTC)),
    Host("Lior Wexlofield", 9, since=datetime(2025, 9, 1, 8, tzinfo=UTC)),
)

EVENT_TYPES = {
    "rota-calculator": EventType("Rota Calculator Walkthrough", "facebook_paid_ads", "rota-calculator"),
    "staffing-guide": EventType("Staffing Guide Call ", "facebook_paid_ads", "staffing-guide"),
    "product-tour": EventType("Product Tour Call", "youtube_paid_ads", "product-tour", 45),
    "customer-story": EventType("Customer Story Call", "youtube_paid_ads", "customer-story"),
    "day-in-the-life": EventType("Day in the Life Chat", "tiktok_paid_ads", "day-in-the-life", 15),
    "search-brand": EventType("Demo (Search Brand)", "Google Ads", "search-brand"),
    "search-shift-planning": EventType("Demo (Search Shift Planning)", "Google Ads", "search-shift-planning"),
    "search-rota-template": EventType("Demo (Search Rota Template)", "Google Ads", "search-rota-template"),
    "talk-to-sales": EventType("Talk to Sales", "Website", None, location="google_conference"),
    "live-tour": EventType("Live Product Tour", "Website", "live-tour", 45, pooling=None, hosts=(2,), seats=500),
    "webinar": EventType("Webinar Follow-up", "Webinar", None),
    "fair": EventType("Meet Us at the Fair", "Event", None, location="custom"),
    "outbound": EventType("Discovery Call", "Outbound", None, location="outbound_call"),
    "workshop": EventType("Solution Workshop", "Outbound", "proposal", 60, pooling="collective", hosts=(1, 2, 3)),
    "check-in": EventType("Customer Check-in", None, None, pooling=None, hosts=(0,), location="google_conference"),
    **{
        webinar.kind: EventType(
            f"{webinar.course} (webinar in {webinar.language})",
            "Webinar",
            webinar.session.campaign,
            45,
            pooling=None,
            hosts=(0,),
            location="custom",
            seats=1_000,
        )
        for webinar in WEBINARS
    },
}

# How many touches of a channel lead to a booking.
_CONVERSION = {
    "Adwords": 0.5,
    "facebook_paid_ads": 0.62,
    "youtube_paid_ads": 0.17,
    "tiktok_paid_ads": 0.09,
    "Webinar": 0.32,
    "Event": 0.15,
    "Website": 0.26,
    "Outbound": 0.12,
}
_CHECK_IN_SHARE = 0.4
_TOUR_SHARE = 0.2
_WORKSHOP_SHARE = 0.5
_FORM_SHARE = 0.2

_MOVED, _MOVED_AGAIN, _MOST_MOVES = 0.2, 0.25, 4
_CANCELED, _CANCELED_BY_HOST = 0.12, 0.2
# From then on the API tells of every move.
_TOLD_SINCE = datetime(2025, 1, 1, tzinfo=UTC)
_SHORT_KEYS, _FOR_DESK = 0.25, 0.4
_IN_NEWSLETTER = ("talk-to-sales", "live-tour")
_NO_SHOW = {"tiktok_paid_ads": 0.3, "facebook_paid_ads": 0.16, "Outbound": 0.06, "Website": 0.08}
_UNMARKED = 0.06

# From eight in the morning, in Berlin.
_START_HOURS = list(accumulate((2, 5, 10, 9, 3, 4, 9, 10, 6, 3)))
_START_DAYS = list(accumulate((9, 11, 11, 10, 6)))

# Some of them by names that the IANA database keeps for old times' sake.
_ZONES = {
    "Europe/Berlin": 40,
    "Europe/London": 18,
    "Europe/Vienna": 8,
    "America/New_York": 12,
    "America/Chicago": 7,
    "Asia/Calcutta": 6,
    "US/Pacific": 4,
    "Europe/Kiev": 3,
    "Asia/Saigon": 2,
}
_TEAMS = ("1-20", "21-100", "101-500", "more than 500")
_REASONS = ("", "", "", "Something came up", "Need a later slot", "Too early for us")

FORM_NAME = "Find your demo"
FORM_QUESTIONS = {"How many people do you schedule?": _TEAMS, "E-mail": None}


@dataclass(frozen=True)
class Step:
    """One act in the life of a booking.

    Attributes:
        at: When it happens.
        kind: submit, book, reschedule, cancel, cancel_event, mark_no_show or unmark_no_show.
        start_at: When the meeting begins, for book and reschedule.
        host: The number of the host whose turn it is; None leaves it as it is.
        reason: What was given as a reason.
        is_by_host: Whether a host did it.
        email: The address that the invitee gives from then on; None leaves it as it is.
    """

    at: datetime
    kind: str
    start_at: datetime | None = None
    host: int | None = None
    reason: str = ""
    is_by_host: bool = False
    email: str | None = None


@dataclass(frozen=True)
class Booking:
    """A call that somebody books.

    Attributes:
        contact: Who books.
        email: The address that the contact gives, as it is typed.
        event_type: What is booked, a key of EVENT_TYPES.
        timezone: The contact's.
        answers: Questions with their answers.
        tracking: UTM parameters, and the key of a contact of the CRM where a link has one.
        guests: Whom the contact brings along.
        reminder_number: A telephone number.
        is_by_host: Whether a host books in the contact's name.
        steps: What happens, in order of time.
    """

    contact: Contact
    email: str
    event_type: str
    timezone: str
    answers: tuple[tuple[str, str], ...]
    tracking: dict[str, str]
    guests: tuple[str, ...]
    reminder_number: str | None
    is_by_host: bool
    steps: tuple[Step, ...]

    @property
    def at(self) -> datetime:
        """When it is made."""
        return next(step.at for step in self.steps if step.kind == "book")


def _event_type(rng: Random, touch: Touch) -> str | None:
    """Return where a touch leads."""
    kind = rng.random()
    match touch.channel.name:
        case "Website":
            return "live-tour" if kind < _TOUR_SHARE else "talk-to-sales"
        case "Webinar":
            return "webinar"
        case "Event":
            return "fair"
        case "Outbound":
            return "workshop" if touch.campaign == "proposal" and kind < _WORKSHOP_SHARE else "outbound"
        case "tiktok_paid_ads":
            return "day-in-the-life" if touch.at < HANDED_OVER_AT else None
        case "facebook_paid_ads" if touch.campaign == "rota-calculator" and touch.at >= HANDED_OVER_AT:
            return "day-in-the-life" if kind < _WORKSHOP_SHARE else touch.campaign
    return touch.campaign


def _booked_at(rng: Random, touch: Touch) -> datetime:
    """Draw when a touch leads to a booking: from an ad at once, from a webinar after it, from a fair days later."""
    soon = timedelta(seconds=rng.randrange(90, 2_400), microseconds=rng.randrange(1_000_000))
    if touch.session:
        return touch.session.ends_at + soon + timedelta(hours=int(70 * rng.random() * rng.random() * rng.random()))
    return touch.at + soon


def _start_at(rng: Random, at: datetime, most_days: int) -> datetime:
    """Draw when a meeting begins that is booked at an instant: on a working day in Berlin, days later."""
    day = at.astimezone(BERLIN).date() + timedelta(days=1 + int(most_days * rng.random() * rng.random()))
    # Whoever would come to a weekend takes a day of the week after.
    if day.weekday() >= 5:
        day += timedelta(days=7 - day.weekday() + rng.choices(range(5), cum_weights=_START_DAYS)[0])
    hour = 8 + rng.choices(range(len(_START_HOURS)), cum_weights=_START_HOURS)[0]
    return datetime.combine(day, time(hour, rng.choice((0, 30))), BERLIN).astimezone(UTC)


def _parallel(account: Account) -> timedelta:
    """Return by how much later than the first an account's group event begins."""
    return timedelta(minutes=account.number // _ACCOUNTS_IN_A_GROUP)


def _tour_after(at: datetime, account: Account) -> datetime:
    """Return when the next live tour begins that can still be booked: on a month's second Wednesday."""
    month = at.astimezone(BERLIN).date().replace(day=1)
    while True:
        day = month + timedelta(days=(2 - month.weekday()) % 7 + 7)
        start_at = datetime.combine(day, time(15, 0), BERLIN).astimezone(UTC) + _parallel(account)
        if start_at > at + _TOUR_NOTICE:
            return start_at
        month = (month + timedelta(days=32)).replace(day=1)


def _host(rng: Random, event_type: str, at: datetime) -> int | None:
    """Draw whose turn it is, None where nobody chooses."""
    if EVENT_TYPES[event_type].pooling != "round_robin":
        return None
    pulls = [host.pull if host.since <= at and not (host.until and host.until <= at) else 0 for host in HOSTS]
    return rng.choices(range(len(HOSTS)), pulls)[0]


def _steps(rng: Random, account: Account, channel: str, event_type: str, at: datetime) -> Iterator[Step]:
    """Live through a booking from its first act."""
    is_tour = event_type == "live-tour"
    if event_type == "talk-to-sales" and rng.random() < _FORM_SHARE:
        yield Step(at - timedelta(seconds=50), "submit")
    start_at = _tour_after(at, account) if is_tour else _start_at(rng, at, 12)
    yield Step(at, "book", start_at, _host(rng, event_type, at))
    if is_tour and (start_at.year, start_at.month) == _ILL_FATED_TOUR:
        yield Step(start_at - _ILL_FATED_NOTICE, "cancel_event", reason="The host is ill")
        return
    chance = 0.0 if is_tour else _MOVED
    for _ in range(_MOST_MOVES):
        if rng.random() >= chance:
            break
        chance = _MOVED_AGAIN
        at = _between(rng, at, start_at)
        start_at = _start_at(rng, max(at, start_at - timedelta(days=1)), 9)
        host = _host(rng, event_type, at) if rng.random() < 0.2 else None
        yield Step(at, "reschedule", start_at, host, rng.choice(_REASONS), is_by_host=rng.random() < 0.25)
    if rng.random() < _CANCELED:
        is_by_host = not is_tour and rng.random() < _CANCELED_BY_HOST
        kind = "cancel_event" if is_by_host else "cancel"
        at = _between(rng, start_at - _TOUR_NOTICE if is_tour else at, start_at)
        yield Step(at, kind, reason=rng.choice(_REASONS))
    elif rng.random() < _NO_SHOW.get(channel, 0.1):
        at = start_at + timedelta(minutes=rng.randint(20, 300), microseconds=rng.randrange(1_000_000))
        yield Step(at, "mark_no_show")
        if rng.random() < _UNMARKED:
            yield Step(at + timedelta(minutes=rng.randint(5, 2_000)), "unmark_no_show")


def _between(rng: Random, at: datetime, start_at: datetime) -> datetime:
    """Draw an instant after a booking and well before its meeting."""
    return at + (start_at - timedelta(hours=2) - at) * (0.05 + 0.9 * rng.random())


def _booking(
    rng: Random, account: Account, contact: Contact, channel: str, event_type: str, steps: Iterator[Step]
) -> Booking:
    happened = tuple(step for step in steps if step.at < END)
    tracking = {}
    if rng.random() < 0.06:
        # As in life: what stands in UTM parameters is not always one.
        is_address = rng.random() < 0.2
        tracking = {"utm_source": channel.partition("_")[0].lower(), "utm_medium": "cpc"}
        tracking["utm_campaign"] = f"192.0.2.{rng.randrange(256)}" if is_address else event_type
    others = [other.email for other in account.contacts if other is not contact]
    is_phoned = rng.random() < 0.5
    return Booking(
        contact,
        # Nobody can be relied on to type in lower case.
        contact.email if rng.random() > 0.05 else contact.email.capitalize(),
        event_type,
        rng.choices(list(_ZONES), list(_ZONES.values()))[0],
        (("How large is your team?", rng.choice(_TEAMS)), ("What would you like to talk about?", "Shifts,\nand cover"))[
            : rng.randint(0, 2)
        ],
        tracking,
        tuple(rng.sample(others, rng.randint(1, min(2, len(others)))))
        if others and EVENT_TYPES[event_type].seats == 1 and rng.random() < 0.04
        else (),
        f"+1 555 01{rng.randrange(100):02d}" if is_phoned else None,
        channel == "Outbound",
        happened,
    )


def _sign_up_steps(webinar: Webinar, account: Account, sign_up: SignUp) -> Iterator[Step]:
    """Yield what becomes of a sign-up for a webinar."""
    yield Step(sign_up.at, "book", webinar.session.starts_at + _parallel(account))
    later = next_of_its_kind(webinar)
    if sign_up.moved_at and later:
        yield Step(sign_up.moved_at, "reschedule", later.session.starts_at + _parallel(account))
    elif sign_up.canceled_at:
        yield Step(sign_up.canceled_at, "cancel")


def sign_ups(world: World, account: Account) -> list[Booking]:
    """Return an account's sign-ups for webinars."""
    rng = world.stream(account.number, "sign-ups")
    drawn = []
    for part in parts_of(world, account):
        if part.sign_up:
            steps = _sign_up_steps(part.webinar, account, part.sign_up)
            booking = _booking(rng, account, part.contact, "Webinar", part.webinar.kind, steps)
            if part.is_invited:
                booking = _linked(booking, contact_id(account.number, part.contact.number))
                booking = replace(booking, email=own_address(account.number, part.contact))
            drawn.append(booking)
    return drawn


def _linked(booking: Booking, contact: str) -> Booking:
    """Return a booking as it is made by a link with the key of a contact of the CRM."""
    return replace(booking, tracking=booking.tracking | {"salesforce_uuid": contact})


def _is_moved(step: Step) -> bool:
    """Return whether an invitee may have given another address, in a way that the API still tells of."""
    return step.kind == "reschedule" and not step.is_by_host and step.at >= _TOLD_SINCE


def _begun(account: Account, contact: Contact, manner: Habit, calls: list[Booking], key: str) -> list[Booking]:
    """Return somebody's first calls, in order of time, as they are made by an address of their own.

    Args:
        account: Theirs.
        contact: Who.
        manner: How they go about addresses.
        calls: All of their calls.
        key: The contact's, as a link has it.
    """
    own = own_address(account.number, contact)
    moved = [place for place, call in enumerate(calls) if any(map(_is_moved, call.steps))]
    by_own = moved[0] + 1 if manner.evidence == "move" and moved else manner.calls
    begun = [replace(call, email=own) for call in calls[:by_own]]
    if manner.evidence == "link":
        begun[-1] = _linked(begun[-1], key)
    elif manner.evidence == "move" and moved:
        steps = list(begun[-1].steps)
        place = next(place for place, step in enumerate(steps) if _is_moved(step))
        steps[place] = replace(steps[place], email=contact.email)
        begun[-1] = replace(begun[-1], steps=tuple(steps))
    return begun


def _by_addresses(world: World, account: Account, drawn: list[Booking]) -> Iterator[Booking]:
    """Yield an account's calls, in order of time, with the addresses and the links by which they are made."""
    rng = world.stream(account.number, "addresses of calls")
    is_forwarding = account.number in FORWARDING_ACCOUNTS and {1, 2} <= {one.number for one in kept(world, account)}
    calls_of: dict[Contact, list[Booking]] = {}
    for call in sorted(drawn, key=lambda call: call.at):
        calls_of.setdefault(call.contact, []).append(call)
    for contact, calls in calls_of.items():
        manner = habit(world, account, contact)
        key = contact_id(account.number, contact.number)
        short = key if rng.random() > _SHORT_KEYS else key[:SHORT_KEY]
        begun = _begun(account, contact, manner, calls, short) if manner.evidence else []
        yield from begun
        for place, call in enumerate(calls[len(begun) :]):
            if is_forwarding and contact.number == 2 and not place:
                yield _linked(call, contact_id(account.number, 1))
            elif call.is_by_host or call.event_type == "check-in":
                yield _linked(call, short)
            else:
                yield _by_others(rng, world, account, manner, call)


def _by_others(rng: Random, world: World, account: Account, manner: Habit, call: Booking) -> Booking:
    """Draw whether a call is booked for the desk, and by the newsletter."""
    is_for_desk = rng.random() < _FOR_DESK
    if is_for_desk and has_desk(world, account):
        call = replace(call, email=desk_address(account, call.at))
    since, until = NEWSLETTER
    if manner.is_reader and call.event_type in _IN_NEWSLETTER and since <= call.at < until:
        call = _linked(call, contact_id(*NEWSLETTER_CONTACT))
    return call


def bookings(world: World, account: Account) -> list[Booking]:
    """Return the calls that an account books, with all that becomes of them before the world's end."""
    rng = world.stream(account.number, "calendly")
    booked = []
    for touch in account.touches:
        event_type = _event_type(rng, touch)
        is_booked = rng.random() < _CONVERSION[touch.channel.name]
        at = _booked_at(rng, touch)
        if event_type and is_booked and at < END:
            channel = touch.channel.name
            steps = _steps(rng, account, channel, event_type, at)
            booked.append(_booking(rng, account, touch.contact, channel, event_type, steps))
    for opportunity in account.opportunities:
        days = timedelta(days=rng.randint(20, 90), seconds=rng.randrange(7_200), microseconds=rng.randrange(1_000_000))
        at = opportunity.created_at + days
        if account.contacts and rng.random() < _CHECK_IN_SHARE and at < END:
            contact = rng.choice(account.contacts)
            booked.append(_booking(rng, account, contact, "", "check-in", _steps(rng, account, "", "check-in", at)))
    return list(_by_addresses(world, account, booked))


@dataclass(frozen=True)
class Chain:
    """A booking in Calendly.

    Attributes:
        account: Of whoever books.
        booking: What happens.
        uris: Of its invitees: of the first one, and of each that takes the place of the one before.
    """

    account: Account
    booking: Booking
    uris: list[str]


def _acts(chains: list[Chain]) -> list[tuple[datetime, int, Chain, Step]]:
    """Return what happens in all bookings in order of time, each with its booking and that booking's number."""
    acts = [(step.at, number, chain, step) for number, chain in enumerate(chains) for step in chain.booking.steps]
    # Of acts at one instant those of a booking keep their order.
    return sorted(acts, key=lambda act: act[:2])


def told(world: World) -> CalendlyHistory:
    """Tell Calendly everything that happens in a world before its end."""
    return _lived(world)[0]


def chains(world: World) -> list[Chain]:
    """Return all bookings of a world as Calendly was told of them, by account."""
    return _lived(world)[1]


@lru_cache(maxsize=1)
def _lived(world: World) -> tuple[CalendlyHistory, list[Chain]]:
    """Live through a world's bookings."""
    booked = [
        Chain(account, booking, [])
        for account in world.accounts()
        for booking in (*bookings(world, account), *sign_ups(world, account))
    ]
    # Without the world's seed: the company seeds, which name event types by URI, then hold in any world.
    history = CalendlyHistory("larkfield")
    users = {number: history.add_host(host.name, host.email, SET_UP_AT) for number, host in _hosts_since(SET_UP_AT)}
    event_types = {
        key: history.add_event_type(
            kind.name,
            [users[number] for number in kind.hosts],
            SET_UP_AT,
            minutes=kind.minutes,
            pooling=kind.pooling,
            seats=kind.seats,
            location=kind.location,
            is_internal=kind.channel is None,
        )
        for key, kind in EVENT_TYPES.items()
    }
    history.add_group("Sales", SET_UP_AT, member_count=len(HOSTS) - 1)
    form = history.add_routing_form(FORM_NAME, FORM_QUESTIONS, SET_UP_AT)
    newcomers = deque(sorted({host.since for host in HOSTS if host.since > SET_UP_AT}))
    submissions: dict[int, str] = {}
    called_off: set[str] = set()
    for at, number, chain, step in _acts(booked):
        booking, uris = chain.booking, chain.uris
        while newcomers and newcomers[0] <= at:
            since = newcomers.popleft()
            users |= {joined: history.add_host(host.name, host.email, since) for joined, host in _hosts_since(since)}
        match step.kind:
            case "submit":
                answers = dict(zip(FORM_QUESTIONS, (_TEAMS[number % len(_TEAMS)], booking.email), strict=True))
                submissions[number] = history.submit_form(
                    form, answers, at, event_type=event_types[booking.event_type], tracking=booking.tracking
                )
            case "book":
                host = None if step.host is None else users[step.host]
                uri = history.book(
                    event_types[booking.event_type],
                    at,
                    step.start_at,
                    name=f"{booking.contact.first_name} {booking.contact.last_name}",
                    email=booking.email,
                    host=host,
                    timezone=booking.timezone,
                    answers=booking.answers,
                    tracking=booking.tracking,
                    guests=booking.guests,
                    reminder_number=booking.reminder_number,
                    scheduled_by=host if booking.is_by_host else None,
                    submission=submissions.get(number),
                )
                uris.append(uri)
            case "reschedule":
                uri = history.reschedule(
                    uris[-1],
                    at,
                    step.start_at,
                    email=step.email,
                    host=None if step.host is None else users[step.host],
                    reason=step.reason,
                    is_by_host=step.is_by_host,
                )
                uris.append(uri)
            case "cancel":
                history.cancel(uris[-1], at, reason=step.reason)
            case "cancel_event" if (event := event_of(uris[-1])) not in called_off:
                # A group's invitees have this act in common.
                called_off.add(event)
                history.cancel_event(event, at, reason=step.reason)
            case "mark_no_show":
                history.mark_no_show(uris[-1], at)
            case "unmark_no_show":
                history.unmark_no_show(uris[-1], at)
    return history, booked


def _hosts_since(since: datetime) -> list[tuple[int, Host]]:
    return [(number, host) for number, host in enumerate(HOSTS) if host.since == since]
