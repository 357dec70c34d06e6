"""Random companies with a billing backend, drawn so that they stand on the edges of the definitions of revenue."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from bookings_by_hand import Moment
from revenue_by_hand import Company, File, Line, Transaction, User, last_day, months_after
from spend_by_hand import REPORTING_CURRENCY, Rate

LONGEST_RATE_DAYS = 7
# A day before an instant at which there may be a transaction.
LOADED_AT = datetime(2024, 2, 28, 17)

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
_ZONES = [ZoneInfo(name) for name in ("America/New_York", "Asia/Tokyo", "UTC")]
_FIRST_MONTH = date(2023, 11, 1)
# How many months there are from the first transaction's to the newest one's.
_LENGTHS = [1, 2, 3, 6, 6, 7, 7, 8, 12, 13, 13, 14]
_CUSTOMERS = ["c1", "c2", "c3", "C3", "c4", "c5"]
_PAYERS = [*_CUSTOMERS * 2, "ghost", "phantom", None, None, "unknown", "UNKNOWN"]
_NAMES = ["Acme", "ACME", "Acme Inc", "Zeta", None, None]
_EMAILS = ["ada@example.com", "bob@example.com", "ada", None, None]
_SUBSCRIPTIONS = ["s1", "s2", "s3", "s4", "s5", "S5"]
_PAID_FOR = [*_SUBSCRIPTIONS * 2, "unlisted", "dropped", None, None, "Unknown"]
_PLANS = ["p1", "p2", "p3", "p10"]
_PRODUCTS = [
    *("Chat : Annually", "Chat  :  Annually", " Chat : Monthly ", "Chat: Support: Annually", "Desk", "desk"),
    *("Desk  Plus", "Desk\u00a0Plus", ": Monthly", None, None, "UnKnown"),
]
_INTERVALS = ["month", "month", "year", None]
_STATUSES = ["active", "active", "past_due", None]
_LINE_AMOUNTS = [
    *("0", "0", "0", "10", "20", "20", "33.33", "-5", "0.000000001", "0.333333333", "999999999999999.999999999"),
    *(None, None),
]
_AMOUNTS = [
    *("0", "0", "10", "10", "99.99", "-10", "-99.99", "653.28", "0.333333333", "0.000000001", "-0.000000001"),
    *("99999999999999.999999999", "-1234567890123.987654321", None),
]
_RATES = [None, "1", "1.1", "0.333333333", "150", "0.000000001"]
# From a rate's date to the day of a transaction.
_RATE_AGES = [-1, 0, 1, LONGEST_RATE_DAYS - 1, LONGEST_RATE_DAYS, LONGEST_RATE_DAYS + 1]
_TIMES = [time(0), time(12), time(23, 59, 59)]


def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """An instant that clocks in the zone show, as the warehouse keeps it."""
    return datetime.combine(day, clock, zone).astimezone(UTC).replace(tzinfo=None)


class Drawing:
    """Draws one company, the same one for a number in every run."""

    def __init__(self, number: int, size: int = 1) -> None:
        """Begins with nothing.

        Args:
            number: Which company.
            size: How many times as large it is.
        """
        self._random = Random(number)
        self._size = size
        self._zone = self._one(_ZONES)
        first = months_after(_FIRST_MONTH, self._one(range(5)))
        self._months = [months_after(first, place) for place in range(self._one(_LENGTHS))]
        # In some companies there are months in which nobody pays.
        self._paid_months = [self._months[0], *self._some(self._months[1:-1], self._one([0.7, 1]))]
        self._currencies = self._one([["USD"], ["USD", "EUR"], ["USD", "USD", "EUR", "GBP", "JPY"], ["EUR", "GBP"]])
        # From here on nobody pays in any but the first currency.
        self._last_of_others = self._one([self._months[0], self._months[-1], self._months[-1]])
        self._amounts = self._one([_AMOUNTS, _AMOUNTS, _AMOUNTS, ["10"]])
        self._paid_days: list[date] = []

    def company(self) -> Company:
        """What it exported, over time, and its exchange rates."""
        files = [*self._users(), *self._transactions(), *self._products()]
        return Company(tuple(files), tuple(self._rates()), self._one([0, 0, 3]))

    def moment(self) -> Moment:
        """When it is looked at: later, on the last day of a month or the day after it, before all, or in between."""
        month = self._one(self._months)
        days = [self._months[-1] + 400 * DAY] * 7 + [last_day(month), months_after(month, 1)] * 2 + [month + 14 * DAY]
        day = self._one([*days, self._months[0] - 40 * DAY])
        return Moment(instant(day, self._one(_TIMES), self._zone), self._zone)

    def _one(self, elements: Iterable) -> object:
        return self._random.choice(list(elements))

    def _is(self, chance: float) -> bool:
        return self._random.random() < chance

    def _some(self, elements: Iterable, chance: float) -> list:
        return [element for element in elements if self._is(chance)]

    def _file(self, kind: str, number: int, rows: Iterable) -> File:
        """A file that may be as old as another one, or have its name."""
        modified_at = datetime(2025, 1, 1) + self._one([number, number, 0]) * DAY
        return File(f"{self._one([number, number, 0])}_{kind}.csv", modified_at, tuple(rows))

    def _files(self, kind: str, contents: Iterable[list]) -> list[File]:
        """Files with these rows; of those with one name only what the latest of one instant holds is there."""
        found = {}
        for number, rows in enumerate(contents):
            file = self._file(kind, number, rows)
            found[file.name, file.modified_at] = file
        return list(found.values())

    def _decimal(self, texts: list[str | None]) -> Decimal | None:
        text = self._one(texts)
        if text is not None and self._is(0.2) and len(texts) > 1:
            return Decimal(self._random.randrange(-(10**11), 10**12)).scaleb(-9 if self._is(0.3) else -2)
        return None if text is None else Decimal(text)

    def _users(self) -> list[File]:
        """Customers, most of them several times, one of them called unknown."""
        customers = [*self._some(_CUSTOMERS, 0.8), *self._some(["Unknown", "idle"], 0.3)]
        return self._files(
            "users",
            (
                [
                    User(self._one(customers), self._one(_NAMES), self._one(_EMAILS))
                    for _ in range(self._one(range(12)) * self._size if customers else 0)
                ]
                for _ in range(self._one([0, 1, 2, 3]))
            ),
        )

    def _products(self) -> list[File]:
        """Subscriptions with their plans, which change from file to file."""
        contents = []
        for place in range(self._one([0, 1, 1, 2, 3])):
            # A file in which a subscription is no longer listed says nothing of it.
            listed = [*self._some(_SUBSCRIPTIONS, 0.7), *self._some(["UNKNOWN"], 0.2), *["dropped"] * (place == 0)]
            contents.append(
                [
                    Line(
                        *(subscription_id, plan, self._one(_PRODUCTS), self._one(_INTERVALS)),
                        *(self._decimal(_LINE_AMOUNTS), self._one(_STATUSES)),
                    )
                    for subscription_id in listed
                    for plan in self._random.sample(_PLANS, self._one([1, 1, 2, 3]))
                ]
            )
        return self._files("products", contents)

    def _transactions(self) -> list[File]:
        """Payments, of which a later file may have corrected some."""
        number = self._one([0, 1, 8, 20, 30, 30, 40, 40]) * self._size
        months = [self._one(self._paid_months) for _ in range(number)]
        if number > 1:
            # The newest month has one, too: on its last day, or earlier.
            months += [*(self._paid_months if self._is(0.7) else []), self._months[-1]]
        found = [self._transaction(f"t{place}", month) for place, month in enumerate(months)]
        corrected = [
            self._transaction(one.transaction_id, self._one(self._paid_months)) for one in found if self._is(0.1)
        ]
        return self._files("transactions", [found[: number // 2], found[number // 2 :], corrected])

    def _transaction(self, transaction_id: str, month: date) -> Transaction:
        day = self._one([month, month + 14 * DAY, last_day(month), last_day(month)])
        self._paid_days.append(day)
        return Transaction(
            *(transaction_id, self._one(_PAYERS), self._one(_PAID_FOR), instant(day, self._one(_TIMES), self._zone)),
            *(
                self._decimal(self._amounts),
                self._one(self._currencies if month <= self._last_of_others else self._currencies[:1]),
            ),
        )

    def _rates(self) -> list[Rate]:
        """Rates of some days and currencies, in either case; one of the reporting currency says nothing."""
        found = {}
        days = [day - age * DAY for day in self._paid_days for age in _RATE_AGES]
        for currency in ("EUR", "GBP", REPORTING_CURRENCY):
            # Often there is one for nearly every day, as otherwise nearly every sum lacked one.
            for day in self._some(sorted(set(days)), self._one([0, 0.1, 0.9, 1])):
                rate = self._one(_RATES[self._is(0.9) :])
                code = currency.lower() if self._is(0.3) else currency
                found[currency, day] = Rate(day, code, None if rate is None else Decimal(rate))
        return list(found.values())
