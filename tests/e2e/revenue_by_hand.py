"""The revenue marts worked out transaction by transaction, from the definitions and not from any SQL.

Everything here takes what the files of a billing backend say, in no particular order, and follows the sentences of the
definitions one by one. Amounts are whole fractions until the definitions round them. Instants are UTC without a zone,
as in the warehouse.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from bookings_by_hand import Moment
from spend_by_hand import REPORTING_CURRENCY, Rate, money, month_of, rate_of

UNKNOWN = "unknown"
NO_PRODUCT = "(no product)"
SPAN = 6
# Of up to four lines, each of which is rounded at both its ends.
WEIGHT_SLACK = Fraction(4, 10**12)
ROUNDING_SLACK = Fraction(4, 10**9)
_DAY = timedelta(days=1)


# --- What is known ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class User:
    """What a row of a users file calls a customer."""

    customer_id: str
    name: str | None
    email: str | None


@dataclass(frozen=True)
class Line:
    """A row of a products file: a plan of a subscription."""

    subscription_id: str
    plan: str
    product: str | None
    interval: str | None
    amount: Decimal | None
    status: str | None


@dataclass(frozen=True)
class Transaction:
    """A row of a transactions file."""

    transaction_id: str
    customer_id: str | None
    subscription_id: str | None
    at: datetime
    total: Decimal | None
    currency: str


@dataclass(frozen=True)
class File:
    """A file as it was at one time; a later one may have its name."""

    name: str
    modified_at: datetime
    rows: tuple[User, ...] | tuple[Line, ...] | tuple[Transaction, ...]


@dataclass(frozen=True)
class Company:
    """All that was ever exported, the company's exchange rates, and how many rows of files could not be loaded."""

    files: tuple[File, ...] = ()
    rates: tuple[Rate, ...] = ()
    rejected: int = 0


@dataclass(frozen=True)
class Listed:
    """A row with where it was read, line 1 being the header."""

    modified_at: datetime
    file: str
    line_number: int
    row: User | Line | Transaction

    @property
    def place(self) -> tuple[datetime, str, int]:
        """What comes later has more to say."""
        return self.modified_at, self.file, self.line_number


def landed(files: Iterable[File], kind: type, key: Callable[[object], object]) -> list[Listed]:
    """The rows of one kind: of those with the same key the later file's, and in a file the later line's."""
    found: dict[object, Listed] = {}
    for file in sorted(files, key=lambda file: (file.modified_at, file.name)):
        for number, row in enumerate(file.rows, start=2):
            if isinstance(row, kind):
                found[key(row)] = Listed(file.modified_at, file.name, number, row)
    return list(found.values())


def landed_users(files: Iterable[File]) -> list[Listed]:
    """The rows of all users files, each spelling of a customer once."""
    return landed(files, User, lambda user: user)


def landed_lines(files: Iterable[File]) -> list[Listed]:
    """The rows of all products files, each plan of a subscription once."""
    return landed(files, Line, lambda line: (line.subscription_id, line.plan))


def landed_transactions(files: Iterable[File]) -> list[Listed]:
    """The rows of all transactions files, each transaction once."""
    return landed(files, Transaction, lambda transaction: transaction.transaction_id)


# --- What comes of it ---------------------------------------------------------------------------------------


def member(identifier: str | None) -> str:
    """The identifier; the unknown member's where there is none, or where a file calls it so."""
    return UNKNOWN if identifier is None or identifier.lower() == UNKNOWN else identifier


def product_name(text: str | None) -> str:
    """A product as it stands, with single blanks within and none around; what a file calls unknown is none."""
    name = " ".join(text.split()) if text else ""
    return NO_PRODUCT if member(name or None) == UNKNOWN else name


def product_line(product: str) -> str:
    """What stands before the first colon; the product itself where nothing does."""
    return product.split(":")[0].strip() or product


def last(values: Iterable[str | None]) -> str | None:
    """The last value that is not blank."""
    return ([None] + [value for value in values if value is not None])[-1]


