"""The attribution marts worked out record by record, from the definitions and not from any SQL.

Everything here takes the records of one CRM as they stand and follows the sentences of the definitions one by one, with
whole fractions, so that not even the last digit depends on how a database divides.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from functools import reduce
from itertools import pairwise

WINDOW = timedelta(days=90)
WEIGHT_PLACES = 18
AMOUNT_PLACES = 9
# In the order in which lists show them, which also decides between models that give a channel the same.
MODEL_LABELS = {"first_touch": "First touch", "last_touch": "Last touch", "linear": "Linear"}

# Adding up must not round, and says so if it would.
_EXACT = Context(prec=60, traps=[Inexact])


@dataclass(frozen=True)
class Contact:
    """A person whom the CRM knows, and the account that the person belongs to, if any."""

    contact_id: str
    account_id: str | None


@dataclass(frozen=True)
class Touch:
    """A touchpoint of either type; marketing and sales number theirs apart, so that an id may stand in both.

    Attributes:
        account_id: The account, where it is known without a contact.
    """

    touchpoint_type: str
    touchpoint_id: str
    channel_name: str | None
    contact_id: str | None
    at: datetime
    account_id: str | None = None


@dataclass(frozen=True)
class Opportunity:
    """Something that an account may buy."""

    opportunity_id: str
    account_id: str | None
    amount: Decimal | None
    created_at: datetime
    segment: str | None


@dataclass(frozen=True)
class Crm:
    """What a CRM holds, each key once, with the channel names that the company calls by another name."""

    contacts: tuple[Contact, ...]
    touches: tuple[Touch, ...]
    opportunities: tuple[Opportunity, ...]
    aliases: dict[str, str]
    rejected: int = 0


@dataclass(frozen=True)
class Credit:
    """A row of the ledger."""

    attribution_model: str
    opportunity: Opportunity
    touch: Touch | None
    channel_name: str
    weight: Decimal
    amount: Decimal
    reason: str | None


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    return reduce(_EXACT.add, amounts, Decimal(0))


def rounded(value: Fraction, places: int) -> Decimal:
    """The nearest number with so many decimal places; of two that are as near, the one further from zero."""
    units = int(abs(value) * 10**places + Fraction(1, 2))
    return Decimal(-units if value < 0 else units).scaleb(-places, _EXACT)


def segment_name(opportunity: Opportunity) -> str:
    """The opportunity's segment, as the marts call it."""
    return opportunity.segment or "(no segment)"


def channel_name(crm: Crm, touch: Touch) -> str:
    """The touch's channel, as the marts call it: a name without an alias stays as it came."""
    if touch.channel_name is None:
        return "(no channel)"
    return crm.aliases.get(touch.channel_name, touch.channel_name)


def touches_of_account(crm: Crm, account_id: str | None) -> list[Touch]:
    """All touches of the account and its contacts, whenever they were; an opportunity without an account has none."""
    if account_id is None:
        return []
    contacts = {contact.contact_id for contact in crm.contacts if contact.account_id == account_id}
    return [touch for touch in crm.touches if touch.contact_id in contacts or touch.account_id == account_id]


def touches_in_window(crm: Crm, opportunity: Opportunity) -> list[Touch]:
    """The touches that count for an opportunity, first to last; both ends of the window belong to it."""
    return sorted(
        (
            touch
            for touch in touches_of_account(crm, opportunity.account_id)
            if opportunity.created_at - WINDOW <= touch.at <= opportunity.created_at
        ),
        # A marketing and a sales touch may share time and id; then marketing comes first.
        key=lambda touch: (touch.at, touch.touchpoint_id, touch.touchpoint_type),
    )


def unattributed_reason(crm: Crm, opportunity: Opportunity) -> str:
    """Why an opportunity without a touch in its window has none."""
    if opportunity.account_id is None:
        return "no_account"
    if touches_of_account(crm, opportunity.account_id):
        return "no_touch_in_window"
    if all(contact.account_id != opportunity.account_id for contact in crm.contacts):
        return "no_contact"
    return "no_touch"


def running_shares(attribution_model: str, touches: int) -> list[Fraction]:
    """What the first 0, 1, 2 … touches of an opportunity get together, as fractions of the whole."""
    given = range(touches + 1)
    return {
        "first_touch": [Fraction(number >= 1) for number in given],
        "last_touch": [Fraction(number == touches) for number in given],
        "linear": [Fraction(number, touches) for number in given],
    }[attribution_model]


def shared_out(whole: Decimal, shares: list[Fraction], places: int) -> list[Decimal]:
    """What each touch gets of the whole: the differences of the rounded running totals."""
    running = [rounded(Fraction(whole) * share, places) for share in shares]
    return [_EXACT.subtract(after, before) for before, after in pairwise(running)]


def credits_of(crm: Crm) -> list[Credit]:
    """The ledger: for each model and opportunity its touches with a weight, or one row that says why there is none."""
    ledger = []
    for opportunity in crm.opportunities:
        amount = opportunity.amount or Decimal(0)
        touches = touches_in_window(crm, opportunity)
        for model in MODEL_LABELS:
            if not touches:
                reason = unattributed_reason(crm, opportunity)
                ledger.append(Credit(model, opportunity, None, "unattributed", Decimal(1), amount, reason))
                continue
            shares = running_shares(model, len(touches))
            weights = shared_out(Decimal(1), shares, WEIGHT_PLACES)
            amounts = shared_out(amount, shares, AMOUNT_PLACES)
            ledger += [
                Credit(model, opportunity, touch, channel_name(crm, touch), weight, part, None)
                for touch, weight, part in zip(touches, weights, amounts, strict=True)
                if weight > 0
            ]
    return ledger


