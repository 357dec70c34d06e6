"""What became of Larkfield's leads: what must come out of bookings, opportunities and payments, told from the world."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cached_property

from ingestion.demo import billing, crm
from ingestion.demo.billing import Customer
from ingestion.demo.bookings import EVENT_TYPES, HANDED_OVER_AT
from ingestion.demo.people import (
    Identifier,
    Known,
    Override,
    Person,
    accounts_of_contacts,
    attendances,
    known_bookings,
    people,
    touches,
    visits,
)
from ingestion.demo.webinars import WEBINARS, Webinar, parts
from ingestion.demo.world import END, World

# How long after a booking an opportunity can still come of it.
DAYS_TO_OPPORTUNITY = timedelta(days=90)
# How long before an opportunity a touch still counts.
ATTRIBUTION_WINDOW = timedelta(days=90)
NO_CAMPAIGN = "(no campaign)"
UNLINKED = "(unlinked)"
# The names by which all sources together know Calendly's channels.
_CHANNELS = {"Google Ads": "Adwords", None: "unmapped"}
# Of two sights at one instant.
_SOURCES = ("crm", "calendly", "webinars")

_WEBINAR_ON = {(EVENT_TYPES[webinar.kind].name, webinar.date): webinar for webinar in WEBINARS}


@dataclass(frozen=True)
class Opportunity:
    """A chance to sell, as the CRM has it."""

    key: str
    account: str | None
    amount: int | None
    at: datetime


@dataclass
class Booked:
    """A booking, and what came of it.

    Attributes:
        known: What is known of it.
        person: Who booked.
        status: canceled, no_show, held or scheduled, when the world ends.
        channel: In which it counts.
        campaign: Within it; None where there is none.
        opportunity: To which it led.
        unlinked_reason: Why to none.
    """

    known: Known
    person: Person
    status: str
    channel: str
    campaign: str | None
    opportunity: Opportunity | None = None
    unlinked_reason: str | None = None


@dataclass(frozen=True)
class Sight:
    """The first that was seen of a lead."""

    at: datetime
    source: str
    channel: str
    campaign: str | None

    @property
    def month(self) -> date:
        """The first day of its month."""
        return self.at.date().replace(day=1)


@dataclass
class Paid:
    """What a customer paid, and whose lead it is.

    Attributes:
        customer: Who.
        first_at: When they first paid; None where they never did.
        lead: The lead to whom all of it belongs.
    """

    customer: Customer
    first_at: datetime | None
    lead: Person | None = None


@dataclass
class Cell:
    """What one row of the funnel counts."""

    leads: int = 0
    booked_leads: int = 0
    held_leads: int = 0
    opportunity_leads: int = 0
    paying_leads: int = 0
    bookings: int = 0
    held: int = 0
    opportunities: int = 0
    pipeline: int = 0
    customers: int = 0
    revenue: Fraction = Fraction(0)


Place = tuple[date | None, str, str]


def _channel(known: Known) -> tuple[str, str | None]:
    """Return in which channel and campaign a booking counts."""
    kind = EVENT_TYPES[known.chain.booking.event_type]
    if kind.name == EVENT_TYPES["day-in-the-life"].name and known.at >= HANDED_OVER_AT:
        return "facebook_paid_ads", "rota-calculator"
    return _CHANNELS.get(kind.channel, kind.channel), kind.campaign


def _opportunities(world: World) -> Iterator[Opportunity]:
    """Yield what the CRM's export has, and a loader can take."""
    for account in world.accounts():
        key = crm.account_id(account.number)
        for number, one in enumerate(account.opportunities, start=1):
            created_at = one.created_at.replace(microsecond=0)
            yield Opportunity(crm.opportunity_id(account.number, number), key, one.amount, created_at)
    yield Opportunity(crm.STRAY_KEY, None, crm.STRAY_AMOUNT, crm.STRAY_CREATED_AT)