def known_sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """What those come to that are known; None where none is."""
    known = [amount for amount in amounts if amount is not None]
    return money(sum(map(Fraction, known), Fraction(0))) if known else None


def last_day(month: date) -> date:
    """The last day of a month."""
    return months_after(month, 1) - _DAY


def months_after(month: date, number: int) -> date:
    """The first day of the month so many months later."""
    count = month.year * 12 + month.month - 1 + number
    return date(count // 12, count % 12 + 1, 1)


def ranked(totals: dict[str, Decimal | None]) -> dict[str, int]:
    """The place of each, the largest total first, then by name; what has no total comes last."""
    order = sorted(totals, key=lambda name: (totals[name] is None, -(totals[name] or 0), name))
    return {name: place for place, name in enumerate(order, start=1)}


@dataclass(frozen=True)
class Sales:
    """What a product earned in a scope.

    Attributes:
        amount: Its exact shares of its transactions; None where one of them lacks its rate.
        slack: How far the sum of the shares may be from that: weights are whole parts of 10^12, and shares are rounded.
        transaction_count: How many transactions it has a share of.
        unconverted_transaction_count: How many of these lack their rate.
    """

    amount: Fraction | None
    slack: Fraction
    transaction_count: int
    unconverted_transaction_count: int

    def is_like(self, amount: Decimal | None) -> bool:
        """Whether a figure is as near to it as it must be."""
        if None in (self.amount, amount):
            return self.amount is amount
        return abs(Fraction(amount) - self.amount) <= self.slack


@dataclass(frozen=True)
class Fact:
    """A row of transactions_fact."""

    transaction_id: str
    customer_id: str
    subscription_id: str
    customer_as_written: str | None
    subscription_as_written: str | None
    at: datetime
    day: date
    amount: Decimal | None
    currency: str
    rate: Decimal | None

    @property
    def month(self) -> date:
        """The month of its day."""
        return month_of(self.day)

    @property
    def lacks_rate(self) -> bool:
        """Whether there is an amount that cannot be converted; nothing comes to nothing by any rate."""
        return self.rate is None and bool(self.amount)

    @property
    def converted(self) -> Decimal | None:
        """The amount in the reporting currency."""
        if self.amount is None or self.lacks_rate:
            return None
        return money(Fraction(self.amount) * Fraction(self.rate or 0))

    @property
    def payer(self) -> str:
        """Who counts as a customer, whether or not the users files have them."""
        return member(self.customer_as_written)


@dataclass(frozen=True)
class Scope:
    """What money is added up in: a currency alone, or the reporting currency for all of them."""

    currency: str
    is_total: bool = False

    def amount(self, fact: Fact) -> Decimal | None:
        """What the transaction comes to."""
        return fact.converted if self.is_total else fact.amount

    def lacks_rate(self, fact: Fact) -> bool:
        """Whether the transaction cannot be converted."""
        return self.is_total and fact.lacks_rate

    def total(self, facts: Iterable[Fact]) -> Decimal | None:
        """What they come to together; None where one of them lacks its rate."""
        facts = list(facts)
        return None if any(map(self.lacks_rate, facts)) else self.known_total(facts)

    def known_total(self, facts: Iterable[Fact]) -> Decimal:
        """What those of them come to that have an amount here."""
        return money(sum((Fraction(self.amount(fact) or 0) for fact in facts), Fraction(0)))

    def refunds(self, facts: Iterable[Fact]) -> Decimal | None:
        """What those of them come to that were paid back."""
        return self.total(fact for fact in facts if (fact.amount or 0) < 0)


REPORTING = Scope(REPORTING_CURRENCY, is_total=True)


def payers(facts: Iterable[Fact]) -> int:
    """How many customers paid them."""
    return len({fact.payer for fact in facts})


def refund_count(facts: Iterable[Fact]) -> int:
    """How many of them were paid back."""
    return sum((fact.amount or 0) < 0 for fact in facts)


def average(total: Decimal | None, number: int) -> Decimal | None:
    """The total ÷ the number, as money."""
    return None if total is None or not number else money(Fraction(total) / number)


def growth(now: Decimal | None, before: Decimal | None) -> float | None:
    """By which part of the figure before it the new one is larger; None where there was nothing to grow from."""
    if now is None or before is None or before <= 0:
        return None
    return float((Fraction(now) - Fraction(before)) / Fraction(before))


class Revenue:
    """A company's revenue marts, looked at at some moment.

    Attributes:
        company: What was exported.
        moment: When and where it is looked at.
        longest_days: How many days a rate holds.
        loaded_at: When the files were.
    """

    def __init__(self, company: Company, moment: Moment, longest_days: int, loaded_at: datetime) -> None:
        """Reads the files."""
        self.company = company
        self.moment = moment
        self.longest_days = longest_days
        self.loaded_at = loaded_at
        self.users = landed_users(company.files)
        self.lines = landed_lines(company.files)
        self.transactions = landed_transactions(company.files)

    # --- The relational marts ---

    @cached_property
    def spellings(self) -> dict[str, list[User]]:
        """Of each customer how the files write them, in file order."""
        found = defaultdict(list)
        for listed in sorted(self.users, key=lambda listed: listed.place):
            if member(listed.row.customer_id) != UNKNOWN:
                found[listed.row.customer_id].append(listed.row)
        return found

    def users_dim(self) -> list[dict]:
        """Each customer of the users files with the last name and address that is not blank."""
        customers = [
            {
                "customer_id": customer_id,
                "customer_name": last(user.name for user in users),
                "customer_email": last(user.email for user in users),
                "name_variant_count": len({user.name for user in users}),
                "email_variant_count": len({user.email for user in users}),
                "is_unknown": False,
            }
            for customer_id, users in self.spellings.items()
        ]
        nobody = {"customer_id": UNKNOWN, "customer_name": None, "customer_email": None}
        return [*customers, nobody | {"name_variant_count": 0, "email_variant_count": 0, "is_unknown": True}]

    @cached_property
    def subscriptions(self) -> dict[str, list[Listed]]:
        """Of each subscription the lines that it ever had."""
        found = defaultdict(list)
        for listed in self.lines:
            if member(listed.row.subscription_id) != UNKNOWN:
                found[listed.row.subscription_id].append(listed)
        return found

    @cached_property
    def current(self) -> dict[str, list[Line]]:
        """Of each subscription the lines of the newest file that lists it."""
        found = {}
        for subscription_id, lines in self.subscriptions.items():
            newest = max((listed.modified_at, listed.file) for listed in lines)
            found[subscription_id] = [listed.row for listed in lines if (listed.modified_at, listed.file) == newest]
        return found

    def products_dim(self) -> list[dict]:
        """Each product that a line ever had."""
        products = {product_name(listed.row.product) for lines in self.subscriptions.values() for listed in lines}
        return [
            {"product": product, "product_line": product_line(product), "is_unknown": product == UNKNOWN}
            for product in products | {UNKNOWN}
        ]

    def subscriptions_dim(self) -> list[dict]:
        """Each subscription with what its current lines say."""
        found = [
            {
                "subscription_id": subscription_id,
                "status": joined(line.status for line in lines),
                "billing_interval": joined(line.interval for line in lines),
                "line_count": len(lines),
                "amount": known_sum(line.amount for line in lines),
                "is_unknown": False,
            }
            for subscription_id, lines in self.current.items()
        ]
        nothing = {"subscription_id": UNKNOWN, "status": None, "billing_interval": None}
        return [*found, nothing | {"line_count": 1, "amount": None, "is_unknown": True}]

    def subscription_lines(self) -> list[dict]:
        """Each line that a subscription ever had."""
        found = [
            {
                "subscription_id": subscription_id,
                "plan": listed.row.plan,
                "product": product_name(listed.row.product),
                "billing_interval": listed.row.interval,
                "amount": listed.row.amount,
                "status": listed.row.status,
                "is_current": listed.row in self.current[subscription_id],
                "is_unknown": False,
            }
            for subscription_id, lines in self.subscriptions.items()
            for listed in lines
        ]
        nothing = dict.fromkeys(("subscription_id", "plan", "product"), UNKNOWN)
        nothing |= dict.fromkeys(("billing_interval", "amount", "status"))
        return [*found, nothing | {"is_current": True, "is_unknown": True}]

    @cached_property
    def facts(self) -> list[Fact]:
        """Each transaction, of members that are known or of the unknown ones."""
        return [self._fact(listed.row) for listed in self.transactions]

    def _fact(self, one: Transaction) -> Fact:
        day = self.moment.date(one.at)
        return Fact(
            transaction_id=one.transaction_id,
            customer_id=one.customer_id if one.customer_id in self.spellings else UNKNOWN,
            subscription_id=one.subscription_id if one.subscription_id in self.subscriptions else UNKNOWN,
            customer_as_written=one.customer_id,
            subscription_as_written=one.subscription_id,
            at=one.at,
            day=day,
            amount=one.total,
            currency=one.currency,
            rate=rate_of(self.company, Fraction(one.total or 0), one.currency, day, self.longest_days),
        )

    def transactions_fact(self) -> list[dict]:
        """Each transaction once."""
        return [
            {
                "transaction_id": fact.transaction_id,
                "customer_id": fact.customer_id,
                "subscription_id": fact.subscription_id,
                "customer_id_as_written": fact.customer_as_written,
                "subscription_id_as_written": fact.subscription_as_written,
                "transaction_at": fact.at,
                "transaction_date": fact.day,
                "month_start_date": fact.month,
                "amount": fact.amount,
                "currency": fact.currency,
                "exchange_rate": fact.rate,
                "amount_in_reporting_currency": fact.converted,
                "is_rate_missing": fact.lacks_rate,
                "is_refund": (fact.amount or 0) < 0,
                "is_zero": fact.amount == 0,
                "is_matched": fact.subscription_id != UNKNOWN,
            }
            for fact in self.facts
        ]

    # --- Who spent, and on what ---

    @cached_property
    def currencies(self) -> dict[Scope, list[Fact]]:
        """The transactions of each currency."""
        return grouped(self.facts, lambda fact: Scope(fact.currency))

    def spending(self, scope: Scope, facts: list[Fact]) -> list[dict]:
        """What each customer spent, the largest first; the unknown one has no place."""
        groups = grouped(facts, lambda fact: fact.customer_id)
        places = ranked({name: scope.total(some) for name, some in groups.items() if name != UNKNOWN})
        return [
            {
                "customer_id": customer_id,
                "transaction_count": len(some),
                "total_spending": scope.total(some),
                "spending_rank": places.get(customer_id),
                "is_unknown": customer_id == UNKNOWN,
            }
            for customer_id, some in groups.items()
        ]

    def user_spending(self) -> list[dict]:
        """What each customer spent in each currency."""
        found = []
        for scope, facts in self.currencies.items():
            for row in self.spending(scope, facts):
                own = [fact for fact in facts if fact.customer_id == row["customer_id"]]
                found.append(
                    row
                    | {
                        "currency": scope.currency,
                        "total_spending_in_reporting_currency": REPORTING.total(own),
                        "first_transaction_date": min(fact.day for fact in own),
                        "last_transaction_date": max(fact.day for fact in own),
                    }
                )
        return found

    def user_spending_total(self) -> list[dict]:
        """What each customer spent in all."""
        unconverted = defaultdict(int)
        for fact in self.facts:
            unconverted[fact.customer_id] += REPORTING.lacks_rate(fact)
        return [
            row | {"unconverted_transaction_count": unconverted[row["customer_id"]]}
            for row in self.spending(REPORTING, self.facts)
        ]

    def shares(self, fact: Fact) -> dict[str, Fraction]:
        """Which part of a transaction belongs to which product: in proportion to the amounts of the lines."""
        if fact.subscription_id == UNKNOWN:
            return {UNKNOWN: Fraction(1)}
        lines = self.current[fact.subscription_id]
        weights = [max(Fraction(line.amount or 0), Fraction(0)) for line in lines]
        if not any(weights):
            weights = [Fraction(1)] * len(lines)
        found: dict[str, Fraction] = defaultdict(Fraction)
        for line, weight in zip(lines, weights, strict=True):
            found[product_name(line.product)] += weight / sum(weights)
        return found

    def sales(self, scope: Scope, facts: Iterable[Fact]) -> dict[str, Sales]:
        """What each product has of the transactions."""
        groups: dict[str, list[tuple[Fact, Fraction]]] = defaultdict(list)
        for fact in facts:
            for product, share in self.shares(fact).items():
                groups[product].append((fact, share))
        found = {}
        for product, parts in groups.items():
            unconverted = sum(scope.lacks_rate(fact) for fact, _ in parts)
            amounts = [(Fraction(scope.amount(fact) or 0), share) for fact, share in parts]
            # A share is rounded before it is converted, and after.
            roundings = [1 + (Fraction(fact.rate or 0) if scope.is_total else 0) for fact, _ in parts]
            slacks = (
                abs(amount) * WEIGHT_SLACK + ROUNDING_SLACK * number if share != 1 else 0
                for (amount, share), number in zip(amounts, roundings, strict=True)
            )
            total = sum((amount * share for amount, share in amounts), Fraction(0))
            found[product] = Sales(None if unconverted else total, Fraction(sum(slacks)), len(parts), unconverted)
        return found

    # --- Months ---

    @cached_property
    def known_until(self) -> date | None:
        """The last day of which everything is known."""
        newest = max((fact.day for fact in self.facts), default=None)
        return newest and min(newest, self.moment.date(self.moment.as_of))

    def is_partial(self, month: date) -> bool:
        """Whether some of the month may still be to come."""
        return self.known_until < last_day(month)

    @cached_property
    def newest_complete(self) -> date | None:
        """The newest month of which everything is known."""
        if self.known_until is None:
            return None
        month = month_of(self.known_until)
        return months_after(month, -1) if self.is_partial(month) else month

    def is_in_last_six(self, month: date) -> bool:
        """Whether it is one of the six complete months up to the newest complete one."""
        return months_after(self.newest_complete, 1 - SPAN) <= month <= self.newest_complete

    def months(self, scope: Scope, months: dict[date, list[Fact]]) -> list[dict]:
        """The figures of each of the months."""
        totals = {month: scope.total(facts) for month, facts in months.items()}
        return [
            {
                "month_start_date": month,
                "revenue": totals[month],
                "transaction_count": len(facts),
                "active_users": payers(facts),
                "average_user_transaction_amount": average(totals[month], payers(facts)),
                "refund_amount": scope.refunds(facts),
                "refund_count": refund_count(facts),
                "growth_rate": None
                if self.is_partial(month)
                else growth(totals[month], totals.get(months_after(month, -1))),
                "is_partial_month": self.is_partial(month),
                "is_in_last_six_months": self.is_in_last_six(month),
            }
            for month, facts in months.items()
        ]

    def monthly_revenue(self) -> list[dict]:
        """Each month in which there is a transaction in the currency."""
        found = []
        for scope, facts in self.currencies.items():
            months = grouped(facts, lambda fact: fact.month)
            found += [
                row
                | {
                    "currency": scope.currency,
                    "revenue_in_reporting_currency": REPORTING.total(months[row["month_start_date"]]),
                }
                for row in self.months(scope, months)
            ]
        return found

    @cached_property
    def all_months(self) -> dict[date, list[Fact]]:
        """Every month from the first transaction's to the newest one's."""
        found = grouped(self.facts, lambda fact: fact.month)
        if not found:
            return {}
        first, newest = min(found), max(found)
        number = (newest.year - first.year) * 12 + newest.month - first.month
        return {month: found.get(month, []) for month in (months_after(first, place) for place in range(number + 1))}

    def monthly_revenue_total(self) -> list[dict]:
        """Every month in the reporting currency."""
        return [
            row
            | {
                "converted_revenue": REPORTING.known_total(self.all_months[row["month_start_date"]]),
                "unconverted_transaction_count": sum(
                    map(REPORTING.lacks_rate, self.all_months[row["month_start_date"]])
                ),
            }
            for row in self.months(REPORTING, self.all_months)
        ]

    # --- In a word ---

    def revenue_summary(self) -> list[dict]:
        """One row for each currency, and one for all of them."""
        order = sorted(
            self.currencies,
            key=lambda scope: (scope.currency != REPORTING_CURRENCY, -len(self.currencies[scope]), scope.currency),
        )
        found = [self._summary(scope, self.currencies[scope]) for scope in order]
        found += [self._summary(REPORTING, self.facts)] if self.facts else []
        return [row | {"sort_order": place} for place, row in enumerate(found, start=1)]

    def _summary(self, scope: Scope, facts: list[Fact]) -> dict:
        newest = self.newest_complete
        has_begun = newest >= min(self.all_months)
        start = months_after(newest, 1 - SPAN)
        months = self.all_months if scope.is_total else grouped(facts, lambda fact: fact.month)
        totals = {month: scope.total(some) for month, some in months.items()}
        span = [fact for fact in facts if start <= fact.month <= newest]
        before = [totals.get(months_after(start, -back)) for back in range(1, SPAN + 1)]
        return {
            "is_total": scope.is_total,
            "currency": scope.currency,
            "currency_label": f"All, in {scope.currency}" if scope.is_total else scope.currency,
            "six_months_start_date": start if has_begun else None,
            "six_months_end_date": last_day(newest) if has_begun else None,
            "revenue": scope.total(span),
            "transaction_count": len(span),
            "active_users": payers(span),
            "average_user_transaction_amount": average(scope.total(span), payers(span)),
            "refund_amount": scope.refunds(span),
            "refund_count": refund_count(span),
            "unconverted_transaction_count": sum(map(scope.lacks_rate, span)),
            "newest_month_start_date": newest if has_begun else None,
            "newest_month_revenue": totals.get(newest, Decimal(0)) if has_begun else None,
            "newest_month_growth_rate": growth(totals.get(newest), totals.get(months_after(newest, -1))),
            "six_months_growth_rate": growth(scope.total(span), None if None in before else sum(before)),
            "first_transaction_date": min(fact.day for fact in facts),
            "last_transaction_date": max(fact.day for fact in facts),
            "all_time_revenue": scope.total(facts),
            "all_time_transaction_count": len(facts),
            "all_time_refund_amount": scope.refunds(facts),
        }

    def checks(self) -> list[dict]:
        """How many records lack something, and of how many."""
        records = len(self.transactions) + len(self.users) + len(self.lines) + self.company.rejected
        found = {
            "customers_with_several_names": [
                len({user.name for user in users}) > 1 for users in self.spellings.values()
            ],
            "transactions_without_customer": [fact.customer_id == UNKNOWN for fact in self.facts],
            "transactions_without_subscription": [
                member(fact.subscription_as_written) == UNKNOWN for fact in self.facts
            ],
            "transactions_of_unlisted_subscriptions": [
                fact.subscription_id == UNKNOWN != member(fact.subscription_as_written) for fact in self.facts
            ],
            "transactions_without_amount": [fact.amount is None for fact in self.facts],
            "transactions_without_rate": [fact.lacks_rate for fact in self.facts],
            "transactions_dated_ahead": [fact.at > self.loaded_at + _DAY for fact in self.facts],
            "lines_without_amount": [listed.row.amount is None for listed in self.lines],
            "rejected_records": [number < self.company.rejected for number in range(records)],
        }
        return [
            {"source": "stream", "check_name": name, "affected_records": sum(some), "checked_records": len(some)}
            for name, some in found.items()
        ]


def grouped(facts: Iterable[Fact], key: Callable[[Fact], object]) -> dict:
    """The transactions by what they have in common."""
    groups = defaultdict(list)
    for fact in facts:
        groups[key(fact)].append(fact)
    return dict(groups)


def joined(values: Iterable[str | None]) -> str | None:
    """Each of the values once, in order; None where all are blank."""
    return ", ".join(sorted({value for value in values if value is not None})) or None
