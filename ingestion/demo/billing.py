"""Larkfield's subscriptions: who became a customer, what was charged and paid back, and what must come out in the end.

Some of the CRM's opportunities are won. Older customers were won before there was a CRM, and small ones subscribe by
themselves, so billing alone knows both. What the billing backend's export makes of it is its writer's business.
"""

import hashlib
import string
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from random import Random

from ingestion.demo.addresses import own_address
from ingestion.demo.world import DAYS, START, Account, Contact, World, company_domain, company_name, person_name

EXPORTED_AT = datetime(2026, 6, 24, 7, 30, tzinfo=UTC)

# The months between two invoices.
INTERVALS = {"Monthly": 1, "Quarterly": 3, "Semi-Annually": 6, "Annually": 12, "36 Months": 36}

# An app of its own, which took the place of the Time Clock.
SHIFT_SWAP_SINCE = datetime(2025, 2, 1, tzinfo=UTC)
FORECAST_SINCE = datetime(2025, 9, 1, tzinfo=UTC)
# By this release rotas were lost: until the month was over customers were paid back a part, and invoices were lower.
FAILED_RELEASE = datetime(2026, 3, 10, tzinfo=UTC)
_MADE_GOOD = datetime(2026, 4, 1, tzinfo=UTC)
_PERCENTS_LEFT = 75
# Invoices that were due over these holidays went out in the days after, so many times as fast.
_HOLIDAYS = (datetime(2025, 12, 24, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
_CATCHING_UP = 4

_ADD_ON_INTERVALS = ("Monthly", "Quarterly", "Annually")
_METERED = ("SMS Credits", "Call Credits")
# Nobody agrees on more for the part of a year that an invoice is for, if it can be paid by the month.
_MOST_AT_ONCE = 15_000
# Small customers of an account's number, and how long before the world began the first of them came.
_MOST_SMALL, _DAYS_BEFORE = 3, 360
_SMALL_PRICES = (29, 29, 49, 49, 79, 99, 149)
_TRIAL = timedelta(days=14)

_IN_EUROS = 0.07
_ON_TRIAL, _TRIED_ONLY = 0.6, 0.3
_USES_CREDITS = 0.15
_PAYS_LATE, _DOES_NOT_PAY = 0.05, 0.02
_PAID_BACK, _PAID_BACK_FOR_THE_RELEASE = 0.006, 0.2
_BOUGHT_ONCE_A_YEAR = 0.3
_PERSONAL_ADDRESS, _NEW_CONTACT, _CAPITALS = 0.12, 0.1, 0.15
_NEVER_NAMED, _RENAMED, _NAME_LEFT_OUT, _EMAIL_LEFT_OUT = 0.03, 0.15, 0.08, 0.04

_OLDER_TRADES = ("Airports", "Breweries", "Cinemas", "Ferries", "Mills", "Museums")
_SMALL_TRADES = ("Bikes", "Bistro", "Books", "Creche", "Diner", "Farm", "Florist", "Gym", "Pharmacy", "Salon", "Tours")


@dataclass(frozen=True)
class Buyer:
    """How customers of a kind buy.

    Attributes:
        won: Share of the opportunities that are won.
        intervals: Relative number of subscriptions, by key of INTERVALS.
        supported: Share of the subscriptions that include support.
        forecasting: Share of the subscriptions that include the forecast, once there is one.
        changed: Share of the subscriptions that are changed within a year.
        lost: Share of the subscriptions that end within a year.
        is_small: Whether they subscribe by themselves, to one product, mostly after a trial.
    """

    won: float
    intervals: Mapping[str, int]
    supported: float
    forecasting: float
    changed: float
    lost: float
    is_small: bool = False


_SEGMENTS = {
    "Enterprise": Buyer(
        won=0.22,
        intervals={"Monthly": 60, "Quarterly": 32, "Semi-Annually": 5, "Annually": 3},
        supported=0.7,
        forecasting=0.35,
        changed=0.3,
        lost=0.12,
    ),
    "Mid Market": Buyer(
        won=0.28,
        intervals={"Monthly": 55, "Quarterly": 25, "Semi-Annually": 6, "Annually": 14},
        supported=0.3,
        forecasting=0.2,
        changed=0.35,
        lost=0.18,
    ),
    "Commercial": Buyer(
        won=0.34,
        intervals={"Monthly": 62, "Quarterly": 14, "Annually": 20, "36 Months": 4},
        supported=0.0,
        forecasting=0.0,
        changed=0.3,
        lost=0.28,
    ),
}
_OLDER = Buyer(
    won=0.24,
    intervals={"Monthly": 60, "Quarterly": 20, "Semi-Annually": 4, "Annually": 14, "36 Months": 2},
    supported=0.25,
    forecasting=0.1,
    changed=0.25,
    lost=0.24,
)
_SMALL = Buyer(
    won=0.0,
    intervals={"Monthly": 88, "Annually": 12},
    supported=0.0,
    forecasting=0.0,
    changed=0.15,
    lost=0.35,
    is_small=True,
)


@dataclass(frozen=True)
class Line:
    """What a subscription is for.

    Attributes:
        product: Its name today.
        units: Its price on each invoice, in whole units of the customer's currency.
        agreed_at: Since when it has stood in the subscription like this.
    """

    product: str
    units: int
    agreed_at: datetime


@dataclass(frozen=True)
class Subscription:
    """A subscription, with its status and its lines as they are in the end."""

    key: str
    interval: str
    status: str
    lines: tuple[Line, ...]

    @property
    def is_listed(self) -> bool:
        """Whether billing still lists it: it forgets what was canceled."""
        return self.status != "canceled"


@dataclass(frozen=True)
class Charge:
    """An amount that a customer pays, or gets back if it is below zero."""

    at: datetime
    cents: int
    subscription: Subscription | None = None


@dataclass(frozen=True)
class Transaction:
    """A charge with its key, and the name and the address that billing had of its customer, empty where it had none."""

    key: str
    charge: Charge
    name: str
    email: str


@dataclass(frozen=True)
class Customer:
    """Somebody who subscribed, with what was charged since the world began, in order of time."""

    key: str
    currency: str
    subscriptions: tuple[Subscription, ...]
    transactions: tuple[Transaction, ...]


_KEY_LETTERS = string.digits + string.ascii_letters


def key_of(kind: str, length: int, *facts: object) -> str:
    """Return a key as billing backends make them: what it is of, and letters in which case counts."""
    digest = hashlib.sha256(" ".join(map(str, ("larkfield", kind, *facts))).encode()).digest()
    number = int.from_bytes(digest, "big")
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(_KEY_LETTERS))
        letters.append(_KEY_LETTERS[place])
    return f"{kind}_{''.join(letters)}"


@dataclass(frozen=True)
class _Party:
    """Who subscribes, of those that are in the world because of an account's number.

    Attributes:
        number: The account's.
        kind: Tells them from others of that number.
        name: What they are called.
        people: Whose addresses may be known, the likeliest first.
    """

    number: int
    kind: str
    name: str
    people: tuple[Contact, ...]

    @property
    def mark(self) -> str:
        """What tells their people's own addresses from those of others who are called the same."""
        return f"{self.number}" if self.kind == "account" else f"{self.number}.{self.kind.replace(' ', '.')}"

    def key(self, kind: str, length: int, *facts: object) -> str:
        """Return a key of something of theirs."""
        return key_of(kind, length, self.number, self.kind, *facts)


def _later(at: datetime, months: int) -> datetime:
    """Return the same time of the same day months later, or of the last day that every month has."""
    years, month = divmod(at.month - 1 + months, 12)
    return at.replace(year=at.year + years, month=month + 1, day=min(at.day, 28))


def _in_office_hours(rng: Random, day: datetime) -> datetime:
    """Draw a minute of a day, or, where not every month has it, of one of the next month's first days."""
    day += timedelta(days=3 if day.day > 28 else 0)
    return datetime(day.year, day.month, day.day, 7 + rng.randrange(10), rng.randrange(60), tzinfo=UTC)


def _minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)