class Truth:
    """What must come out of the company's leads.

    Attributes:
        people: Everybody but webinars' guests who left no address.
        opportunities: All of the CRM's.
        bookings: All bookings, each with the opportunity to which it led.
    """

    def __init__(self, world: World, overrides: Iterable[Override] = ()) -> None:
        """Tells what became of a world's people.

        Args:
            world: Whose.
            overrides: What the company says by hand of who is who.
        """
        self._world = world
        self.people = people(world, overrides)
        self._person_of = {one: person for person in self.people for one in person.identifiers}
        self._account_of = accounts_of_contacts(world)
        self.opportunities = list(_opportunities(world))
        self.bookings = [self._booked(known) for known in known_bookings(world)]
        self._lead_to_opportunities()

    # --- Bookings -------------------------------------------------------------------------------------------

    @cached_property
    def _came(self) -> set[tuple[Webinar, int]]:
        """Who was at which webinar, as its platform tells."""
        everybody = (part for held in parts(self._world).values() for part in held)
        return {
            (part.webinar, id(self._person_of[Identifier("email", part.email.lower())]))
            for part in everybody
            if any(attendances(part))
        }

    def _booked(self, known: Known) -> Booked:
        person = self._person_of[known.star]
        return Booked(known, person, self._status(known), *_channel(known))

    def _status(self, known: Known) -> str:
        """Return what a booking came to, by the last of its invitees."""
        last = known.invitees[-1]
        kind = EVENT_TYPES[known.chain.booking.event_type]
        webinar = _WEBINAR_ON.get((kind.name, last.start_at.date()))
        if last.is_canceled:
            return "canceled"
        if webinar and webinar.is_reported and webinar.is_in_catalogue:
            has_come = (webinar, id(self._person_of[Identifier("email", last.email)])) in self._came
            return "held" if has_come else "no_show"
        if last.is_no_show:
            return "no_show"
        return "held" if last.start_at <= END else "scheduled"

    def _lead_to_opportunities(self) -> None:
        """Give each opportunity to one booking at most: to one that was held before others, then to the earliest."""
        wanting: dict[str, list[Booked]] = defaultdict(list)
        for booked in self.bookings:
            candidates = [
                one
                for one in self.opportunities
                if one.account
                and one.account == booked.person.account
                and booked.known.at <= one.at <= booked.known.at + DAYS_TO_OPPORTUNITY
            ]
            if candidates:
                booked.opportunity = min(candidates, key=lambda one: (one.at, one.key))
                wanting[booked.opportunity.key].append(booked)
            else:
                booked.unlinked_reason = "no_opportunity" if booked.person.account else "no_account"
        for rivals in wanting.values():
            rivals.sort(key=lambda one: (one.status != "held", one.known.at, one.known.key))
            for loser in rivals[1:]:
                loser.opportunity, loser.unlinked_reason = None, "given_to_another_booking"

    # --- Leads ----------------------------------------------------------------------------------------------

    def _sights(self) -> Iterator[tuple[Person, str, Sight]]:
        """Yield all that was seen of anybody who may be a lead, with its key."""
        for contact, touch, key in touches(self._world):
            sight = Sight(touch.at, "crm", touch.channel.name, None)
            yield self._person_of[Identifier("contact", contact)], key, sight
        for one in self.bookings:
            yield one.person, one.known.key, Sight(one.known.at, "calendly", one.channel, one.campaign)
        for email, at in visits(self._world):
            yield self._person_of[Identifier("email", email)], email, Sight(at, "webinars", "Webinar", None)

    @cached_property
    def leads(self) -> dict[str, Sight]:
        """The first sight of each lead, by the key of the person."""
        first: dict[int, tuple[tuple, Sight]] = {}
        for person, key, sight in self._sights():
            order = (sight.at, _SOURCES.index(sight.source), key)
            if id(person) not in first or order < first[id(person)][0]:
                first[id(person)] = order, sight
        return {person.key: first[id(person)][1] for person in self.people if id(person) in first}

    # --- Customers ------------------------------------------------------------------------------------------

    @cached_property
    def paid(self) -> list[Paid]:
        """All customers, each with the lead to whom what they paid belongs."""
        found = []
        for customer in billing.customers(self._world):
            paid_at = [one.charge.at for one in customer.transactions if one.charge.cents > 0]
            if customer.transactions:
                found.append(Paid(customer, min(paid_at, default=None)))
        for one in found:
            one.lead = self._lead_of(one) if one.first_at else None
        return found

    def _lead_of(self, paid: Paid) -> Person | None:
        """Return the lead to whom a customer belongs, if any was seen before the first payment."""
        person = self._person_of[Identifier("customer", paid.customer.key)]
        leads = self.leads
        if person.account:
            led = [
                one
                for one in self.bookings
                if one.opportunity and one.person.account == person.account and one.opportunity.at <= paid.first_at
            ]
            if led:
                return max(led, key=lambda one: (one.opportunity.at, one.opportunity.key)).person
            colleagues = [
                one
                for one in self.people
                if one.account == person.account and one.key in leads and leads[one.key].at <= paid.first_at
            ]
            if colleagues:
                return min(colleagues, key=lambda one: (leads[one.key].at, one.key))
        return person if person.key in leads and leads[person.key].at <= paid.first_at else None

    # --- Channels -------------------------------------------------------------------------------------------

    def conversion(self) -> dict[str | None, tuple[int, int, int]]:
        """Return how many accounts each channel touched, which became opportunities, and which of these in the window.

        Of all channels together by None.
        """
        met: dict[tuple[str | None, str], list[datetime]] = defaultdict(list)
        for contact, touch, _ in touches(self._world):
            if account := self._account_of.get(contact):
                met[touch.channel.name, account].append(touch.at)
                met[None, account].append(touch.at)
        created = defaultdict(list)
        for one in self.opportunities:
            created[one.account].append(one.at)
        figures: dict[str | None, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
        for (channel, account), seen in met.items():
            is_converted = any(min(seen) <= at for at in created[account])
            is_in_window = any(at - ATTRIBUTION_WINDOW <= touch <= at for at in created[account] for touch in seen)
            counts = zip(figures[channel], (1, is_converted, is_in_window), strict=True)
            figures[channel] = tuple(sum(pair) for pair in counts)
        return figures

    # --- The funnel -----------------------------------------------------------------------------------------

    def cohorts(self, worth: Callable[[str, int, date], Fraction]) -> dict[Place, Cell]:
        """Return the funnel by the month, channel and campaign of each lead's first sight.

        Args:
            worth: What an amount in a currency, in cents, is in the reporting currency on a day.
        """
        cells: dict[Place, Cell] = defaultdict(Cell)

        def cell(person: Person | None) -> Cell:
            sight = self.leads[person.key] if person else None
            return cells[_place(sight.month, sight.channel, sight.campaign) if sight else _place(None, UNLINKED)]

        steps = self._steps()
        for person in self.people:
            if person.key in self.leads:
                cell(person).leads += 1
                for step, reached in steps.items():
                    if person.key in reached:
                        setattr(cell(person), step, getattr(cell(person), step) + 1)
        for one in self.bookings:
            cell(one.person).bookings += 1
            cell(one.person).held += one.status == "held"
        led = self._led()
        for opportunity in self.opportunities:
            booked = led.get(opportunity.key)
            found = cell(booked.person if booked else None)
            found.opportunities += 1
            found.pipeline += opportunity.amount or 0
        for one in self.paid:
            cell(one.lead).customers += one.first_at is not None
            cell(one.lead).revenue += sum(worth(*paid) for paid in _payments(one.customer))
        return cells

    def activity(self, worth: Callable[[str, int, date], Fraction]) -> dict[Place, Cell]:
        """Return the funnel by the months in which things happened; `worth` as for `cohorts`."""
        cells: dict[Place, Cell] = defaultdict(Cell)
        for sight in self.leads.values():
            cells[_place(sight.month, sight.channel, sight.campaign)].leads += 1
        for one in self.bookings:
            found = cells[_place(_month(one.known.at), one.channel, one.campaign)]
            found.bookings += 1
            found.held += one.status == "held"
        led = self._led()
        for opportunity in self.opportunities:
            booked = led.get(opportunity.key)
            within = (booked.channel, booked.campaign) if booked else (UNLINKED,)
            found = cells[_place(_month(opportunity.at), *within)]
            found.opportunities += 1
            found.pipeline += opportunity.amount or 0
        for one in self.paid:
            sight = self.leads[one.lead.key] if one.lead else None
            within = (sight.channel, sight.campaign) if sight else (UNLINKED,)
            if one.first_at:
                cells[_place(_month(one.first_at), *within)].customers += 1
            for currency, cents, on in _payments(one.customer):
                cells[_place(on.replace(day=1), *within)].revenue += worth(currency, cents, on)
        return cells

    def _led(self) -> dict[str, Booked]:
        """Return the booking that led to each opportunity, by its key."""
        return {one.opportunity.key: one for one in self.bookings if one.opportunity}

    def _steps(self) -> dict[str, set[str]]:
        """Return the keys of those who reached each step, by the name of what counts them."""
        return {
            "booked_leads": {one.person.key for one in self.bookings},
            "held_leads": {one.person.key for one in self.bookings if one.status == "held"},
            "opportunity_leads": {one.person.key for one in self.bookings if one.opportunity},
            "paying_leads": {one.lead.key for one in self.paid if one.lead},
        }


def _month(at: datetime) -> date:
    return at.date().replace(day=1)


def _place(month: date | None, channel: str, campaign: str | None = None) -> Place:
    """Return the key of a row of the funnel."""
    return month, channel, campaign or NO_CAMPAIGN


def _payments(customer: Customer) -> Iterator[tuple[str, int, date]]:
    """Yield what was charged to a customer: the currency, the cents, and the day."""
    for transaction in customer.transactions:
        yield customer.currency, transaction.charge.cents, transaction.charge.at.date()
