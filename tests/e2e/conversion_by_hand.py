"""What became of people, worked out lead by lead, from the definitions and not from any SQL.

Everything here takes companies whose people are worked out already, and follows the sentences of the definitions one by
one. Amounts are whole fractions until the definitions round them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import groupby, pairwise
from statistics import median
from typing import NamedTuple

from bookings_by_hand import UNMAPPED, Moment
from identity_by_hand import Invitee, Key, Opportunity, Payment, People, Person, Registration, Stay, chains, is_customer
from spend_by_hand import NO_CAMPAIGN, Spent, complete_sum, money, month_of, rate_of

NO_CHANNEL, UNLINKED, WEBINAR = "(no channel)", "(unlinked)", "Webinar"
ALL_CHANNELS = "All channels"
LONGEST_PATH = 8
STEP = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
EVENT_KINDS = ("touch", "booking", "webinar", "opportunity", "payment")
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


def days_between(earlier: datetime, later: datetime) -> float:
    """Days from the second shown to the other, in parts of a day."""
    return (later.replace(microsecond=0) - earlier.replace(microsecond=0)) / _DAY


@dataclass(frozen=True)
class Rules:
    """How it is looked at.

    Attributes:
        moment: When and where.
        days_to_opportunity: How long after a booking an opportunity can come of it.
        window_days: How long before an opportunity a touch still counts.
        longest_rate_days: How long a rate holds.
    """

    moment: Moment
    days_to_opportunity: int
    window_days: int
    longest_rate_days: int


class Sight(NamedTuple):
    """When, where and by whom somebody was seen; the least is the first."""

    at: datetime
    rank: int
    event_id: str
    channel: str
    campaign: str | None
    source: str


@dataclass(frozen=True)
class Lead:
    """Somebody who was seen, and where first."""

    person: Person
    sight: Sight

    @property
    def seen_at(self) -> datetime:
        """When that was."""
        return self.sight.at


@dataclass(frozen=True)
class Booking:
    """A booking with who made it, and what became of it."""

    booking_id: str
    person: Person
    booked_at: datetime
    channel: str
    campaign: str | None
    status: str
    meeting_at: datetime

    @property
    def is_held(self) -> bool:
        """Whether it was."""
        return self.status == "held"


@dataclass(frozen=True)
class Customer:
    """A customer with the lead that became one, and how that is known."""

    customer_id: str
    person: Person | None
    payments: tuple[Payment, ...]
    paid_at: datetime | None
    lead: Lead | None
    lead_link: str | None


@dataclass(frozen=True)
class Event:
    """Something in an account's journey."""

    kind: str
    event_id: str
    at: datetime
    channel: str | None
    label: str
    person: Person | None
    amount: Decimal | None

    @property
    def order(self) -> tuple:
        """What comes first."""
        return self.at, EVENT_KINDS.index(self.kind), self.event_id


