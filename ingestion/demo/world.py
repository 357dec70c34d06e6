"""Larkfield, a fictional company that sells shift-planning software by subscription, and everyone it meets.

The world is what happened; what a source system recorded of it, and recorded badly, is the business of that source's
writer. Every account has random streams of its own, so that neither a larger world nor a new source changes the
accounts that are there already.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Literal

Nature = Literal["paid", "organic", "hosted", "outbound"]

START = datetime(2024, 7, 1, tzinfo=UTC)
END = datetime(2026, 7, 1, tzinfo=UTC)
DAYS = (END - START).days

STAGES = ("opening", "middle", "closing", "after")
# Each stage's days as fractions of the time from the first touch to the opportunity, and its share of the touches.
_STAGE_SPANS = {"opening": (0.0, 0.3), "middle": (0.3, 0.75), "closing": (0.75, 1.0)}
_STAGE_SHARES = {"opening": 0.27, "middle": 0.38, "closing": 0.25, "after": 0.1}
_DAYS_AFTER = 40


@dataclass(frozen=True)
class Channel:
    """A way in which Larkfield and its prospects meet.

    Attributes:
        name: As the CRM spells it.
        nature: `hosted` happens at set times, `outbound` is the sales team's own work.
        campaigns: Names of what runs in it.
        pull: Relative number of touches in each of STAGES.
    """

    name: str
    nature: Nature
    campaigns: tuple[str, ...]
    pull: tuple[int, int, int, int]


@dataclass(frozen=True)
class Session:
    """One date of a hosted campaign: a webinar, or a day at a fair."""

    campaign: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Segment:
    """A kind of account. Ranges include both ends.

    Attributes:
        name: As the CRM spells it.
        share: Relative number of accounts.
        contacts: Range of the number of people at an account.
        opportunities: Relative number of accounts that would come to 0, 1, 2, … opportunities, given the time.
        span_days: Range of the days from the first touch to the opportunity.
        touches: Range of the number of touches around one opportunity.
        typical_amount: Of an opportunity, in US dollars.
        taste: Factor on the pull of a channel, by channel name; 1 where it is not listed.
    """

    name: str
    share: int
    contacts: tuple[int, int]
    opportunities: tuple[int, ...]
    span_days: tuple[int, int]
    touches: tuple[int, int]
    typical_amount: int
    taste: Mapping[str, float]


@dataclass(frozen=True)
class Contact:
    """A person at an account, numbered from 1 within it."""

    number: int
    first_name: str
    last_name: str
    email: str


@dataclass(frozen=True)
class Touch:
    """One contact meeting one channel; `session` is set where the channel is hosted."""

    contact: Contact
    channel: Channel
    campaign: str
    session: Session | None
    at: datetime


@dataclass(frozen=True)
class Opportunity:
    """A chance to sell; `amount` is in whole US dollars, None where nobody has put a figure on it."""

    amount: int | None
    created_at: datetime


@dataclass(frozen=True)
class Account:
    """An organisation, numbered from 1, with its people and its journey, both parts of which are in time order.

    Attributes:
        number: Its number.
        name: What it is called.
        domain: Of its people's addresses.
        is_of_holding: Whether the account before or after it is under the same roof, and has the same domain.
        segment: What kind of account it is.
        contacts: Its people.
        touches: What they met.
        opportunities: What came of it.
    """

    number: int
    name: str
    domain: str
    is_of_holding: bool
    segment: Segment
    contacts: tuple[Contact, ...]
    touches: tuple[Touch, ...]
    opportunities: tuple[Opportunity, ...]


CHANNELS = (
    Channel("Adwords", "paid", ("search-brand", "search-shift-planning", "search-rota-template"), (30, 8, 3, 4)),
    Channel("facebook_paid_ads", "paid", ("rota-calculator", "staffing-guide"), (20, 6, 1, 2)),
    Channel("youtube_paid_ads", "paid", ("product-tour", "customer-story"), (10, 4, 1, 1)),
    Channel("tiktok_paid_ads", "paid", ("day-in-the-life",), (7, 2, 0, 1)),
    Channel("Webinar", "hosted", ("fair-shifts", "cover-in-minutes", "planning-peaks"), (22, 18, 5, 4)),
    Channel("Event", "hosted", ("planners-breakfast", "shift-planning-fair", "user-visit"), (9, 9, 6, 3)),
    Channel("Website", "organic", ("blog", "rota-template", "pricing"), (10, 30, 14, 30)),
    Channel("Outbound", "outbound", ("first-call", "follow-up", "proposal"), (4, 24, 70, 55)),
)
_WEBSITE = next(channel for channel in CHANNELS if channel.name == "Website")

SEGMENTS = (
    Segment(
        name="Enterprise",
        share=15,
        contacts=(4, 9),
        opportunities=(10, 25, 35, 30),
        span_days=(60, 130),
        touches=(22, 60),
        typical_amount=180_000,
        taste={
            "Event": 9,
            "Webinar": 0.7,
            "Adwords": 0.5,
            "facebook_paid_ads": 0.3,
            "tiktok_paid_ads": 0,
            "Outbound": 1.5,
        },
    ),
    Segment(
        name="Mid Market",
        share=35,
        contacts=(3, 6),
        opportunities=(12, 38, 30, 20),
        span_days=(35, 100),
        touches=(16, 38),
        typical_amount=56_000,
        taste={"Webinar": 1.8, "facebook_paid_ads": 0.7, "tiktok_paid_ads": 0.5},
    ),
    Segment(
        name="Commercial",
        share=50,
        contacts=(1, 4),
        opportunities=(20, 43, 23, 14),
        span_days=(20, 70),
        touches=(8, 26),
        typical_amount=17_000,
        taste={"Event": 0.3, "facebook_paid_ads": 1.6, "tiktok_paid_ads": 1.6, "Outbound": 0.6},
    ),
)

_PULLS = {
    (segment.name, stage): list(
        accumulate(channel.pull[i] * segment.taste.get(channel.name, 1) for channel in CHANNELS)
    )
    for segment in SEGMENTS
    for i, stage in enumerate(STAGES)
}
_SEGMENT_SHARES = list(accumulate(segment.share for segment in SEGMENTS))

# Each account whose number can be divided by it belongs to the company of the account before.
_HOLDINGS = 40

# Relative liveliness from January, from Monday, from midnight UTC: people search in the evening, sellers do not call.
_MONTHS = (10, 10, 11, 10, 10, 9, 7, 6, 11, 11, 10, 7)
_WEEKDAYS = {
    "paid": (10, 10, 10, 9, 8, 5, 5),
    "organic": (10, 11, 11, 10, 8, 3, 3),
    "outbound": (8, 11, 11, 10, 6, 0, 0),
}
_EVERY_HOUR = (1, 1, 1, 1, 1, 2, 4, 6, 9, 11, 11, 10, 8, 10, 11, 10, 9, 8, 7, 7, 7, 6, 4, 2)
_OFFICE_HOURS = (0, 0, 0, 0, 0, 0, 0, 0, 6, 10, 11, 9, 4, 9, 11, 10, 7, 0, 0, 0, 0, 0, 0, 0)
_HOURS = {
    nature: list(accumulate(hours))
    for nature, hours in {"paid": _EVERY_HOUR, "organic": _EVERY_HOUR, "outbound": _OFFICE_HOURS}.items()
}


def _liveliness(day: date, nature: Nature) -> int:
    """Relative number of touches on one day."""
    ordinary = 1 if (day.month, day.day) >= (12, 24) or (day.month, day.day) == (1, 1) else 10
    return _MONTHS[day.month - 1] * _WEEKDAYS[nature][day.weekday()] * ordinary


# Journeys may be drawn past END before they are cut there, hence the second span of days.
_CALENDARS = {
    nature: list(accumulate((_liveliness(START.date() + timedelta(d), nature) for d in range(2 * DAYS)), initial=0))
    for nature in _WEEKDAYS
}


def _moment(rng: Random, first_day: int, last_day: int, nature: Nature) -> datetime:
    """Draw an instant between two days (counted from START, both included, at least a working week)."""
    calendar = _CALENDARS[nature]
    day = bisect_right(calendar, rng.randrange(calendar[first_day], calendar[last_day + 1])) - 1
    hour = bisect_right(_HOURS[nature], rng.randrange(_HOURS[nature][-1]))
    return START + timedelta(days=day, hours=hour, seconds=rng.randrange(3600))


def _webinar_sessions() -> Iterator[Session]:
    """A webinar of 45 minutes every other week, on Tuesday afternoon or Thursday morning in turn."""
    campaigns = next(channel.campaigns for channel in CHANNELS if channel.name == "Webinar")
    for turn, day in enumerate(range(8, DAYS, 14)):
        shift = timedelta(hours=14) if turn % 2 == 0 else timedelta(days=2, hours=9)
        starts_at = START + timedelta(days=day) + shift
        yield Session(campaigns[turn % len(campaigns)], starts_at, starts_at + timedelta(minutes=45))


def _event_sessions() -> Iterator[Session]:
    """Two days in most months: a Wednesday breakfast, in spring and autumn a fair; later a visit to a user."""
    for year, month in ((year, month) for year in (2024, 2025, 2026) for month in range(1, 13) if month not in (8, 12)):
        first = datetime(year, month, 1, 9, tzinfo=UTC)
        wednesday = first + timedelta(days=(2 - first.weekday()) % 7 + 7)
        campaign, hours = ("shift-planning-fair", 8) if month in (3, 5, 9, 11) else ("planners-breakfast", 2)
        for name, starts_at, length in (
            (campaign, wednesday, hours),
            ("user-visit", wednesday + timedelta(days=15, hours=4), 3),
        ):
            if START <= starts_at < END:
                yield Session(name, starts_at, starts_at + timedelta(hours=length))


SESSIONS = {"Webinar": tuple(_webinar_sessions()), "Event": tuple(_event_sessions())}


def _session_between(rng: Random, sessions: tuple[Session, ...], first_day: int, last_day: int) -> Session | None:
    """Draw one of the sessions that start within the days, None where there is none."""
    low, high = (
        bisect_left(sessions, START + timedelta(days=day), key=lambda session: session.starts_at)
        for day in (first_day, last_day + 1)
    )
    return sessions[rng.randrange(low, high)] if low < high else None


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NAME_STEMS = _words(
    "Abrin Belvor Brenlo Corvel Dalmer Dunvar Elstra Fenric Gorlin Haldro Ithren Jarvel Kelmor Lundra Morvin Nestrel "
    "Orvin Pellan Quillam Rosken Selvar Tarvel Umbrel Vandrel Wexlo Yarrin Zelden"
)
_NAME_ENDINGS = _words("by combe den field ham low mere stead thorpe wick")
_TRADES = _words("Bakeries Care Clinics Couriers Foods Freight Hotels Kitchens Laundries Retail Security Stores")
_FIRST_NAMES = _words(
    "Alwen Bram Cira Dorrit Edda Fenn Galia Hollis Isaut Jorun Kesta Lior Maren Nilo Orla Perrin Quill Runa Sefa "
    "Tamsin Ulric Vesna Wyn Yara Zeno"
)


def company_name(number: int, trades: Sequence[str] = _TRADES) -> str:
    """Name a company in one of these trades so that no two are called the same."""
    names = len(_NAME_STEMS) * len(_NAME_ENDINGS) * len(trades)
    rounds, place = divmod(number, names)
    # 2003 is a prime that does not divide the number of names: they come mixed and return only after all were used.
    stem_and_ending, trade = divmod(place * 2003 % names, len(trades))
    stem, ending = divmod(stem_and_ending, len(_NAME_ENDINGS))
    return f"{_NAME_STEMS[stem]}{_NAME_ENDINGS[ending]} {trades[trade]}" + (f" {rounds + 1}" if rounds else "")


def company_domain(name: str) -> str:
    """Return the domain of the company of that name."""
    return f"{name.lower().replace(' ', '-')}.example.com"


def _last_name(rng: Random) -> str:
    return rng.choice(_NAME_STEMS) + rng.choice(_NAME_ENDINGS)


def person_name(rng: Random) -> tuple[str, str]:
    """Draw somebody's first and last name; others may be called the same."""
    return rng.choice(_FIRST_NAMES), _last_name(rng)