def _part(rng: Random, units: int, low: int, high: int) -> int:
    """Draw between so many hundredths of an amount."""
    return units * rng.randint(low, high) // 100


def _lines(rng: Random, buyer: Buyer, interval: str, units: int, at: datetime) -> list[Line]:
    """Draw of what products a subscription is made up: one that it is mainly for, and what comes with it."""
    has_app = at >= SHIFT_SWAP_SINCE
    # Who needs no support may want the app alone.
    is_for_the_app = has_app and not buyer.supported and rng.random() < 0.45
    prices: dict[str, int] = {}
    if interval in _ADD_ON_INTERVALS and not (buyer.is_small or is_for_the_app):
        if has_app and rng.random() < 0.5:
            prices[f"Shift Swap : {interval}"] = _part(rng, units, 15, 30)
        elif rng.random() < (0.05 if has_app else 0.45):
            prices[f"Time Clock : {interval}"] = _part(rng, units, 10, 20)
        if at >= FORECAST_SINCE and rng.random() < buyer.forecasting:
            prices[f"Demand Forecast : {interval}"] = _part(rng, units, 15, 25)
    if rng.random() < buyer.supported:
        prices[f"Rota Planner - Support : {interval}"] = _part(rng, units, 12, 25)
    if not buyer.is_small and rng.random() < 0.2:
        prices["Onboarding"] = 0
    main = "Shift Swap" if is_for_the_app else "Rota Planner"
    prices = {f"{main} : {interval}": units - sum(prices.values())} | prices
    return [Line(product, price, at) for product, price in prices.items()]