class Visit(NamedTuple):
    """A person in a webinar: the registrations and the stays."""

    seats: list[Registration]
    stays: list[Stay]

    @property
    def is_registered(self) -> bool:
        """Whether somebody is expected."""
        return any(seat.status == "approved" for seat in self.seats)

    @property
    def registered_at(self) -> datetime | None:
        """Since when, if they are; else since when they asked."""
        seats = [seat for seat in self.seats if seat.status == "approved" or not self.is_registered]
        return min((seat.registered_at for seat in seats), default=None)

    @property
    def joined_at(self) -> datetime | None:
        """When they came."""
        return min((stay.joined_at for stay in self.stays), default=None)

    @property
    def left_at(self) -> datetime | None:
        """When they left for good."""
        return max((stay.left_at for stay in self.stays), default=None)

    @property
    def minutes(self) -> int:
        """How many minutes they were there, each once; all stays are of whole ones."""
        there = set()
        for stay in self.stays:
            there |= {stay.joined_at + number * _MINUTE for number in range((stay.left_at - stay.joined_at) // _MINUTE)}
        return len(there)


class Conversion:
    """What became of a company's people."""

    def __init__(self, people: People, rules: Rules) -> None:
        """Takes the people; everything else is worked out when it is asked for."""
        self.people, self.company, self.rules = people, people.company, rules
        self.aliases = dict(self.company.aliases)

    # --- Who was seen, and who booked ---

    @cached_property
    def bookings(self) -> list[Booking]:
        """The bookings."""
        invitees = {one.uri: one for one in self.company.invitees}
        found = []
        for booking_id, known in chains(self.company.invitees):
            first, last = invitees[known[0]], invitees[known[-1]]
            found.append(
                Booking(
                    *(booking_id, self.people.person_of[Key("invitee", first.uri)], first.created_at),
                    *(first.channel or UNMAPPED, first.campaign, self._status(last), last.meeting_at),
                )
            )
        return found

    def _status(self, last: Invitee) -> str:
        if last.fate == "rescheduled":
            return "scheduled"
        if last.fate == "canceled":
            return "canceled"
        if last.has_mark:
            return "no_show"
        return "held" if last.meeting_at <= self.rules.moment.as_of else "scheduled"

    def channel_of(self, name: str | None) -> str:
        """The channel of a touch."""
        return self.aliases.get(name, name) or NO_CHANNEL

    @cached_property
    def sights(self) -> dict[Person, list[Sight]]:
        """When and where everybody was seen."""
        found = defaultdict(list)
        for touch in self.company.touches:
            if person := self.people.person_of.get(Key("contact", touch.contact_id)):
                sight = Sight(touch.at, 0, touch.touchpoint_id, self.channel_of(touch.channel), None, "crm")
                found[person].append(sight)
        for one in self.bookings:
            found[one.person].append(Sight(one.booked_at, 1, one.booking_id, one.channel, one.campaign, "calendly"))
        for record in self.people.records:
            if record.source == "webinars" and record.at:
                person = self.people.person_of[record.owner]
                found[person].append(Sight(record.at, 2, "", WEBINAR, None, "webinars"))
        return found

    @cached_property
    def leads(self) -> dict[Person, Lead]:
        """Everybody but who is anonymous, as first seen."""
        return {person: Lead(person, min(seen)) for person, seen in self.sights.items() if not person.is_anonymous}

    # --- What bookings led to ---

    @cached_property
    def candidates(self) -> dict[str, Opportunity | None]:
        """Of each booking the first opportunity that can come of it."""
        return {one.booking_id: self._candidate(one) for one in self.bookings}

    def _candidate(self, booking: Booking) -> Opportunity | None:
        ends_at = booking.booked_at + self.rules.days_to_opportunity * _DAY
        following = [
            one
            for one in self._opportunities_of(booking.person.account_id)
            if booking.booked_at <= one.created_at <= ends_at
        ]
        return min(following, key=lambda one: (one.created_at, one.opportunity_id), default=None)

    def _opportunities_of(self, account_id: str | None) -> list[Opportunity]:
        return [one for one in self.company.opportunities if account_id and one.account_id == account_id]

    @cached_property
    def opportunity_of(self) -> dict[str, Opportunity]:
        """The opportunity that each booking led to."""
        found = {}
        order = sorted(self.bookings, key=lambda one: (not one.is_held, one.booked_at, one.booking_id))
        for booking in order:
            candidate = self.candidates[booking.booking_id]
            if candidate and candidate not in found.values():
                found[booking.booking_id] = candidate
        return found

    @cached_property
    def booking_of(self) -> dict[str, Booking]:
        """The booking that led to each opportunity."""
        bookings = {one.booking_id: one for one in self.bookings}
        return {one.opportunity_id: bookings[booking_id] for booking_id, one in self.opportunity_of.items()}

    def reason(self, booking: Booking) -> str | None:
        """Why a booking led to none."""
        if booking.booking_id in self.opportunity_of:
            return None
        if booking.person.account_id is None:
            return "no_account"
        return "given_to_another_booking" if self.candidates[booking.booking_id] else "no_opportunity"

    # --- Who pays ---

    @cached_property
    def customers(self) -> list[Customer]:
        """Everybody who is called a customer, each with the lead."""
        paid = defaultdict(list)
        for payment in self.company.payments:
            paid[payment.customer_id].append(payment)
        names = {one.customer_id for one in self.company.users} | paid.keys()
        return [self._customer(name, paid[name]) for name in sorted(filter(is_customer, names))]

    def _customer(self, customer_id: str, payments: list[Payment]) -> Customer:
        person = self.people.person_of.get(Key("customer", customer_id))
        paid_at = min((one.at for one in payments if one.amount and one.amount > 0), default=None)
        lead, link = self._lead(person, paid_at) if person and paid_at else (None, None)
        return Customer(customer_id, person, tuple(payments), paid_at, lead, link)

    def _lead(self, person: Person, paid_at: datetime) -> tuple[Lead | None, str | None]:
        """The lead that became a customer, and how it is known."""
        led_to = [
            one
            for one in self._opportunities_of(person.account_id)
            if one.opportunity_id in self.booking_of and one.created_at <= paid_at
        ]
        newest = max(led_to, key=lambda one: (one.created_at, one.opportunity_id), default=None)
        if newest:
            return self.leads[self.booking_of[newest.opportunity_id].person], "opportunity"
        account_id = person.account_id
        colleagues = [
            one
            for one in self.leads.values()
            if account_id and one.person.account_id == account_id and one.seen_at <= paid_at
        ]
        if colleagues:
            return min(colleagues, key=lambda one: (one.seen_at, one.person.person_id)), "account"
        own = self.leads.get(person)
        return (own, "person") if own and own.seen_at <= paid_at else (None, None)

    def converted(self, payment: Payment) -> Decimal | None:
        """What a payment comes to; None where it has no amount, or its rate is missing."""
        if not payment.amount:
            return payment.amount
        day = self.rules.moment.date(payment.at)
        rate = rate_of(self.company, Fraction(payment.amount), payment.currency, day, self.rules.longest_rate_days)
        return None if rate is None else money(Fraction(payment.amount) * Fraction(rate))

    # --- Journeys ---

    @cached_property
    def journeys(self) -> dict[str, list[Event]]:
        """The events of each account, in order."""
        found = defaultdict(list)
        for account_id, event in [*self._touch_events(), *self._people_events(), *self._money_events()]:
            if account_id:
                found[account_id].append(event)
        return {account_id: sorted(events, key=lambda event: event.order) for account_id, events in found.items()}

    def _touch_events(self) -> Iterator[tuple[str | None, Event]]:
        accounts = {one.contact_id: one.account_id for one in self.company.contacts}
        for one in self.company.touches:
            person = self.people.person_of.get(Key("contact", one.contact_id))
            event_id, label = f"{one.touchpoint_type}:{one.touchpoint_id}", f"{one.touchpoint_type.title()} touch"
            channel = self.channel_of(one.channel)
            yield accounts.get(one.contact_id), Event("touch", event_id, one.at, channel, label, person, None)

    def _people_events(self) -> Iterator[tuple[str | None, Event]]:
        for one in self.bookings:
            label = f"Booking, {one.status.replace('_', '-')}"
            event = Event("booking", one.booking_id, one.booked_at, one.channel, label, one.person, None)
            yield one.person.account_id, event
        for (webinar_id, person), visit in self.visits.items():
            if visit.stays or visit.is_registered:
                label = "Webinar, attended" if visit.stays else "Webinar, missed"
                event_id, at = f"{webinar_id}:{person.person_id}", visit.joined_at or visit.registered_at
                yield person.account_id, Event("webinar", event_id, at, WEBINAR, label, person, None)

    @cached_property
    def visits(self) -> dict[tuple[str, Person], Visit]:
        """Everybody in each webinar, by its name and the person."""
        found = defaultdict(lambda: Visit([], []))
        # Who they are was worked out one by one, in this order.
        records = [one for one in self.people.records if one.source == "webinars" and one.at]
        for one, record in zip([*self.company.registrations, *self.company.stays], records, strict=True):
            visit = found[one.webinar.webinar_id, self.people.person_of[record.owner]]
            (visit.stays if isinstance(one, Stay) else visit.seats).append(one)
        return found

    def _money_events(self) -> Iterator[tuple[str | None, Event]]:
        for one in self.company.opportunities:
            event = Event("opportunity", one.opportunity_id, one.created_at, None, "Opportunity", None, one.amount)
            yield one.account_id, event
        for customer in self.customers:
            for one in customer.payments:
                label = "Payment" if one.amount is None or one.amount > 0 else "Refund" if one.amount else "Charge of 0"
                event = Event(
                    *("payment", one.transaction_id, one.at, None, label, customer.person, self.converted(one))
                )
                yield customer.person and customer.person.account_id, event

    def path(self, opportunity: Opportunity) -> list[Event]:
        """The events that led to an opportunity."""
        begins_at = opportunity.created_at - self.rules.window_days * _DAY
        return [
            event
            for event in self.journeys.get(opportunity.account_id, [])
            if event.channel and begins_at <= event.at <= opportunity.created_at
        ]

    # --- What attribution counts ---

    @cached_property
    def touches(self) -> list[tuple[str, str, datetime]]:
        """Channel, account and instant of each touch of an account."""
        accounts = {one.contact_id: one.account_id for one in self.company.contacts}
        return [
            (self.channel_of(one.channel), account_id, one.at)
            for one in self.company.touches
            if (account_id := accounts.get(one.contact_id))
        ]


# --- The funnel ---------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where something counts: a day, a channel and a campaign."""

    day: date | None
    channel: str
    campaign: str


class Entry(NamedTuple):
    """Something that counts, and where it does on either basis."""

    kind: str
    thing: object
    cohort: Place
    activity: Place


@dataclass(frozen=True)
class Steps:
    """What a lead reached, and when first."""

    seen_at: datetime
    booked_at: datetime | None
    held_at: datetime | None
    opportunity_at: datetime | None
    paid_at: datetime | None


def entries(world: Conversion) -> Iterator[Entry]:
    """Everything that counts in a company's funnel."""
    date_of = world.rules.moment.date
    nowhere = Place(None, UNLINKED, NO_CAMPAIGN)

    def place(lead: Lead | None, at: datetime | None = None) -> Place:
        """The lead's place, on another day if one is given."""
        if lead is None:
            return nowhere._replace(day=date_of(at))
        return Place(date_of(at or lead.seen_at), lead.sight.channel, lead.sight.campaign or NO_CAMPAIGN)

    for lead in world.leads.values():
        yield Entry("lead", steps_of(world, lead), place(lead), place(lead))
    for one in world.bookings:
        own = Place(date_of(one.booked_at), one.channel, one.campaign or NO_CAMPAIGN)
        yield Entry("booking", one, place(world.leads[one.person]), own)
    for one in world.company.opportunities:
        booking, day = world.booking_of.get(one.opportunity_id), date_of(one.created_at)
        if booking:
            own = Place(day, booking.channel, booking.campaign or NO_CAMPAIGN)
            yield Entry("opportunity", one, place(world.leads[booking.person]), own)
        else:
            yield Entry("opportunity", one, nowhere, nowhere._replace(day=day))
    leads = {}
    for one in world.customers:
        leads |= dict.fromkeys(one.payments, one.lead)
        if one.paid_at:
            yield Entry("customer", one, place(one.lead), place(one.lead, one.paid_at))
    for payment in world.company.payments:
        lead = leads.get(payment)
        yield Entry("payment", (payment, world.converted(payment)), place(lead), place(lead, payment.at))


def steps_of(world: Conversion, lead: Lead) -> Steps:
    """What a lead reached."""
    bookings = [one for one in world.bookings if one.person == lead.person]
    opportunities = [
        world.opportunity_of[one.booking_id].created_at for one in bookings if one.booking_id in world.opportunity_of
    ]
    return Steps(
        lead.seen_at,
        min((one.booked_at for one in bookings), default=None),
        min((one.meeting_at for one in bookings if one.is_held), default=None),
        min(opportunities, default=None),
        min((one.paid_at for one in world.customers if one.lead == lead), default=None),
    )


class Row(NamedTuple):
    """The figures of a group; those that only cohorts have are None on the basis activity."""

    leads: int
    booked_leads: int | None
    held_leads: int | None
    opportunity_leads: int | None
    paying_leads: int | None
    bookings: int
    held: int
    opportunities: int
    pipeline_amount: Decimal
    customers: int
    revenue: Decimal | None
    rates: tuple[float | None, ...]
    median_days: tuple[float | None, ...]
    spend: Decimal | None
    is_rate_missing: bool
    with_spend: tuple[int, ...]
    costs: tuple[Decimal | None, ...]


class Funnel:
    """The funnel of many companies that know nothing of one another.

    Args:
        worlds: The companies.
        spent: What all of them spent.
        rules: How it is looked at.
    """

    def __init__(self, worlds: Iterable[Conversion], spent: list[Spent], rules: Rules) -> None:
        """Brings together all that counts."""
        self.entries = [entry for world in worlds for entry in entries(world)]
        self.spent, self.rules = spent, rules
        self._known = {(row.day, row.channel) for row in spent}

    def grouped(self, basis: str, key: Callable[[Place], tuple | None]) -> dict[tuple, Row]:
        """The figures of each group of places; None for what is in no group."""
        groups = defaultdict(lambda: ([], []))
        for entry in self.entries:
            groups[key(getattr(entry, basis))][0].append(entry)
        for row in self.spent:
            groups[key(Place(row.day, row.channel, row.campaign or NO_CAMPAIGN))][1].append(row)
        return {name: self._row(basis, *parts) for name, parts in groups.items() if name is not None}

    def by_campaign(self, basis: str) -> dict[tuple, tuple[Row, bool]]:
        """Figures of each (month, channel, campaign), and whether only the channel as a whole has costs.

        That is so where money without a campaign stands beside what has one, or the other way round.
        """
        spent, came = defaultdict(set), defaultdict(set)
        for row in self.spent:
            spent[month_of(row.day), row.channel].add(row.campaign is not None)
        for entry in self.entries:
            place = getattr(entry, basis)
            if entry.kind != "payment" and place.day:
                came[month_of(place.day), place.channel].add(place.campaign != NO_CAMPAIGN)
        blended = {key for key in spent if len(spent[key] | came[key]) > 1 and came[key]}
        found = self.grouped(basis, lambda place: (place.day and month_of(place.day), place.channel, place.campaign))
        return {key: (row, key[:2] in blended) for key, row in found.items()}

    def is_mature(self, month: date) -> bool:
        """Whether no booking of the month can lead to an opportunity any more."""
        last_day = month_of(month + 31 * _DAY) - _DAY
        today = self.rules.moment.date(self.rules.moment.as_of)
        return last_day + self.rules.days_to_opportunity * _DAY < today

    def _row(self, basis: str, members: list[Entry], spent: list[Spent]) -> Row:
        of = defaultdict(list)
        for entry in members:
            of[entry.kind].append(entry)
        spend = complete_sum(row.converted for row in spent)
        held = [entry for entry in of["booking"] if entry.thing.is_held]
        compared = [
            sum((place.day, place.channel) in self._known for entry in group for place in [getattr(entry, basis)])
            for group in (of["lead"], of["booking"], held, of["opportunity"], of["customer"])
        ]
        costs = [None if spend is None or not number else money(Fraction(spend) / number) for number in compared]
        paid = [converted for _, converted in (entry.thing for entry in of["payment"])]
        is_unconverted = any(one.amount and converted is None for one, converted in (e.thing for e in of["payment"]))
        reached = _reached([entry.thing for entry in of["lead"]]) if basis == "cohort" else _Reached()
        return Row(
            *(len(of["lead"]), *reached.counts, len(of["booking"]), len(held), len(of["opportunity"])),
            money(sum((Fraction(entry.thing.amount or 0) for entry in of["opportunity"]), Fraction(0))),
            len(of["customer"]),
            None if is_unconverted else money(sum((Fraction(one or 0) for one in paid), Fraction(0))),
            *(reached.rates, reached.median_days, spend, any(row.converted is None for row in spent)),
            *(tuple(compared), tuple(costs)),
        )


class _Reached(NamedTuple):
    """How far leads came."""

    counts: tuple = (None,) * 4
    rates: tuple = (None,) * 4
    median_days: tuple = (None,) * 4


def _reached(leads: list[Steps]) -> _Reached:
    """How many leads came to each step, which part of those of the step before, and after how long."""
    steps = ("seen_at", "booked_at", "held_at", "opportunity_at", "paid_at")
    counts, rates, medians = [], [], []
    for before, step in pairwise(steps):
        from_there = [one for one in leads if getattr(one, before)]
        both = [one for one in from_there if getattr(one, step)]
        counts.append(sum(getattr(one, step) is not None for one in leads))
        rates.append(len(both) / len(from_there) if from_there else None)
        # Who came there earlier than to the step before did not wait.
        waits = [max(days_between(getattr(one, before), getattr(one, step)), 0) for one in both]
        medians.append(median(waits) if waits else None)
    return _Reached(tuple(counts), tuple(rates), tuple(medians))


# --- Channels and journeys ----------------------------------------------------------------------------------


def channel_conversion(worlds: Iterable[Conversion]) -> dict[str, tuple[int, int, int]]:
    """Of each channel how many accounts it touched, how many then had an opportunity, and how many in its window."""
    found: dict[str, Counter] = defaultdict(Counter)
    for world in worlds:
        window = world.rules.window_days * _DAY
        for is_all in (False, True):
            touched = defaultdict(list)
            for channel, account_id, at in world.touches:
                touched[ALL_CHANNELS if is_all else channel, account_id].append(at)
            for (channel, account_id), instants in touched.items():
                created = [one.created_at for one in world.company.opportunities if one.account_id == account_id]
                found[channel]["touched"] += 1
                found[channel]["converted"] += any(at >= min(instants) for at in created)
                found[channel]["in window"] += any(
                    at - window <= instant <= at for at in created for instant in instants
                )
    return {channel: (one["touched"], one["converted"], one["in window"]) for channel, one in found.items()}


def label_of(channel: str) -> str:
    """The channel as people read it."""
    return channel[:1].upper() + channel[1:].replace("_", " ")


def steps(events: list[Event]) -> list[str]:
    """The channels on the way; one that stands several times in a row stands once."""
    return [channel for channel, _ in groupby(event.channel for event in events)]


def path_text(events: list[Event]) -> str | None:
    """A path as people read it."""
    labels = list(map(label_of, steps(events)))
    shown = labels[:LONGEST_PATH] + ["…"] * (len(labels) > LONGEST_PATH)
    return STEP.join(shown) or None
