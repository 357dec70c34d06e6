"""Larkfield's webinars: who registers where, who comes for how long, and what of it must come out in the end.

Whoever met a webinar by the CRM's account of it was there; this adds who else had registered, and how they all went
about it. What a platform's writer makes of that, hosts and slips included, is its own business.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Literal

from ingestion.demo.addresses import habit, own_address
from ingestion.demo.world import END, SESSIONS, Account, Contact, Session, Touch, World

Source = Literal["reports", "api", "bigmarker"]

# Until then reports were exported by hand; from then on Zoom's API is read, and in the new year all moved to BigMarker.
API_SINCE = datetime(2025, 7, 1, tzinfo=UTC)
BIGMARKER_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
# For earlier ones nobody could sign up in Calendly, whose meetings of that time are known by exports without URIs only.
CALENDLY_SINCE = datetime(2025, 1, 1, tzinfo=UTC)

COURSES = {
    "fair-shifts": "Fair shifts",
    "cover-in-minutes": "Cover in minutes",
    "planning-peaks": "Planning for peaks",
}
LANGUAGES = ("English", "German")
_TITLES = {
    ("fair-shifts", "English"): "Fair shifts: rotas that people like",
    ("fair-shifts", "German"): "Faire Schichten: Pläne, die ankommen",
    ("cover-in-minutes", "English"): "Cover in minutes, not in hours",
    ("cover-in-minutes", "German"): "Vertretung in Minuten, nicht in Stunden",
    ("planning-peaks", "English"): "Planning for peaks",
    ("planning-peaks", "German"): "Spitzen planen",
}
# Which share of those who register comes, if an account always has somebody to stay away; in small ones more come.
_SHOW_UP = {
    ("fair-shifts", "English"): 0.38,
    ("fair-shifts", "German"): 0.48,
    ("cover-in-minutes", "English"): 0.27,
    ("cover-in-minutes", "German"): 0.36,
    ("planning-peaks", "English"): 0.50,
    ("planning-peaks", "German"): 0.66,
}

# By their places in WEBINARS. What went wrong: nobody exported this one's report, …
_NEVER_EXPORTED = 17
# … Zoom has none of this one, …
_NEVER_REPORTED = 29
# … and this one was ended by mistake and begun again.
_ENDED_BY_MISTAKE = 31
_MISTAKE = (timedelta(minutes=18), timedelta(minutes=24))
# Nobody wrote this one into the catalogue.
_FORGOTTEN = 33
# The first that the API knows was exported by hand, too.
_KNOWN_TWICE = 26

_WALK_INS, _LATE, _CAME_AFTER_ALL = 0.07, 0.04, 0.02
_PLACES = {"calendly": 30, "platform": 58, "both": 12}
_CANCELED, _MOVED, _REFUSED, _ONLY_WAITED = 0.09, 0.06, 0.05, 0.02
_TO_THE_END = 0.72
_REJOINED, _TWO_DEVICES, _BY_PHONE, _WAITED = 0.15, 0.08, 0.03, 0.05
_RECENTLY, _COMES_AGAIN = timedelta(days=100), 0.6
# Sign-ups by Calendly are made before anybody leaves: a group event that was emptied would be made anew.
_NOTICE = timedelta(hours=26)


@dataclass(frozen=True)
class Webinar:
    """One date of one of Larkfield's webinars.

    Attributes:
        number: Its place in WEBINARS.
        session: What it is about and when it was to begin and to end.
        language: In which it is held.
    """

    number: int
    session: Session
    language: str

    @property
    def kind(self) -> str:
        """The key of the Calendly event type by which people sign up."""
        return f"{self.session.campaign}-{self.language.lower()}"

    @property
    def course(self) -> str:
        """The course, as the catalogue has it."""
        return COURSES[self.session.campaign]

    @property
    def title(self) -> str:
        """What it is called, on the platform and in the catalogue."""
        return _TITLES[self.session.campaign, self.language]

    @property
    def source(self) -> Source:
        """From where its attendance is known."""
        if self.session.starts_at >= BIGMARKER_SINCE:
            return "bigmarker"
        return "api" if self.session.starts_at >= API_SINCE else "reports"

    @property
    def platform(self) -> str:
        """Where it runs."""
        return "bigmarker" if self.source == "bigmarker" else "zoom"

    @property
    def platform_id(self) -> str:
        """Its number in Zoom, where it recurred for a year, or its conference in BigMarker."""
        digest = hashlib.sha256(f"larkfield {self.kind if self.source == 'reports' else self.number}".encode())
        if self.source == "bigmarker":
            return digest.hexdigest()[:12]
        return str(80_000_000_000 + int(digest.hexdigest()[:8], 16))

    @property
    def date(self) -> date:
        """The day on which it begins, in UTC."""
        return self.session.starts_at.date()

    @property
    def is_to_come(self) -> bool:
        """Whether the world ends before it begins."""
        return self.session.starts_at >= END

    @property
    def is_reported(self) -> bool:
        """Whether the platform says who came."""
        return not self.is_to_come and self.number not in (_NEVER_EXPORTED, _NEVER_REPORTED)

    @property
    def is_in_catalogue(self) -> bool:
        """Whether somebody wrote it down."""
        return self.number != _FORGOTTEN

    @property
    def is_exported(self) -> bool:
        """Whether there is an Attendee Report file of it."""
        return self.number == _KNOWN_TWICE or (self.source == "reports" and self.number != _NEVER_EXPORTED)

    @property
    def pause(self) -> tuple[datetime, datetime] | None:
        """When it was ended by mistake, and when it was begun again."""
        if self.number != _ENDED_BY_MISTAKE:
            return None
        ended, begun = _MISTAKE
        return self.session.starts_at + ended, self.session.starts_at + begun


def _webinars() -> Iterator[Webinar]:
    held = SESSIONS["Webinar"]
    shift = held[-2].starts_at - held[-4].starts_at
    starts_at = held[-2].starts_at + shift
    to_come = Session(held[-3].campaign, starts_at, starts_at + (held[-2].ends_at - held[-2].starts_at))
    for number, session in enumerate((*held, to_come)):
        yield Webinar(number, session, LANGUAGES[number % len(LANGUAGES)])


# Those of the world, and one that is still to come when it ends.
WEBINARS = tuple(_webinars())
_WEBINAR_OF = {webinar.session: webinar for webinar in WEBINARS}


def next_of_its_kind(webinar: Webinar) -> Webinar | None:
    """Return the next date of the same course in the same language."""
    later = (other for other in WEBINARS[webinar.number + 1 :] if other.kind == webinar.kind)
    return next(later, None)


@dataclass(frozen=True)
class Span:
    """A time of being there."""

    joined_at: datetime
    left_at: datetime


@dataclass(frozen=True)
class Registration:
    """A registration on the platform; status is approved, pending, denied or cancelled."""

    at: datetime
    status: str


@dataclass(frozen=True)
class SignUp:
    """A sign-up by Calendly, which may be moved to the next date or called off before the webinar."""

    at: datetime
    moved_at: datetime | None = None
    canceled_at: datetime | None = None


@dataclass(frozen=True)
class Part:
    """What one contact had to do with one webinar.

    Attributes:
        webinar: Which.
        account: The number of the contact's account.
        contact: Who.
        email: As the contact types it on the platform.
        registration: On the platform, if there is one.
        sign_up: By Calendly, if there is one.
        spans: When the contact was there, one for each time and device; they can overlap.
        is_by_phone: Whether the contact dialled in, so that nobody knows who it was.
        waited: When the contact was in the waiting room.
        is_invited: Whether the sign-up was made by an address of the contact's own, through a link of the CRM's.
    """

    webinar: Webinar
    account: int
    contact: Contact
    email: str
    registration: Registration | None
    sign_up: SignUp | None
    spans: tuple[Span, ...] = ()
    is_by_phone: bool = False
    waited: Span | None = None
    is_invited: bool = False


def _seconds(rng: Random, low: int, high: int) -> timedelta:
    return timedelta(seconds=rng.randrange(low, high))


def _registered_at(rng: Random, webinar: Webinar) -> datetime:
    """Draw when somebody registers: up to three weeks before, mostly in the last one."""
    days = timedelta(days=19 * rng.random() * rng.random(), seconds=rng.randrange(3_600))
    return (webinar.session.starts_at - _NOTICE - days).replace(microsecond=0)


def _registrations(rng: Random, webinar: Webinar) -> tuple[Registration | None, SignUp | None]:
    """Draw where somebody registers."""
    place = rng.choices(list(_PLACES), list(_PLACES.values()))[0]
    if webinar.session.starts_at < CALENDLY_SINCE:
        place = "platform"
    on_platform, by_calendly = _registered_at(rng, webinar), _registered_at(rng, webinar)
    return (
        Registration(on_platform, "approved") if place != "calendly" else None,
        SignUp(by_calendly) if place != "platform" else None,
    )


def _left_before(rng: Random, webinar: Webinar) -> datetime:
    """Draw when somebody leaves a sign-up: on the last day, but for the last two hours."""
    return webinar.session.starts_at - timedelta(hours=2) - _seconds(rng, 0, 22 * 3_600)


def _typed(rng: Random, contact: Contact) -> str:
    """Return an address as a person types it."""
    return contact.email if rng.random() > 0.05 else contact.email.capitalize()


def _spans(rng: Random, webinar: Webinar, joined_at: datetime) -> Iterator[Span]:
    """Draw when somebody is there who came at an instant, in that quarter of the webinar in which people come."""
    ends_at = webinar.session.ends_at
    stays = rng.random() < _TO_THE_END
    left_at = ends_at + _seconds(rng, -60, 240) if stays else joined_at + _seconds(rng, 120, 1_800)
    manner = rng.random()
    if manner < _REJOINED:
        lost_at = joined_at + _seconds(rng, 30, 100)
        yield Span(joined_at, lost_at)
        yield Span(min(lost_at + _seconds(rng, 2, 180), left_at), left_at)
        return
    yield Span(joined_at, left_at)
    if manner < _REJOINED + _TWO_DEVICES:
        # A telephone beside the desk.
        again_at = joined_at + _seconds(rng, 10, 110)
        yield Span(again_at, left_at + _seconds(rng, -9, 120))


def _interrupted(rng: Random, spans: Iterable[Span], pause: tuple[datetime, datetime]) -> Iterator[Span]:
    """Cut spans at a pause, after which not everybody comes back."""
    ended_at, begun_at = pause
    for span in spans:
        if span.left_at <= ended_at:
            yield span
            continue
        yield Span(span.joined_at, ended_at)
        back_at = begun_at + _seconds(rng, 4, 150)
        if back_at < span.left_at and rng.random() < 0.85:
            yield Span(back_at, span.left_at)


def _of_whole_minutes(span: Span) -> Span:
    """Return a time as a report gives it of those who dialled in."""
    joined_at, left_at = (at.replace(second=0) for at in (span.joined_at, span.left_at))
    return Span(joined_at, left_at + timedelta(minutes=1))


def _visitor(rng: Random, account: Account, webinar: Webinar, contact: Contact, joined_at: datetime) -> Part:
    """Draw how somebody came to a webinar; one in a few had not registered, or had called off."""
    registration, sign_up = _registrations(rng, webinar)
    manner = rng.random()
    if manner < _WALK_INS:
        registration = sign_up = None
    elif manner < _WALK_INS + _LATE:
        registration, sign_up = Registration(joined_at - _seconds(rng, 20, 600), "approved"), None
    elif sign_up and manner < _WALK_INS + _LATE + _CAME_AFTER_ALL:
        sign_up = SignUp(sign_up.at, canceled_at=_left_before(rng, webinar))
    spans = tuple(_spans(rng, webinar, joined_at))
    if webinar.pause:
        spans = tuple(_interrupted(rng, spans, webinar.pause))
    # Whoever dials in is one more each time, whom a second account of the same webinar would count twice.
    is_by_phone = webinar.platform == "zoom" and webinar.number != _KNOWN_TWICE and rng.random() < _BY_PHONE
    waited = Span(joined_at - _seconds(rng, 60, 400), joined_at) if rng.random() < _WAITED else None
    if is_by_phone:
        waited = None
        if webinar.source == "reports":
            spans = tuple(map(_of_whole_minutes, spans))
    return Part(
        webinar,
        account.number,
        contact,
        _typed(rng, contact),
        registration,
        sign_up,
        spans,
        is_by_phone,
        waited,
    )


def _absentee(rng: Random, account: Account, webinar: Webinar, contact: Contact) -> Part:
    """Draw how somebody registered who did not come."""
    registration, sign_up = _registrations(rng, webinar)
    manner = rng.random()
    if sign_up and manner < _CANCELED:
        sign_up = SignUp(sign_up.at, canceled_at=_left_before(rng, webinar))
    elif sign_up and manner < _CANCELED + _MOVED and next_of_its_kind(webinar):
        sign_up = SignUp(sign_up.at, moved_at=_left_before(rng, webinar))
    elif registration and webinar.platform == "zoom" and manner < _REFUSED:
        registration = Registration(registration.at, rng.choice(("denied", "cancelled", "pending")))
    starts_at = webinar.session.starts_at
    waited = Span(starts_at - _seconds(rng, 200, 400), starts_at - _seconds(rng, 0, 200))
    return Part(
        webinar,
        account.number,
        contact,
        _typed(rng, contact),
        registration,
        sign_up,
        waited=waited if rng.random() < _ONLY_WAITED else None,
    )


def _absentees(
    rng: Random, account: Account, webinar: Webinar, taken: set[tuple[Webinar, Contact]]
) -> Iterator[tuple[Webinar, Contact]]:
    """Draw who of an account registers and stays away, for each who comes: for this date or one in its language."""
    show_up = _SHOW_UP[webinar.session.campaign, webinar.language]
    wanted = (1 - _WALK_INS) * (1 - show_up) / show_up
    for _ in range(int(wanted) + (rng.random() < wanted % 1)):
        # Of a few tries, as a small account has soon been everywhere.
        for _ in range(4):
            number = webinar.number + rng.choice((0, 0, 0, 0, -2, 2))
            other, contact = WEBINARS[min(max(number, 0), len(WEBINARS) - 1)], rng.choice(account.contacts)
            if (other, contact) not in taken:
                taken.add((other, contact))
                yield other, contact
                break


def _expectant(
    rng: Random, met: Iterable[tuple[Webinar, Touch]], taken: set[tuple[Webinar, Contact]]
) -> Iterator[tuple[Webinar, Contact]]:
    """Draw who registers for the webinar that is still to come, of those who were at one lately."""
    for touch in (touch for _, touch in met if END - touch.at < _RECENTLY):
        if rng.random() < _COMES_AGAIN and (WEBINARS[-1], touch.contact) not in taken:
            taken.add((WEBINARS[-1], touch.contact))
            yield WEBINARS[-1], touch.contact


def _until_the_end(part: Part) -> Part | None:
    """Return what there is of a part when the world ends, None where it has not begun."""
    registration, sign_up = part.registration, part.sign_up
    if registration and registration.at >= END:
        registration = None
    if sign_up:
        moved_at, canceled_at = (at if at and at < END else None for at in (sign_up.moved_at, sign_up.canceled_at))
        sign_up = SignUp(sign_up.at, moved_at, canceled_at) if sign_up.at < END else None
    if part.webinar.is_to_come:
        part = replace(part, waited=None)
    if not (registration or sign_up or part.spans or part.waited):
        return None
    return replace(part, registration=registration, sign_up=sign_up)


def _by_own_addresses(world: World, account: Account, drawn: list[Part]) -> Iterator[Part]:
    """Yield parts as they were played by those, too, who use an address of their own.

    In one webinar somebody has two addresses only if a link tells that both are theirs, so that everybody counts once.
    """
    # Who moves to a date may already be registered for it.
    movers = {part.contact for part in drawn if part.sign_up and part.sign_up.moved_at}
    for part in drawn:
        manner = habit(world, account, part.contact)
        if manner.is_invited and part.sign_up:
            yield replace(part, is_invited=True)
        elif manner.is_guest and not part.sign_up and part.contact not in movers:
            yield replace(part, email=own_address(account.number, part.contact))
        else:
            yield part


def parts_of(world: World, account: Account) -> list[Part]:
    """Return what an account's contacts had to do with webinars before the world's end, in no order."""
    rng = world.stream(account.number, "webinars")
    met = [(_WEBINAR_OF[touch.session], touch) for touch in account.touches if touch.session in _WEBINAR_OF]
    taken = {(webinar, touch.contact) for webinar, touch in met}
    drawn = []
    for webinar, touch in met:
        drawn.append(_visitor(rng, account, webinar, touch.contact, touch.at))
        drawn += [_absentee(rng, account, *absent) for absent in _absentees(rng, account, webinar, taken)]
    drawn += [_absentee(rng, account, *one) for one in _expectant(rng, met, taken)]
    return list(_by_own_addresses(world, account, [part for part in map(_until_the_end, drawn) if part]))


@lru_cache(maxsize=1)
def parts(world: World) -> dict[Webinar, list[Part]]:
    """Return what everybody had to do with each webinar, by account."""
    known: dict[Webinar, list[Part]] = {webinar: [] for webinar in WEBINARS}
    for account in world.accounts():
        for part in parts_of(world, account):
            known[part.webinar].append(part)
    return known


@dataclass(frozen=True)
class Figures:
    """What must come out of a webinar in the end.

    Attributes:
        registered: People with an approved registration or a sign-up that stands.
        attended: Those of them who came; None where nobody says who came.
        walk_ins: People who came without; None likewise.
        average_attended_minutes: Of all who came, each second of theirs once; None without any.
    """

    registered: int
    attended: int | None
    walk_ins: int | None
    average_attended_minutes: float | None


def _signed_up(world: World) -> dict[Webinar, set[str]]:
    """Return who stands in Calendly for each webinar that the catalogue lets it find."""
    standing = defaultdict(set)
    for part in (part for held in parts(world).values() for part in held):
        if part.sign_up and not part.sign_up.canceled_at:
            webinar = next_of_its_kind(part.webinar) if part.sign_up.moved_at else part.webinar
            if webinar and webinar.is_in_catalogue:
                standing[webinar].add(part.contact.email)
    return standing


def _seconds_there(webinar: Webinar, people: Iterable[Part]) -> dict[str, set[int]]:
    """Return the seconds of each person who came, told apart as the platform can tell them."""
    there = defaultdict(set)
    for part in people:
        for span in part.spans:
            who = f"{part.contact.email} {span}" if part.is_by_phone else part.contact.email
            since, until = (
                int((at - webinar.session.starts_at).total_seconds()) for at in (span.joined_at, span.left_at)
            )
            there[who].update(range(since, until))
    return there


def truth(world: World) -> dict[Webinar, Figures]:
    """Return the figures of each webinar that anybody tells of, counted from the people themselves."""
    signed_up = _signed_up(world)
    figures = {}
    for webinar, people in parts(world).items():
        # Of what was never exported only the sign-ups are known.
        is_known = webinar.source != "reports" or webinar.is_exported
        registered = signed_up[webinar] | {
            part.contact.email
            for part in people
            if is_known and part.registration and part.registration.status == "approved"
        }
        if not (is_known or registered):
            continue
        if not webinar.is_reported:
            figures[webinar] = Figures(len(registered), None, None, None)
            continue
        there = _seconds_there(webinar, people)
        seconds = sum(map(len, there.values()))
        figures[webinar] = Figures(
            len(registered),
            len(registered & set(there)),
            len(set(there) - registered),
            seconds / 60 / len(there) if there else None,
        )
    return figures