def _changed(rng: Random, lines: Sequence[Line], at: datetime) -> list[Line]:
    """Draw how a subscription changes: the Time Clock makes way for the app, or more or fewer people are planned."""
    if at >= SHIFT_SWAP_SINCE and any(line.product.startswith("Time Clock") for line in lines):
        return [
            Line(line.product.replace("Time Clock", "Shift Swap"), line.units * 16 // 10, at)
            if line.product.startswith("Time Clock")
            else line
            for line in lines
        ]
    percents = rng.randint(110, 150) if rng.random() < 0.8 else rng.randint(60, 90)
    return [Line(line.product, line.units * percents // 100, at) if line.units else line for line in lines]


def _price(lines: Iterable[Line]) -> int:
    """Return what one invoice for these lines is made out for, in cents."""
    return 100 * sum(line.units for line in lines)


def _course(
    rng: Random, buyer: Buyer, interval: str, lines: list[Line], at: datetime
) -> tuple[str, list[Line], list[Charge]]:
    """Live through a subscription, until it is canceled or the export is made.

    Args:
        rng: The customer's stream.
        buyer: Their kind.
        interval: The key of INTERVALS.
        lines: What was agreed on.
        at: When the first invoice is due.

    Returns:
        Its status, its lines and what was charged; what is below a period's price was due because of a change.
    """
    charges = []
    months = INTERVALS[interval]
    due, number = at, 0
    while due < EXPORTED_AT:
        charges.append(Charge(due, _price(lines)))
        number += 1
        following = _later(at, number * months)
        whole = _minutes(following - due)
        rest = rng.randrange(whole)
        changed_at = following - timedelta(minutes=rest)
        if rng.random() < buyer.changed * months / 12 and changed_at < EXPORTED_AT:
            before, lines = _price(lines), _changed(rng, lines, changed_at)
            if _price(lines) > before:
                charges.append(Charge(changed_at, (_price(lines) - before) * rest // whole))
        if rng.random() < buyer.lost * months / 12 and following < EXPORTED_AT:
            return "canceled", lines, charges
        due = following
    return "active", lines, charges


def _owing(rng: Random, charges: list[Charge]) -> tuple[str, list[Charge]]:
    """Draw whether the newest invoice of a subscription was paid."""
    manner = rng.random()
    if len(charges) < 2 or manner > _PAYS_LATE + _DOES_NOT_PAY or EXPORTED_AT - charges[-1].at > timedelta(days=60):
        return "active", charges
    return "past_due" if manner < _PAYS_LATE else "unpaid", charges[:-1]


def _sent(charge: Charge) -> Charge:
    """Return a charge as it really went out, and when."""
    since, until = _HOLIDAYS
    if since <= charge.at < until:
        return Charge(until + timedelta(minutes=_minutes(charge.at - since) // _CATCHING_UP), charge.cents)
    if FAILED_RELEASE <= charge.at < _MADE_GOOD:
        return Charge(charge.at, charge.cents * _PERCENTS_LEFT // 100)
    return charge


def _refunds(rng: Random, months: int, charges: Iterable[Charge]) -> Iterator[Charge]:
    """Draw what is paid back: now and then all of it, and after the failed release a part of the month."""
    for charge in (charge for charge in charges if charge.cents):
        if rng.random() < _PAID_BACK:
            yield Charge(charge.at + timedelta(minutes=rng.randint(3_000, 30_000)), -charge.cents)
        is_hit = charge.at < FAILED_RELEASE <= _later(charge.at, months)
        if is_hit and rng.random() < _PAID_BACK_FOR_THE_RELEASE:
            minutes = rng.randrange(_minutes(_MADE_GOOD - FAILED_RELEASE))
            cents = charge.cents * rng.randint(50, 100) // (100 * months)
            yield Charge(FAILED_RELEASE + timedelta(minutes=minutes), -cents)


def _subscription(rng: Random, buyer: Buyer, key: str, units_a_year: int, at: datetime) -> list[Charge]:
    """Draw a subscription and return what was charged for it, in no order."""
    interval = rng.choices(list(buyer.intervals), list(buyer.intervals.values()))[0]
    if units_a_year * min(INTERVALS[interval], 12) // 12 > _MOST_AT_ONCE:
        interval = "Monthly"
    months = INTERVALS[interval]
    lines = _lines(rng, buyer, interval, units_a_year * months // 12, at)
    trial = []
    if buyer.is_small and rng.random() < _ON_TRIAL:
        trial.append(Charge(at, 0))
        at += _TRIAL
    if trial and at >= EXPORTED_AT:
        status, charges = "trialing", []
    elif trial and rng.random() < _TRIED_ONLY:
        status, charges = "canceled", []
    else:
        status, lines, charges = _course(rng, buyer, interval, lines, at)
        if status == "active":
            status, charges = _owing(rng, charges)
    sent = [_sent(charge) for charge in (*trial, *charges)]
    subscription = Subscription(key, interval, status, tuple(lines))
    return [Charge(charge.at, charge.cents, subscription) for charge in (*sent, *_refunds(rng, months, sent))]


def _credits(rng: Random, key: str, at: datetime) -> list[Charge]:
    """Draw a subscription without a price, and what was charged each month for what was used, if anything was."""
    products = _METERED if rng.random() < 0.3 else _METERED[:1]
    subscription = Subscription(key, "Monthly", "active", tuple(Line(product, 0, at) for product in products))
    charges = []
    at = _later(at, 1)
    while at < EXPORTED_AT:
        charges.append(Charge(at, rng.randint(150, 9_000) if rng.random() < 0.7 else 0, subscription))
        at = _later(at, 1)
    return charges


def _one_offs(rng: Random, at: datetime) -> Iterator[Charge]:
    """Draw training days and the like, which belong to no subscription."""
    while at < EXPORTED_AT:
        bought_at = at + timedelta(minutes=rng.randrange(365 * 24 * 60))
        if rng.random() < _BOUGHT_ONCE_A_YEAR:
            yield Charge(bought_at, 15_000 * rng.randint(4, 30))
        at = _later(at, 12)


def _address(rng: Random, party: _Party, contact: Contact) -> str:
    """Draw which address somebody gave: that of the company, in some spelling, or one of their own."""
    if rng.random() < _PERSONAL_ADDRESS or not contact.email:
        return own_address(party.mark, contact)
    first_name = contact.first_name
    return contact.email.replace(first_name.lower(), first_name, 1) if rng.random() < _CAPITALS else contact.email


def _emails(rng: Random, party: _Party) -> tuple[str, str]:
    """Draw at which address billing reaches a customer, and at which in the end."""
    address = _address(rng, party, rng.choice(party.people[:2]))
    return address, _address(rng, party, rng.choice(party.people)) if rng.random() < _NEW_CONTACT else address


def _names(rng: Random, name: str) -> tuple[str, str]:
    """Draw what a customer is called in billing, and in the end."""
    if rng.random() < _NEVER_NAMED:
        return "", ""
    return name, rng.choice((f"{name} Ltd", name.upper(), f"The {name}")) if rng.random() < _RENAMED else name


def _customer(rng: Random, party: _Party, currency: str, charges: list[Charge]) -> Customer:
    """Put together what billing has of a customer.

    Args:
        rng: The customer's stream.
        party: Who they are.
        currency: In which they pay.
        charges: All that was ever charged, in no order.
    """
    key = party.key("cus", 14)
    names, emails = _names(rng, party.name), _emails(rng, party)
    sent = sorted((charge for charge in charges if START <= charge.at < EXPORTED_AT), key=lambda charge: charge.at)
    changes = rng.randrange(len(sent) + 1), rng.randrange(len(sent) + 1)
    transactions = tuple(
        Transaction(
            key_of("in", 24, key, number),
            charge,
            names[number >= changes[0]] if rng.random() > _NAME_LEFT_OUT else "",
            emails[number >= changes[1]] if rng.random() > _EMAIL_LEFT_OUT else "",
        )
        for number, charge in enumerate(sent)
    )
    subscriptions = {charge.subscription.key: charge.subscription for charge in charges if charge.subscription}
    return Customer(key, currency, tuple(subscriptions.values()), transactions)


def _currency(rng: Random) -> str:
    return "EUR" if rng.random() < _IN_EUROS else "USD"


def _in_currency(dollars: int, currency: str) -> int:
    """Return about the same amount in the other currency, as it is agreed on."""
    return dollars * 9 // 10 if currency == "EUR" else dollars


def _stranger(rng: Random, domain: str = "") -> tuple[Contact, ...]:
    """Draw somebody whom the CRM does not know."""
    first, last = person_name(rng)
    return (Contact(1, first, last, f"{first}.{last}@{domain}".lower() if domain else ""),)


def _beside(rng: Random, party: _Party, at: datetime) -> Iterator[Charge]:
    """Yield what a customer buys beside subscriptions that have a price."""
    yield from _one_offs(rng, at)
    if rng.random() < _USES_CREDITS:
        yield from _credits(rng, party.key("sub", 24, "credits"), at)


def _won(world: World, account: Account) -> Iterator[Customer]:
    """Yield the account as a customer, if any of its opportunities was won."""
    rng = world.stream(account.number, "billing")
    buyer = _SEGMENTS[account.segment.name]
    currency = _currency(rng)
    party = _Party(account.number, "account", account.name, account.contacts or _stranger(rng))
    charges: list[Charge] = []
    bought_at = []
    for number, opportunity in enumerate(account.opportunities, start=1):
        if rng.random() < buyer.won:
            at = _in_office_hours(rng, opportunity.created_at + timedelta(days=rng.randint(12, 55)))
            dollars = account.segment.typical_amount // 2 if opportunity.amount is None else opportunity.amount
            key = party.key("sub", 24, number)
            charges += _subscription(rng, buyer, key, _in_currency(dollars, currency), at)
            bought_at.append(at)
    if bought_at:
        charges += _beside(rng, party, bought_at[0])
        yield _customer(rng, party, currency, charges)


def _older(world: World, number: int) -> Iterator[Customer]:
    """Yield the customer of an account's number that was won before there was a CRM, if there is one."""
    rng = world.stream(number, "older customer")
    if rng.random() >= _OLDER.won:
        return
    currency = _currency(rng)
    name = company_name(number, _OLDER_TRADES)
    party = _Party(number, "older", name, _stranger(rng, company_domain(name)))
    at = _in_office_hours(rng, START - timedelta(days=rng.randint(30, 1_000)))
    # Of middling size; every other one is larger.
    dollars = 6_000 + 250 * rng.randint(0, 100) + 500 * rng.randint(0, 60) * rng.randint(0, 1)
    charges = _subscription(rng, _OLDER, party.key("sub", 24), _in_currency(dollars, currency), at)
    charges += _beside(rng, party, at)
    yield _customer(rng, party, currency, charges)


def _small(world: World, number: int) -> Iterator[Customer]:
    """Yield the small customers of an account's number, who found Larkfield by themselves."""
    rng = world.stream(number, "small customers")
    for place in range(rng.choices(range(_MOST_SMALL + 1), (35, 35, 20, 10))[0]):
        currency = _currency(rng)
        arrival = max(rng.random(), rng.random()) if rng.random() < 0.5 else rng.random()
        day = int(arrival * (DAYS + _DAYS_BEFORE)) - _DAYS_BEFORE
        at = _in_office_hours(rng, START + timedelta(days=day))
        name = company_name(number * _MOST_SMALL + place, _SMALL_TRADES)
        people = _stranger(rng, company_domain(name) if rng.random() < 0.4 else "")
        party = _Party(number, f"small {place}", name, people)
        units_a_year = _in_currency(rng.choice(_SMALL_PRICES) * rng.choice((10, 12)), currency)
        if at < EXPORTED_AT:
            yield _customer(rng, party, currency, _subscription(rng, _SMALL, party.key("sub", 24), units_a_year, at))


def customers_of(world: World, account: Account) -> list[Customer]:
    """Return the account as a customer, and those that are in the world because of its number."""
    drawn = (*_won(world, account), *_older(world, account.number), *_small(world, account.number))
    return [customer for customer in drawn if customer.subscriptions]


@lru_cache(maxsize=1)
def customers(world: World) -> list[Customer]:
    """Return all customers, by account."""
    return [customer for account in world.accounts() for customer in customers_of(world, account)]


@dataclass
class Month:
    """What was paid in one month, in one currency; the refunds are part of the revenue, and below zero."""

    revenue: Fraction = Fraction(0)
    transactions: int = 0
    customers: set[str] = field(default_factory=set)
    refunds: Fraction = Fraction(0)
    refund_count: int = 0


@dataclass
class Sales:
    """What was paid for a product, or by a customer, in one currency."""

    amount: Fraction = Fraction(0)
    transactions: int = 0
    first_date: date = date.max
    last_date: date = date.min

    def add(self, amount: Fraction, on: date) -> None:
        """Count one transaction, or a share of it."""
        self.amount += amount
        self.transactions += 1
        self.first_date, self.last_date = min(self.first_date, on), max(self.last_date, on)


@dataclass
class Truth:
    """What must come out of all transactions.

    Attributes:
        months: By first day and currency.
        products: By product, None where what was paid belongs to no subscription that is listed, and currency.
        spending: By key of the customer and currency.
        people: The last name and address that billing got of each customer, in small letters, None where it got none.
    """

    months: dict[tuple[date, str], Month]
    products: dict[tuple[str | None, str], Sales]
    spending: dict[tuple[str, str], Sales]
    people: dict[str, tuple[str | None, str | None]]


def _shares(subscription: Subscription | None) -> dict[str | None, Fraction]:
    """Return which part of what is paid for a subscription is paid for which product."""
    if subscription is None or not subscription.is_listed:
        return {None: Fraction(1)}
    # Where nothing has a price, all lines weigh the same.
    is_free = not any(line.units for line in subscription.lines)
    weights: dict[str | None, int] = defaultdict(int)
    for line in subscription.lines:
        weights[line.product] += 1 if is_free else line.units
    return {product: Fraction(weight, sum(weights.values())) for product, weight in weights.items()}


def in_own_currency(currency: str, cents: int, on: date) -> tuple[str, Fraction]:
    """Return the currency in which an amount counts, and what it is in it: here, what was paid."""
    return currency, Fraction(cents, 100)


def truth(world: World, counted: Callable[[str, int, date], tuple[str, Fraction]] = in_own_currency) -> Truth:
    """Return what must come out, counted from the charges themselves.

    Args:
        world: Who pays.
        counted: In which currency an amount counts, and what it is in it, from what was paid and on what day.
    """
    found = Truth(defaultdict(Month), defaultdict(Sales), defaultdict(Sales), {})
    for customer in customers(world):
        for transaction in customer.transactions:
            charge = transaction.charge
            on = charge.at.date()
            currency, amount = counted(customer.currency, charge.cents, on)
            month = found.months[on.replace(day=1), currency]
            month.revenue += amount
            month.transactions += 1
            month.customers.add(customer.key)
            if charge.cents < 0:
                month.refunds += amount
                month.refund_count += 1
            found.spending[customer.key, currency].add(amount, on)
            for product, share in _shares(charge.subscription).items():
                found.products[product, currency].add(amount * share, on)
        if customer.transactions:
            names, emails = (
                [value for value in values if value]
                for values in zip(*((one.name, one.email.lower()) for one in customer.transactions), strict=True)
            )
            found.people[customer.key] = (names[-1] if names else None, emails[-1] if emails else None)
    return found
