"""Spend and what bookings cost, worked out record by record, from the definitions and not from any SQL.

Amounts are whole fractions until the definitions round them, so that not even the last digit depends on how a database
adds, multiplies or divides.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from statistics import median

from attribution_by_hand import AMOUNT_PLACES, MODEL_LABELS, rounded

REPORTING_CURRENCY = "USD"
NO_CAMPAIGN = "(no campaign)"
# What no amount may come to by a rate, as none of a file may be as large.
TOO_LARGE = 10**15


@dataclass(frozen=True)
class Figure:
    """A record of a file: what was known on the as-of day to have been spent on another."""

    as_of: date
    day: date
    channel: str
    campaign: str | None
    currency: str
    spend: Decimal


@dataclass(frozen=True)
class Rate:
    """A row of the company's exchange rates."""

    day: date
    currency: str
    rate: Decimal | None


@dataclass(frozen=True)
class Booking:
    """A booked meeting; its channel is the one that its event type is mapped to."""

    booking_id: str
    channel: str
    campaign: str | None
    booked_at: datetime
    day: date
    lead_hours: float
    status: str


@dataclass(frozen=True)
class Opportunity:
    """Pipeline that one touch of one channel earns whole, under every attribution model."""

    opportunity_id: str
    channel: str
    created_at: datetime
    amount: Decimal


@dataclass(frozen=True)
class Company:
    """What the sources and the company's seeds hold."""

    figures: tuple[Figure, ...] = ()
    aliases: tuple[tuple[str, str | None], ...] = ()
    rates: tuple[Rate, ...] = ()
    bookings: tuple[Booking, ...] = ()
    opportunities: tuple[Opportunity, ...] = ()


@dataclass(frozen=True)
class Spent:
    """A row of marketing_spend_fact."""

    day: date
    channel: str
    campaign: str | None
    currency: str
    spend: Decimal
    rate: Decimal | None
    converted: Decimal | None
    as_of: date


@dataclass(frozen=True)
class Cost:
    """What a group of bookings cost."""

    spend: Decimal | None
    bookings: int
    bookings_with_spend: int
    cost_per_booking: Decimal | None
    held: int
    held_with_spend: int
    cost_per_held_meeting: Decimal | None
    no_show: int
    canceled: int
    scheduled: int


