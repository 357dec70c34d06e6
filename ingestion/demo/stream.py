"""The demo's billing export: three files as Stream's backend writes them, TAB separated though they are called .csv."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from ingestion.demo.billing import Line, Subscription, customers, key_of
from ingestion.demo.files import replacing
from ingestion.demo.world import World

HEADERS = {
    "users": ("Customer ID", "Customer Name", "Customer Email"),
    "transactions": ("Date (UTC)", "Transaction ID", "Customer ID", "Subscription ID", "Total", "Currency"),
    "products": ("subscription ID", "Plan", "Product", "Interval", "Amount", "Status"),
}

# Until then somebody typed these products' names anew for each subscription.
_TYPED_UNTIL = datetime(2025, 4, 1, tzinfo=UTC)
_TYPED = ("36 Months", "Semi-Annually", "Annually")

# Typed by hand, outside every process, for a customer who never paid: an unreadable date, a total that is none, and a
# transaction without its key.
FRONT_DESK = (key_of("cus", 14, "front desk"), "Front Desk", "front.desk@larkfield.example.com")
_TYPED_BY_HAND = (
    ("31 May 26", key_of("in", 24, "front desk", 1), FRONT_DESK[0], "", "450", "usd"),
    ("6/3/26 10:24", key_of("in", 24, "front desk", 2), FRONT_DESK[0], "", "n/a", "usd"),
    ("6/9/26 15:03", "", FRONT_DESK[0], "", "450", "usd"),
)


def _timestamp(at: datetime) -> str:
    return f"{at.month}/{at.day}/{at:%y} {at.hour}:{at:%M}"


def _total(cents: int) -> str:
    """Write an amount as a spreadsheet does, without zeros at its end."""
    sign, (units, rest) = "-" if cents < 0 else "", divmod(abs(cents), 100)
    return f"{sign}{units}.{rest:02d}".rstrip("0").rstrip(".")


def _product(line: Line) -> str:
    is_typed = line.agreed_at < _TYPED_UNTIL and line.product.endswith(_TYPED)
    return line.product.replace(" : ", " :  ") if is_typed else line.product


def _payments(world: World) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield the row of each transaction with that of its customer, in order of time, then those typed by hand."""
    paid = [(customer, transaction) for customer in customers(world) for transaction in customer.transactions]
    # One customer's stay in their order, also within a minute.
    for customer, transaction in sorted(paid, key=lambda pair: (pair[1].charge.at, pair[0].key)):
        charge = transaction.charge
        yield (
            (
                _timestamp(charge.at),
                transaction.key,
                customer.key,
                charge.subscription.key if charge.subscription else "",
                _total(charge.cents),
                customer.currency.lower(),
            ),
            (customer.key, transaction.name, transaction.email),
        )
    for row in _TYPED_BY_HAND:
        yield row, FRONT_DESK


def _plan(line: Line, currency: str) -> str:
    """Return the key of a product at a price, which subscriptions share."""
    return key_of("price", 24, line.product, line.units, currency)


def _lines(subscription: Subscription, currency: str) -> Iterator[tuple[str, ...]]:
    # Only whole years are told apart from months.
    interval = "year" if subscription.interval == "Annually" else "month"
    for line in subscription.lines:
        yield (
            subscription.key,
            _plan(line, currency),
            _product(line),
            interval,
            f"{line.units}",
            subscription.status,
        )


def _products(world: World) -> list[tuple[str, ...]]:
    """Return the rows of the subscriptions that are listed, dearest first."""
    rows: Iterable[tuple[str, ...]] = (
        row
        for customer in customers(world)
        for subscription in customer.subscriptions
        if subscription.is_listed
        for row in _lines(subscription, customer.currency)
    )
    return sorted(rows, key=lambda row: (-int(row[4]), row))


def write(world: World, folder: Path) -> None:
    """Write `users.csv`, `transactions.csv` and `products.csv`; users have a row for each transaction.

    Args:
        world: Who pays.
        folder: Where the files go; it exists.
    """
    with ExitStack() as stack:
        files = {}
        for name, header in HEADERS.items():
            handle = stack.enter_context(replacing(folder / f"{name}.csv"))
            files[name] = csv.writer(handle, delimiter="\t", lineterminator="\r\n")
            files[name].writerow(header)
        for transaction, user in _payments(world):
            files["transactions"].writerow(transaction)
            files["users"].writerow(user)
        files["products"].writerows(_products(world))