def _people(rng: Random, segment: Segment, domain: str, *, is_subsidiary: bool) -> tuple[Contact, ...]:
    """Invent an account's contacts; one account in fifty has none on record."""
    if rng.random() < 0.02:
        return ()
    first_names = rng.sample(_FIRST_NAMES, rng.randint(*segment.contacts))
    last_names = [_last_name(rng) for _ in first_names]
    # By which a subsidiary's people are told from those of the company that it shares its domain with.
    order = -1 if is_subsidiary else 1
    return tuple(
        Contact(number, first, last, f"{'.'.join((first, last)[::order])}@{domain}".lower())
        for number, (first, last) in enumerate(zip(first_names, last_names, strict=True), start=1)
    )


def _touch(rng: Random, segment: Segment, stage: str, contact: Contact, first_day: int, last_day: int) -> Touch:
    """Draw what a contact meets in a stage; who finds nothing hosted in these days visits the website."""
    channel = rng.choices(CHANNELS, cum_weights=_PULLS[segment.name, stage])[0]
    if channel.nature == "hosted":
        session = _session_between(rng, SESSIONS[channel.name], first_day, last_day)
        if session:
            seconds = int((session.ends_at - session.starts_at).total_seconds())
            at = session.starts_at + timedelta(seconds=rng.randrange(seconds // 4))
            return Touch(contact, channel, session.campaign, session, at)
        channel = _WEBSITE
    at = _moment(rng, first_day, last_day, channel.nature)
    return Touch(contact, channel, rng.choice(channel.campaigns), None, at)


def _approach(
    rng: Random, segment: Segment, contacts: tuple[Contact, ...], first_day: int, span: int
) -> Iterator[Touch]:
    """Yield the touches around one opportunity, or around the lack of one, in no order.

    Args:
        rng: The account's journey stream.
        segment: The account's segment.
        contacts: Those who can be met; the first is the champion and is met most.
        first_day: Of the approach, counted from START.
        span: Days from there to the decision.
    """
    touches = rng.randint(*segment.touches)
    spans = {
        stage: (first_day + int(span * low), first_day + int(span * high))
        for stage, (low, high) in _STAGE_SPANS.items()
    }
    spans["after"] = (first_day + span, first_day + span + _DAYS_AFTER)
    cum_weights = list(range(3, 3 + len(contacts)))
    seen = set()
    for stage, (low, high) in spans.items():
        for _ in range(round(touches * _STAGE_SHARES[stage])):
            contact = rng.choices(contacts, cum_weights=cum_weights)[0]
            touch = _touch(rng, segment, stage, contact, low, max(high, low + 5))
            # Nobody attends the same session twice.
            if touch.session is None or (contact, touch.session) not in seen:
                seen.add((contact, touch.session))
                yield touch


def _journey(
    rng: Random, segment: Segment, contacts: tuple[Contact, ...]
) -> tuple[tuple[Touch, ...], tuple[Opportunity, ...]]:
    """Live through an account's two years: approach after approach, cut where the world ends."""
    # Half the accounts come evenly, half ever more: Larkfield grows about threefold.
    arrival = max(rng.random(), rng.random()) if rng.random() < 0.5 else rng.random()
    day = int(arrival * (DAYS - 50))
    wanted = rng.choices(range(len(segment.opportunities)), segment.opportunities)[0]
    # Some accounts are on record and were never met; their opportunities come by word of mouth.
    reachable = contacts if rng.random() > 0.025 else ()
    touches: list[Touch] = []
    opportunities: list[Opportunity] = []
    for number in range(max(wanted, 1)):
        if day >= DAYS:
            break
        span = rng.randint(*segment.span_days)
        if reachable:
            touches += _approach(rng, segment, reachable, day, span)
        day += span
        if number < wanted:
            # A shelved decision comes long after the last touch of its approach.
            day += rng.randint(140, 200) if rng.random() < 0.05 else 0
            created_at = _moment(rng, day, day + 5, "outbound")
            # Mostly small with a long tail; products only, as they are exact on every platform.
            skew = rng.random() * rng.random() * rng.random()
            amount = int(segment.typical_amount * (0.4 + 0.6 * rng.random() + 2.4 * skew)) // 50 * 50
            opportunities.append(Opportunity(amount if rng.random() > 0.02 else None, created_at))
        day += rng.randint(45, 160)
    return (
        tuple(sorted((touch for touch in touches if touch.at < END), key=lambda touch: touch.at)),
        tuple(opportunity for opportunity in opportunities if opportunity.created_at < END),
    )


@dataclass(frozen=True)
class World:
    """Larkfield's world: `size` accounts, each made when it is asked for, so that memory does not grow with size."""

    size: int
    seed: int

    def __post_init__(self) -> None:
        """Refuse a world without accounts."""
        if self.size < 1:
            raise ValueError(f"the demo needs at least 1 account, not {self.size}")

    def stream(self, *name: object) -> Random:
        """Return the random stream of that name, the same wherever and however often it is asked for."""
        # Seeding with text goes through SHA-512, not through Python's salted hash.
        key = ":".join(map(str, (self.seed, *name)))
        return Random(key)

    def account(self, number: int) -> Account:
        """Make one account; it depends on the seed and its number (from 1) alone."""
        people, journey = self.stream(number, "people"), self.stream(number, "journey")
        is_subsidiary = number % _HOLDINGS == 0
        domain = company_domain(company_name(number - is_subsidiary))
        segment = people.choices(SEGMENTS, cum_weights=_SEGMENT_SHARES)[0]
        contacts = _people(people, segment, domain, is_subsidiary=is_subsidiary)
        return Account(
            number,
            company_name(number),
            domain,
            (number + 1) % _HOLDINGS < 2,
            segment,
            contacts,
            *_journey(journey, segment, contacts),
        )

    def accounts(self) -> Iterator[Account]:
        """Make the accounts one after the other, in order of their numbers."""
        return map(self.account, range(1, self.size + 1))