def month_of(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def money(value: Fraction) -> Decimal:
    """An amount as the warehouse keeps it."""
    return rounded(value, AMOUNT_PLACES)


def complete_sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum; None of nothing, and where any amount is unknown: a part must not pass for the whole."""
    amounts = list(amounts)
    if not amounts or None in amounts:
        return None
    return money(sum(map(Fraction, amounts), Fraction(0)))


def rate_on(company: Company, currency: str, day: date, longest_days: int) -> Decimal | None:
    """The newest rate that is not too old on that day; the reporting currency is worth itself."""
    if currency == REPORTING_CURRENCY:
        return Decimal(1)
    known = {
        rate.day: rate.rate
        for rate in company.rates
        if rate.currency.strip().upper() == currency and rate.rate is not None and rate.day <= day
    }
    newest = max(known, default=None)
    return known[newest] if newest and (day - newest).days <= longest_days else None


def rate_of(company: Company, amount: Fraction, currency: str, day: date, longest_days: int) -> Decimal | None:
    """By what an amount of that day is converted: none where it would come to too much."""
    rate = rate_on(company, currency, day, longest_days)
    is_too_large = currency != REPORTING_CURRENCY and abs(amount * Fraction(rate or 0)) >= TOO_LARGE
    return None if is_too_large else rate


def spent(company: Company, longest_days: int) -> list[Spent]:
    """marketing_spend_fact: the latest figure of each key first, and only then the sums of what an alias joins."""
    latest: dict[tuple, Figure] = {}
    for figure in sorted(company.figures, key=lambda figure: figure.as_of):
        latest[figure.day, figure.channel, figure.campaign, figure.currency] = figure
    aliases = {name: channel for name, channel in company.aliases if channel}
    groups = defaultdict(list)
    for figure in latest.values():
        channel = aliases.get(figure.channel, figure.channel)
        groups[figure.day, channel, figure.campaign, figure.currency].append(figure)
    rows = []
    for (day, channel, campaign, currency), figures in groups.items():
        amount = sum((Fraction(figure.spend) for figure in figures), Fraction(0))
        rate = rate_of(company, amount, currency, day, longest_days)
        converted = None if rate is None else money(amount * Fraction(rate))
        as_of = max(figure.as_of for figure in figures)
        rows.append(Spent(day, channel, campaign, currency, money(amount), rate, converted, as_of))
    return rows


def _cost(rows: Iterable[Spent], bookings: Iterable[Booking], known: set[tuple[date, str]]) -> Cost:
    bookings = list(bookings)
    compared = [booking for booking in bookings if (booking.day, booking.channel) in known]
    held = [booking for booking in compared if booking.status == "held"]
    statuses = Counter(booking.status for booking in bookings)
    spend = complete_sum(row.converted for row in rows)

    def cost_of(some: list) -> Decimal | None:
        return None if spend is None or not some else money(Fraction(spend) / len(some))

    return Cost(
        *(spend, len(bookings), len(compared), cost_of(compared), statuses["held"], len(held), cost_of(held)),
        *(statuses["no_show"], statuses["canceled"], statuses["scheduled"]),
    )


def costs_by(company: Company, rows: list[Spent], key: Callable[[Spent | Booking], tuple]) -> dict[tuple, Cost]:
    """What each group of spend and bookings comes to.

    Args:
        company: Its bookings are grouped.
        rows: The spend that is grouped with them, all of which says for which days the spend of a channel is known.
        key: What group a row or a booking belongs to.
    """
    known = {(row.day, row.channel) for row in rows}
    groups: dict[tuple, tuple[list, list]] = defaultdict(lambda: ([], []))
    for row in rows:
        groups[key(row)][0].append(row)
    for booking in company.bookings:
        groups[key(booking)][1].append(booking)
    return {name: _cost(spend, bookings, known) for name, (spend, bookings) in groups.items()}


def by_day(company: Company, rows: list[Spent]) -> dict[tuple, Cost]:
    """Costs of each (day, channel, campaign)."""
    return costs_by(company, rows, lambda item: (item.day, item.channel, item.campaign or NO_CAMPAIGN))


def by_month(company: Company, rows: list[Spent]) -> dict[tuple, Cost]:
    """Costs of each (month, channel)."""
    return costs_by(company, rows, lambda item: (month_of(item.day), item.channel))


def by_channel(company: Company, rows: list[Spent]) -> dict[tuple, Cost]:
    """Costs of each (channel,)."""
    return costs_by(company, rows, lambda item: (item.channel,))


def in_all(company: Company, rows: list[Spent]) -> Cost:
    """Costs of everything."""
    return costs_by(company, rows, lambda item: ())[()]


def channels_without_cost_per_campaign(company: Company, rows: list[Spent]) -> set[str]:
    """Channels of which some spend has no campaign and some booking has one."""
    return {row.channel for row in rows if row.campaign is None} & {
        booking.channel for booking in company.bookings if booking.campaign is not None
    }


def by_campaign(company: Company, rows: list[Spent]) -> dict[tuple, tuple]:
    """Of each (channel, campaign): its costs, whether only its channel's are known, and the median lead time."""
    blended = channels_without_cost_per_campaign(company, rows)
    lead_times = defaultdict(list)
    for booking in company.bookings:
        lead_times[booking.channel, booking.campaign or NO_CAMPAIGN].append(booking.lead_hours)
    costs = costs_by(company, rows, lambda item: (item.channel, item.campaign or NO_CAMPAIGN))
    return {
        key: (cost, key[0] in blended, median(lead_times[key]) if lead_times[key] else None)
        for key, cost in costs.items()
    }


def share_of_outcomes(part: int, cost: Cost) -> float | None:
    """The part's share of the bookings that are no longer scheduled."""
    outcomes = cost.held + cost.no_show + cost.canceled
    return part / outcomes if outcomes else None


def roi(company: Company, rows: list[Spent]) -> dict[tuple, tuple]:
    """Of each (model, channel, month), all time under None: pipeline, its part with spend, spend, both profits."""
    pipeline = defaultdict(Fraction)
    for one in company.opportunities:
        pipeline[one.channel, month_of(one.created_at.date())] += Fraction(one.amount)
    spend = defaultdict(list)
    for row in rows:
        spend[row.channel, month_of(row.day)].append(row.converted)
    found = {}
    for channel in {channel for channel, _ in [*pipeline, *spend]}:
        months = sorted({month for name, month in [*pipeline, *spend] if name == channel})
        for period, within in [*((month, [month]) for month in months), (None, months)]:
            keys = [(channel, month) for month in within]
            amount = sum((pipeline[key] for key in keys if key in pipeline), Fraction(0))
            compared = sum((pipeline[key] for key in keys if key in pipeline and key in spend), Fraction(0))
            cost = complete_sum(part for key in keys if key in spend for part in spend[key])
            profits = [None if cost is None else money(part - Fraction(cost)) for part in (amount, compared)]
            for model in MODEL_LABELS:
                found[model, channel, period] = (money(amount), money(compared), cost, *profits)
    return found