def by_channel(ledger: Iterable[Credit]) -> dict[tuple[str, str], tuple[Decimal, int]]:
    """Amount and number of distinct opportunities of each (model, channel)."""
    return _grouped(ledger, lambda credit: (credit.attribution_model, credit.channel_name))


def by_channel_and_segment(ledger: Iterable[Credit]) -> dict[tuple[str, str, str], tuple[Decimal, int]]:
    """Amount and number of distinct opportunities of each (model, channel, segment)."""
    return _grouped(
        ledger, lambda credit: (credit.attribution_model, credit.channel_name, segment_name(credit.opportunity))
    )


def by_channel_and_month(ledger: list[Credit]) -> dict[tuple[str, str, date | None], Decimal]:
    """Amount of each (model, channel, first day of the opportunity's month of creation), and all time under None."""
    months = _grouped(
        ledger,
        lambda credit: (
            credit.attribution_model,
            credit.channel_name,
            credit.opportunity.created_at.date().replace(day=1),
        ),
    )
    all_time = {(*key, None): figures for key, figures in by_channel(ledger).items()}
    return {key: amount for key, (amount, _) in (months | all_time).items()}


def _grouped(ledger: Iterable[Credit], key: Callable[[Credit], tuple]) -> dict[tuple, tuple[Decimal, int]]:
    groups = defaultdict(list)
    for credit in ledger:
        groups[key(credit)].append(credit)
    return {
        name: (
            total(credit.amount for credit in credits),
            len({credit.opportunity.opportunity_id for credit in credits}),
        )
        for name, credits in groups.items()
    }


@dataclass(frozen=True)
class Spread:
    """How far the models lie apart about one channel; a model that gives it nothing counts as 0."""

    lowest_amount: Decimal
    lowest_model: str | None
    highest_amount: Decimal
    highest_model: str | None
    spread: Decimal


def spread_by_channel(ledger: Iterable[Credit]) -> dict[str, Spread]:
    """The spread of each channel; a model that gives it nothing counts as 0, and of several the first is named."""
    amounts = by_channel(ledger)
    spreads = {}
    for channel in {channel for _, channel in amounts}:
        by_model = {model: amounts.get((model, channel), (Decimal(0), 0))[0] for model in MODEL_LABELS}
        lowest, highest = min(by_model.values()), max(by_model.values())
        names = {amount: MODEL_LABELS[model] for model, amount in reversed(by_model.items())}
        spreads[channel] = (
            Spread(lowest, names[lowest], highest, names[highest], _EXACT.subtract(highest, lowest))
            if lowest < highest
            else Spread(lowest, None, highest, None, Decimal(0))
        )
    return spreads


def pipeline_summary(crms: Iterable[Crm]) -> dict[str, object]:
    """The one row of pipeline_summary for several CRMs side by side, its rate apart."""
    opportunities = [opportunity for crm in crms for opportunity in crm.opportunities]
    touched = [opportunity for crm in crms for opportunity in crm.opportunities if touches_in_window(crm, opportunity)]
    whole, attributed = (total(one.amount or Decimal(0) for one in some) for some in (opportunities, touched))
    return {
        "opportunities": len(opportunities),
        "pipeline_amount": whole,
        "attributed_opportunities": len(touched),
        "attributed_amount": attributed,
        "unattributed_opportunities": len(opportunities) - len(touched),
        "unattributed_amount": _EXACT.subtract(whole, attributed),
        "opportunities_without_amount": sum(opportunity.amount is None for opportunity in opportunities),
    }


def unattributed_by_reason(ledger: Iterable[Credit]) -> dict[str, tuple[int, Decimal]]:
    """Number and amount of the opportunities without a touch, by reason; every model lists the same ones."""
    groups = defaultdict(list)
    for credit in ledger:
        if credit.reason and credit.attribution_model == "linear":
            groups[credit.reason].append(credit.amount)
    return {reason: (len(amounts), total(amounts)) for reason, amounts in groups.items()}


def data_health(crm: Crm) -> dict[str, tuple[int, int]]:
    """Affected and checked records of each check."""
    known = {contact.contact_id for contact in crm.contacts}
    checks = {
        "touches_without_contact": (crm.touches, lambda touch: touch.contact_id is None),
        "touches_of_unknown_contacts": (
            crm.touches,
            lambda touch: touch.contact_id is not None and touch.contact_id not in known,
        ),
        "contacts_without_account": (crm.contacts, lambda contact: contact.account_id is None),
        "opportunities_without_account": (crm.opportunities, lambda opportunity: opportunity.account_id is None),
        "opportunities_without_amount": (crm.opportunities, lambda opportunity: opportunity.amount is None),
        "opportunities_without_touch": (
            crm.opportunities,
            lambda opportunity: not touches_in_window(crm, opportunity),
        ),
    }
    counts = {name: (sum(map(is_affected, records)), len(records)) for name, (records, is_affected) in checks.items()}
    loaded = len(crm.touches) + len(crm.contacts) + len(crm.opportunities)
    return counts | {"rejected_records": (crm.rejected, crm.rejected + loaded)}
