"""The demo company's billing comes out of its files, by the loader and all models, as its generator counted it."""

import csv
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import pytest
from support import PROJECT_ROOT, query

from ingestion import demo
from ingestion.demo import billing
from ingestion.demo.billing import Customer, Sales, Subscription, Transaction, Truth
from ingestion.demo.stream import FRONT_DESK
from ingestion.demo.world import END, World

SEEDS = PROJECT_ROOT / "ingestion" / "demo" / "seeds"
# Neither is the company of the published pages.
WORLDS = (World(40, 3), World(150, 8))
REPORTING_CURRENCY = "USD"
# Each share of a transaction is rounded to nine decimals, and so are the weights that it goes by.
SLACK = Fraction(1, 10_000)


def rates() -> list[tuple[date, Fraction]]:
    """What a euro is worth from which day on."""
    with (SEEDS / "exchange_rates.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["currency"] for row in rows} == {"EUR"}
    return sorted((date.fromisoformat(row["rate_date"]), Fraction(row["rate"])) for row in rows)


def month_after(month: date, months: int = 1) -> date:
    """The first day of the month so many months later, or earlier."""
    years, place = divmod(month.month - 1 + months, 12)
    return date(month.year + years, place + 1, 1)


@dataclass
class Amount:
    """Equals a figure of a mart that is less than a hundredth of a cent away, and null if it is null itself."""

    value: Fraction | None

    def __eq__(self, other: object) -> bool:
        """Compare with what a mart says."""
        if self.value is None or not isinstance(other, Decimal | float):
            return other is None and self.value is None
        return abs(Fraction(other) - self.value) < SLACK


def ranked(sales: Iterable[tuple[str, Fraction]]) -> dict[str, int]:
    """Places by amount, the largest first; ties go by name."""
    ordered = sorted(sales, key=lambda pair: (-pair[1], pair[0]))
    return {name: place for place, (name, _) in enumerate(ordered, start=1)}


@dataclass(frozen=True)
class Built:
    """A demo company's figures, and the warehouse into which its files went."""

    world: World
    path: Path

    def rows(self, columns: str, mart: str) -> list[tuple]:
        """These columns of a mart."""
        return query(self.path, f"select {columns} from marts.{mart}")

    @cached_property
    def customers(self) -> list[Customer]:
        """Everybody who paid."""
        return [customer for customer in billing.customers(self.world) if customer.transactions]

    @cached_property
    def transactions(self) -> list[tuple[Customer, Transaction]]:
        """All that was charged, and to whom."""
        return [(customer, transaction) for customer in self.customers for transaction in customer.transactions]

    @cached_property
    def listed(self) -> list[Subscription]:
        """The subscriptions that billing knows in the end."""
        everything = billing.customers(self.world)
        return [
            subscription for customer in everything for subscription in customer.subscriptions if subscription.is_listed
        ]

    @cached_property
    def truth(self) -> Truth:
        """What was paid."""
        return billing.truth(self.world)

    @cached_property
    def converted(self) -> Truth:
        """The same by the currency in which it was paid, in the reporting currency."""
        return billing.truth(self.world, lambda currency, cents, on: (currency, worth(currency, cents, on)))

    @cached_property
    def total(self) -> Truth:
        """The same for all currencies together, in the reporting currency."""
        return billing.truth(self.world, lambda currency, cents, on: (REPORTING_CURRENCY, worth(currency, cents, on)))

    @cached_property
    def newest_complete_month(self) -> date:
        """The newest month whose last day the newest transaction has reached."""
        newest = max(transaction.charge.at.date() for _, transaction in self.transactions)
        return month_after((newest + timedelta(days=1)).replace(day=1), -1)

    def is_of_last_six(self, month: date) -> bool:
        """Whether it is one of the six complete months that are the newest."""
        return month_after(self.newest_complete_month, -5) <= month <= self.newest_complete_month

    def month_figures(self, truth: Truth, month: date, currency: str) -> tuple:
        """What both marts of months say of one."""
        found, before = truth.months[month, currency], truth.months.get((month_after(month, -1), currency))
        is_partial = month > self.newest_complete_month
        is_comparable = before is not None and before.revenue > 0 and not is_partial
        return (
            found.revenue,
            found.transactions,
            len(found.customers),
            Amount(found.revenue / len(found.customers)),
            found.refunds,
            found.refund_count,
            Amount((found.revenue - before.revenue) / before.revenue if is_comparable else None),
            is_partial,
            self.is_of_last_six(month),
        )


RATES = rates()
MONTH_COLUMNS = (
    "revenue, transaction_count, active_users, average_user_transaction_amount, refund_amount, refund_count,"
    " growth_rate, is_partial_month, is_in_last_six_months"
)


def worth(currency: str, cents: int, on: date) -> Fraction:
    """An amount in the reporting currency, by the newest rate."""
    rate = Fraction(1) if currency == REPORTING_CURRENCY else RATES[bisect_right(RATES, (on, Fraction(99))) - 1][1]
    return rate * cents / 100


@pytest.fixture(scope="module", params=WORLDS, ids=str)
def built(request: pytest.FixtureRequest, folder: Path, command: Callable[..., str]) -> Built:
    """A company, loaded and built as `make run` does."""
    world = request.param
    place = folder / f"{world.size}"
    demo.write_demo(place, world.size, world.seed)
    settings = {
        "THROUGHLINE_WAREHOUSE": place / "demo.duckdb",
        "THROUGHLINE_SEEDS": SEEDS,
        "SOURCES__STREAM__BUCKET_URL": place / "stream",
    }
    command("throughline", "load", "stream", **settings)
    without_tests = ("--exclude-resource-type", "test", "unit_test")
    as_of = ("--vars", f'{{"as_of": "{END:%Y-%m-%d}"}}')
    command("dbt", "build", "--select", "+marts.revenue", *without_tests, *as_of, **settings)
    return Built(world, settings["THROUGHLINE_WAREHOUSE"])


def test_the_world_has_what_could_go_wrong(built):
    """Otherwise the tests below would not say much: each kind of slip and of purchase is in these small companies."""
    charges = [transaction.charge for _, transaction in built.transactions]
    assert {customer.currency for customer in built.customers} == {"EUR", "USD"}
    assert any(charge.subscription is None for charge in charges)
    assert any(charge.subscription and not charge.subscription.is_listed for charge in charges)
    assert any(charge.cents < 0 for charge in charges)
    assert any(charge.cents == 0 for charge in charges)
    assert any(charge.cents % 100 for charge in charges)
    assert {len(subscription.lines) for subscription in built.listed} >= {1, 2, 3}
    assert any(not any(line.units for line in subscription.lines) for subscription in built.listed)
    assert any(0 < sum(not line.units for line in one.lines) < len(one.lines) for one in built.listed)
    for spelled in ("name", "email"):
        spellings = [{getattr(one, spelled) for one in customer.transactions} for customer in built.customers]
        assert any("" in some and len(some) == 2 for some in spellings)
        assert any(len(some - {""}) == 2 for some in spellings)


def test_users_are_who_they_were_last(built):
    """Everybody once, by the last name and address that somebody wrote, and who never paid, too."""
    people = built.truth.people | {FRONT_DESK[0]: FRONT_DESK[1:], "unknown": (None, None)}
    told = built.rows("customer_id, customer_name, customer_email", "users_dim")
    assert len(told) == len(people)
    assert {key: tuple(rest) for key, *rest in told} == people
    assert {None} < {name for name, _ in built.truth.people.values()}


def product_line(product: str) -> str:
    """What stands before the interval."""
    return product.split(" : ")[0]


def test_subscriptions_are_those_that_billing_lists(built):
    """With their lines, whose products are each one, however somebody typed it."""
    lines = [(subscription, line) for subscription in built.listed for line in subscription.lines]
    expected = Counter((one.key, line.product, line.units, one.status) for one, line in lines)
    told = built.rows("subscription_id, product, amount, status", "subscription_lines where not is_unknown")
    assert Counter(told) == expected
    expected = {one.key: (one.status, len(one.lines), sum(line.units for line in one.lines)) for one in built.listed}
    told = built.rows("subscription_id, status, line_count, amount", "subscriptions_dim where not is_unknown")
    assert {key: tuple(rest) for key, *rest in told} == expected
    products = {line.product for _, line in lines}
    told = built.rows("product, product_line", "products_dim where not is_unknown")
    assert dict(told) == {product: product_line(product) for product in products}
    assert len(told) == len(products)


def test_each_transaction_is_there_once(built):
    """With its customer, its subscription if billing lists it, its amount and what kind it is of."""
    expected = Counter()
    for customer, transaction in built.transactions:
        charge, subscription = transaction.charge, transaction.charge.subscription
        is_listed = subscription is not None and subscription.is_listed
        row = (
            transaction.key,
            customer.key,
            subscription.key if is_listed else "unknown",
            subscription.key if subscription else None,
            charge.at.replace(tzinfo=None),
            Fraction(charge.cents, 100),
            customer.currency,
            worth(customer.currency, charge.cents, charge.at.date()),
            charge.cents < 0,
            charge.cents == 0,
            is_listed,
        )
        expected[row] += 1
    told = built.rows(
        "transaction_id, customer_id, subscription_id, subscription_id_as_written, transaction_at, amount, currency,"
        " amount_in_reporting_currency, is_refund, is_zero, is_matched",
        "transactions_fact",
    )
    assert Counter(told) == expected


def test_months_are_the_generators_own(built):
    """Every month in every currency, with its growth, and the last one set apart."""
    told = built.rows(f"month_start_date, currency, {MONTH_COLUMNS}, revenue_in_reporting_currency", "monthly_revenue")
    assert len(told) == len(built.truth.months)
    assert {tuple(row[:2]): row[2:] for row in told} == {
        (month, currency): (
            *built.month_figures(built.truth, month, currency),
            built.converted.months[month, currency].revenue,
        )
        for month, currency in built.truth.months
    }
    assert {row[0] for row in told if row[9]} == {date(2026, 6, 1)}


def test_months_of_all_currencies_are_the_generators_own(built):
    """As above, in the reporting currency; each euro has a rate."""
    told = built.rows(
        f"month_start_date, {MONTH_COLUMNS}, converted_revenue, unconverted_transaction_count", "monthly_revenue_total"
    )
    assert len(told) == 24
    assert {row[0]: row[1:] for row in told} == {
        month: (
            *built.month_figures(built.total, month, currency),
            built.total.months[month, currency].revenue,
            0,
        )
        for month, currency in built.total.months
    }


def spending_of(sales: dict[tuple[str, str], Sales], currency: str) -> dict[str, tuple]:
    """What each customer paid in a currency, and their place."""
    of_currency = {key: one for (key, other), one in sales.items() if other == currency}
    places = ranked((key, one.amount) for key, one in of_currency.items())
    return {
        key: (one.amount, one.transactions, one.first_date, one.last_date, places[key])
        for key, one in of_currency.items()
    }


def test_spending_is_the_generators_own(built):
    """Each customer's, in their currency and in the reporting currency."""
    columns = "transaction_count, first_transaction_date, last_transaction_date, spending_rank"
    told = built.rows(
        f"customer_id, currency, total_spending, {columns}, total_spending_in_reporting_currency", "user_spending"
    )
    assert len(told) == len(built.customers)
    assert {tuple(row[:2]): row[2:] for row in told} == {
        (key, currency): (*figures, built.converted.spending[key, currency].amount)
        for currency in ("EUR", "USD")
        for key, figures in spending_of(built.truth.spending, currency).items()
    }
    told = built.rows(f"customer_id, total_spending, {columns}, unconverted_transaction_count", "user_spending_total")
    expected = spending_of(built.total.spending, REPORTING_CURRENCY)
    assert {key: tuple(rest) for key, *rest in told} == {key: (*figures, 0) for key, figures in expected.items()}
    assert len(told) == len(expected)


def sales_of(sales: dict[tuple[str | None, str], Sales], currency: str) -> dict[str, tuple]:
    """What each product brought in a currency, and its place; what has no product has none."""
    of_currency = {product: one for (product, other), one in sales.items() if other == currency}
    places = ranked((product, one.amount) for product, one in of_currency.items() if product)
    return {
        product or "unknown": (
            product_line(product) if product else "unknown",
            product or "No known product",
            Amount(one.amount),
            one.transactions,
            places.get(product),
            product is not None,
        )
        for product, one in of_currency.items()
    }


def test_product_sales_are_the_generators_own(built):
    """Each product's share by the lines that a subscription has in the end, and what belongs to none."""
    columns = "product_line, product_label, sales, transaction_count, sales_rank, is_matched"
    told = built.rows(f"product, currency, {columns}, sales_in_reporting_currency", "product_sales")
    assert {tuple(row[:2]): row[2:] for row in told} == {
        (product, currency): (
            *figures,
            Amount(built.converted.products[None if product == "unknown" else product, currency].amount),
        )
        for currency in ("EUR", "USD")
        for product, figures in sales_of(built.truth.products, currency).items()
    }
    told = built.rows(f"product, {columns}, unconverted_transaction_count", "product_sales_total")
    assert {product: tuple(rest) for product, *rest in told} == {
        product: (*figures, 0) for product, figures in sales_of(built.total.products, REPORTING_CURRENCY).items()
    }


@pytest.mark.parametrize("currency", ["EUR", "USD"])
def test_products_bring_what_was_paid(built, currency):
    """To the last digit, in each currency and in the reporting currency."""
    paid, converted = (
        sum(found.revenue for (_, other), found in truth.months.items() if other == currency)
        for truth in (built.truth, built.converted)
    )
    told = built.rows("sum(sales), sum(sales_in_reporting_currency)", f"product_sales where currency = '{currency}'")
    assert told == [(paid, converted)]


def test_the_summary_is_the_generators_own(built):
    """The last six complete months of each currency and of all together, and what sold best of all time."""
    expected = {}
    for label, currency, truth in (
        ("EUR", "EUR", built.truth),
        ("USD", "USD", built.truth),
        ("All, in USD", "USD", built.total),
    ):
        months = {month: found for (month, other), found in truth.months.items() if other == currency}
        six = [found for month, found in months.items() if built.is_of_last_six(month)]
        before = [found for month, found in months.items() if built.is_of_last_six(month_after(month, 6))]
        revenue, revenue_before = (sum(found.revenue for found in some) for some in (six, before))
        users = set().union(*(found.customers for found in six))
        newest = months[built.newest_complete_month].revenue
        earlier = months[month_after(built.newest_complete_month, -1)].revenue
        spending = spending_of(truth.spending, currency)
        sales = sales_of(truth.products, currency)
        customer = next(key for key, figures in spending.items() if figures[-1] == 1)
        product = next(product for product, figures in sales.items() if figures[4] == 1)
        expected[label] = (
            month_after(built.newest_complete_month, -5),
            month_after(built.newest_complete_month) - timedelta(days=1),
            revenue,
            sum(found.transactions for found in six),
            len(users),
            Amount(revenue / len(users)),
            sum(found.refunds for found in six),
            sum(found.refund_count for found in six),
            0,
            built.newest_complete_month,
            newest,
            Amount((newest - earlier) / earlier),
            Amount((revenue - revenue_before) / revenue_before),
            product,
            product_line(product),
            sales[product][2],
            customer,
            spending[customer][0],
            sum(found.revenue for found in months.values()),
            sum(found.transactions for found in months.values()),
        )
    told = built.rows(
        "currency_label, six_months_start_date, six_months_end_date, revenue, transaction_count, active_users,"
        " average_user_transaction_amount, refund_amount, refund_count, unconverted_transaction_count,"
        " newest_month_start_date, newest_month_revenue, newest_month_growth_rate, six_months_growth_rate, top_product,"
        " top_product_line, top_product_sales, top_customer_id, top_customer_spending, all_time_revenue,"
        " all_time_transaction_count",
        "revenue_summary",
    )
    assert {label: tuple(rest) for label, *rest in told} == expected


def test_what_was_typed_by_hand_is_rejected(built):
    """Three transactions, each for a reason of its own, and nothing else."""
    reasons = [reason for (reason,) in query(built.path, "select reason from raw_stream.rejected_records")]
    assert len(reasons) == len(set(reasons)) == 3
