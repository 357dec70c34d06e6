"""Revenue of many small random companies, compared with marts that are worked out by hand.

dbt compiles the models once, and then they run on one company after another in memory: months, ranks and totals are
those of a whole warehouse, so that each company needs its own. A larger one goes all the way, from files on.
"""

import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from math import isclose
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from bookings_by_hand import Moment
from revenue_by_hand import (
    NO_PRODUCT,
    REPORTING,
    SPAN,
    UNKNOWN,
    Company,
    Fact,
    File,
    Line,
    Listed,
    Revenue,
    Scope,
    Transaction,
    User,
    joined,
    last,
    last_day,
    member,
    months_after,
    payers,
    product_line,
    product_name,
    ranked,
)
from revenue_worlds import DAY, LOADED_AT, LONGEST_RATE_DAYS, Drawing
from spend_by_hand import REPORTING_CURRENCY, month_of, rate_on
from support import PROJECT_ROOT

WORLDS = 80
# With how many of them one tries what may not change.
PROPERTIES = 15
# The one that is loaded from files: it exports everything twice, some of it under the names of older files.
LARGE = 780

# Words of the compiled models that stand for those of a company.
AS_OF = "2031-07-07T07:07:07Z"
TIME_ZONE = "Antarctica/Troll"
CHECKS = "int_stream_checks__counted"
SELECTED = ("+path:models/marts/revenue", f"+{CHECKS}")
MARTS = (
    *("users_dim", "products_dim", "subscriptions_dim", "subscription_lines", "transactions_fact", "user_spending"),
    *("user_spending_total", "monthly_revenue", "monthly_revenue_total", "revenue_summary"),
)


def variables(moment: Moment) -> str:
    """How the models are told when and where they are looked at."""
    return json.dumps(
        {
            "as_of": f"{moment.as_of.isoformat()}Z",
            "reporting_timezone": moment.zone.key,
            "max_exchange_rate_age_days": LONGEST_RATE_DAYS,
        }
    )


# --- What the loader would land -----------------------------------------------------------------------------


def lineage(listed: Listed, loaded_at: datetime) -> dict[str, object]:
    """Where a row comes from."""
    return {
        "_source_file": listed.file,
        "_source_line": listed.line_number,
        "_source_modified_at": listed.modified_at,
        "_loaded_at": loaded_at,
    }


def raw_rows(revenue: Revenue) -> dict[str, list[dict]]:
    """The rows of the raw tables."""
    return {
        "users": [
            {
                "user_key": json.dumps([listed.row.customer_id, listed.row.name, listed.row.email]),
                "customer_id": listed.row.customer_id,
                "customer_name": listed.row.name,
                "customer_email": listed.row.email,
                "exported_at": listed.modified_at,
                **lineage(listed, revenue.loaded_at),
            }
            for listed in revenue.users
        ],
        "products": [
            {
                "subscription_line_key": json.dumps([listed.row.subscription_id, listed.row.plan]),
                "subscription_id": listed.row.subscription_id,
                "plan": listed.row.plan,
                "product": listed.row.product,
                "billing_interval": listed.row.interval,
                "amount": listed.row.amount,
                "status": listed.row.status,
                "exported_at": listed.modified_at,
                **lineage(listed, revenue.loaded_at),
            }
            for listed in revenue.lines
        ],
        "transactions": [
            {
                "transaction_id": listed.row.transaction_id,
                "customer_id": listed.row.customer_id,
                "subscription_id": listed.row.subscription_id,
                "transaction_at": listed.row.at,
                "total": listed.row.total,
                "currency": listed.row.currency,
                **lineage(listed, revenue.loaded_at),
            }
            for listed in revenue.transactions
        ],
        "rejected_records": [{"entity": "users", "reason": "has no customer_id"}] * revenue.company.rejected,
    }


# --- Running the models in memory ---------------------------------------------------------------------------


class Models:
    """The models as dbt compiles them."""

    def __init__(self, manifest: dict) -> None:
        """Takes those that were compiled, and makes a place for the tables that they read.

        Args:
            manifest: dbt's.
        """
        compiled = [node for node in manifest["nodes"].values() if node.get("compiled")]
        self._steps = list(in_order([node for node in compiled if node["resource_type"] == "model"]))
        relations = {node["unique_id"] for node in self._steps}
        self._tests = [
            node
            for node in compiled
            if node["original_file_path"].startswith("tests/revenue/") and node["config"]["severity"].lower() == "error"
        ]
        assert self._tests
        needed = {name for node in self._steps for name in node["depends_on"]["nodes"]} - relations
        tables = [(manifest["sources"] | manifest["nodes"])[name] for name in sorted(needed)]
        database = compiled[0]["database"]
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute(f"attach ':memory:' as {database}; use {database}")
        for schema in sorted({node["schema"] for node in [*self._steps, *tables]}):
            self._connection.execute(f"create schema {schema}")
        self._raw = {}
        for node in tables:
            columns = node["config"].get("column_types") or {
                column["name"]: column["data_type"] for column in node["columns"].values()
            }
            declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            self._connection.execute(f"create table {node['relation_name']} ({declared})")
            self._raw[node["name"]] = node["relation_name"]

    def fill(self, tables: dict[str, list[dict]]) -> None:
        """Puts rows in the place of those that the tables have."""
        for name, relation in self._raw.items():
            self._connection.execute(f"delete from {relation}")
            if tables.get(name):
                self._connection.register("rows", pa.Table.from_pylist(tables[name]))
                self._connection.execute(f"insert into {relation} by name select * from rows")

    def run(self, moment: Moment) -> None:
        """Builds everything anew."""
        for node in self._steps:
            sql = node["compiled_code"].replace(AS_OF, f"{moment.as_of.isoformat()}Z")
            sql = sql.replace(TIME_ZONE, moment.zone.key)
            # Tables also where dbt makes views, which would be planned again and again.
            self._connection.execute(f"create or replace table {node['relation_name']} as {sql}")

    def failures(self) -> list[str]:
        """The data tests of the project that do not hold."""
        return [
            node["name"]
            for node in self._tests
            if self._connection.execute(node["compiled_code"]).fetchone() is not None
        ]

    def marts(self) -> dict[str, list[dict]]:
        """The rows of each mart, and of the checks of the data."""
        return {
            node["name"]: rows_of(self._connection.execute(f"select * from {node['relation_name']}"))
            for node in self._steps
            if node["schema"] == "marts" or node["name"] == CHECKS
        }


def rows_of(answer: duckdb.DuckDBPyConnection) -> list[dict]:
    """The rows of an answer, by column."""
    names = [name for name, *_ in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def in_order(nodes: Iterable[dict]) -> Iterator[dict]:
    """The nodes, each after those that it needs."""
    waiting = {node["unique_id"]: node for node in nodes}
    while waiting:
        ready = [node for node in waiting.values() if not waiting.keys() & set(node["depends_on"]["nodes"])]
        for node in ready:
            del waiting[node["unique_id"]]
        yield from ready


@dataclass
class World:
    """A company with what the models made of it.

    Attributes:
        revenue: What they should have made.
        marts: The rows of each mart, and of the checks of its data.
        failures: The data tests that do not hold.
    """

    revenue: Revenue
    marts: dict[str, list[dict]]
    failures: list[str]


def parted(rows: list[dict], names: Iterable[str]) -> dict[tuple, list[float | None]]:
    """Of each row what must be the same, and the rates, whose last digits depend on how one divides."""
    rates = {name for name in names if name.endswith("growth_rate")}
    found = {tuple(row[name] for name in names if name not in rates): [row[name] for name in rates] for row in rows}
    assert len(found) == len(rows), "a row stands there twice"
    return found


def is_same_rate(rate: float | None, other: float | None) -> bool:
    """Whether they differ in their last digits at most."""
    return rate is other if None in (rate, other) else isclose(rate, other, rel_tol=1e-12)


def differences(found: list[dict], wanted: list[dict]) -> Iterator[str]:
    """What one of the two has and the other has not, by the columns that are wanted."""
    names = list((wanted or found or [{}])[0])
    has, needs = parted(found, names), parted(wanted, names)
    yield from (f"missing: {row}" for row in needs.keys() - has.keys())
    yield from (f"should not be there: {row}" for row in has.keys() - needs.keys())
    for row in has.keys() & needs.keys():
        if not all(map(is_same_rate, has[row], needs[row])):
            yield f"{row} has {has[row]}, not {needs[row]}"


def assert_no_differences(worlds: list["World"], differ: Callable[["World"], Iterable[str]]) -> None:
    """Nothing differs in any of the worlds; a failure shows the smallest in which something does."""
    found = [(world, told) for world in worlds if (told := list(differ(world)))]
    if found:
        world, told = min(found, key=lambda item: len(str(item[0].revenue.company)))
        parts = [f"{len(found)} of {len(worlds)} worlds differ; one of them:", *told[:10]]
        parts += [f"{world.revenue.moment}, known until {world.revenue.known_until}", *world.revenue.company.rates]
        parts += [
            row for file in world.revenue.company.files for row in (f"{file.name} of {file.modified_at}:", *file.rows)
        ]
        pytest.fail("\n".join(map(str, parts)))


@pytest.fixture(scope="module")
def models(folder: Path, command: Callable[..., str]) -> Models:
    """The models, compiled once."""
    words = {"as_of": AS_OF, "reporting_timezone": TIME_ZONE, "max_exchange_rate_age_days": LONGEST_RATE_DAYS}
    command(
        *("dbt", "compile", "--vars", json.dumps(words), "--select", *SELECTED),
        THROUGHLINE_WAREHOUSE=folder / "compiled.duckdb",
    )
    return Models(json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8")))


def inputs(revenue: Revenue) -> dict[str, list[dict]]:
    """The rows that the models read."""
    rates = [{"rate_date": rate.day, "currency": rate.currency, "rate": rate.rate} for rate in revenue.company.rates]
    return raw_rows(revenue) | {"exchange_rates": rates}


def made(models: Models, revenue: Revenue, tables: dict[str, list[dict]] | None = None) -> World:
    """What the models make of a company, or of other rows of it."""
    models.fill(tables or inputs(revenue))
    models.run(revenue.moment)
    return World(revenue, models.marts(), models.failures())


@pytest.fixture(scope="module")
def worlds(models: Models) -> list[World]:
    """Many companies."""
    drawings = [Drawing(number) for number in range(WORLDS)]
    return [
        made(models, Revenue(drawing.company(), drawing.moment(), LONGEST_RATE_DAYS, LOADED_AT)) for drawing in drawings
    ]


# --- The tests ----------------------------------------------------------------------------------------------


def cases(revenue: Revenue) -> Iterator[tuple[str, bool]]:
    """Cases for which the companies are drawn, each as often as it may be one, with whether it is."""
    yield "nothing was paid", not revenue.facts
    yield from cases_of_customers(revenue)
    yield from cases_of_lines(revenue)
    for fact in revenue.facts:
        yield from cases_of_transaction(revenue, fact)
    if revenue.facts:
        yield from cases_of_months(revenue)
    for scope, facts in [*revenue.currencies.items(), (REPORTING, revenue.facts)]:
        spending = [row["total_spending"] for row in revenue.spending(scope, facts) if not row["is_unknown"]]
        yield "customers who spent the same", len(set(spending) - {None}) < len(spending) - spending.count(None)
        yield "customers without a rate beside one with", scope.is_total and None in spending and len(set(spending)) > 1
        unknown = scope.known_total(fact for fact in facts if fact.customer_id == UNKNOWN)
        yield "nobody spent as much as the unknown", unknown > max((one or 0 for one in spending), default=0)
        yield "more paid than are known", payers(facts) > len({fact.customer_id for fact in facts})


def cases_of_customers(revenue: Revenue) -> Iterator[tuple[str, bool]]:
    """What a customer may be a case of."""
    for users in revenue.spellings.values():
        names = [user.name for user in users]
        yield "a name that is blank last", names[-1] is None and any(names)
        yield "a name that is never there", not any(names)
        yield "a name that was another before", len(set(names) - {None}) > 1
        yield "one name, and none", len(set(names)) == 2 and None in names
        yield (
            "name and address of different rows",
            any(names)
            and last(names) != last(user.name for user in users if user.email == last(user.email for user in users)),
        )
    places = [(listed.modified_at, listed.file) for listed in revenue.users]
    yield "users of two files of one time", len({at for at, _ in places}) < len(set(places))
    yield "a customer called unknown", any(member(listed.row.customer_id) == UNKNOWN for listed in revenue.users)


def cases_of_lines(revenue: Revenue) -> Iterator[tuple[str, bool]]:
    """What a subscription may be a case of."""
    yield "a subscription called unknown", any(member(one.row.subscription_id) == UNKNOWN for one in revenue.lines)
    for subscription_id, lines in revenue.subscriptions.items():
        current = revenue.current[subscription_id]
        amounts = [line.amount for line in current]
        files = {(listed.modified_at, listed.file) for listed in lines}
        yield "a plan that was changed", len(current) < len(lines)
        yield "files of one time", len({at for at, _ in files}) < len(files)
        yield "a subscription without an amount", set(amounts) == {None}
        yield "intervals that differ", ", " in (joined(line.interval for line in current) or "")
        yield (
            "a subscription that is listed no longer",
            max(files) < max((listed.modified_at, listed.file) for listed in revenue.lines),
        )
        for line in current:
            yield "no product", product_name(line.product) == NO_PRODUCT
            yield "an unknown product", (line.product or "").lower() == UNKNOWN
            yield "a product with blanks too many", line.product not in (None, product_name(line.product))
            yield "a product that begins with a colon", (line.product or "").startswith(":")


def cases_of_transaction(revenue: Revenue, fact: Fact) -> Iterator[tuple[str, bool]]:
    """What a transaction may be a case of."""
    yield "no customer", fact.customer_as_written is None
    yield "a customer in no file", fact.customer_id == UNKNOWN and fact.payer != UNKNOWN
    yield "no subscription", fact.subscription_as_written is None
    yield (
        "a subscription in no file",
        (member(fact.subscription_as_written), fact.subscription_id) == ("unlisted", UNKNOWN),
    )
    yield "no amount", fact.amount is None
    yield "no amount and no rate", fact.amount is None and fact.rate is None
    yield "a zero", fact.amount == 0
    yield "a zero and no rate", fact.amount == 0 and fact.rate is None
    rate = rate_on(revenue.company, fact.currency, fact.day, LONGEST_RATE_DAYS)
    yield "an amount too large for its rate", rate is not None and fact.rate is None
    yield "a rate", fact.rate not in (None, 1)
    yield "more than a day after it was loaded", fact.at > revenue.loaded_at + DAY
    yield "a day after it was loaded", fact.at == revenue.loaded_at + DAY
    yield "another date than in UTC", fact.day != fact.at.date()
    yield "another month than in UTC", fact.month != fact.at.date().replace(day=1)
    ages = {
        (fact.day - rate.day).days
        for rate in revenue.company.rates
        if rate.currency.upper() == fact.currency != REPORTING_CURRENCY
        and rate.rate is not None
        and rate.day <= fact.day
    }
    yield "a rate as old as it may be", min(ages, default=0) == LONGEST_RATE_DAYS
    yield "a rate that is too old", min(ages, default=0) == LONGEST_RATE_DAYS + 1
    lines = revenue.current.get(fact.subscription_id, [])
    amounts = [line.amount for line in lines]
    if len(lines) > 1 and fact.amount:
        weights = [amount for amount in amounts if amount and amount > 0]
        yield "lines of which none is above zero", not weights
        yield "a line below zero", bool(weights) and min(amount or 0 for amount in amounts) < 0
        yield "a line without an amount", bool(weights) and None in amounts
        yield "a line of nothing", bool(weights) and 0 in amounts
        yield "lines of one product", len({product_name(line.product) for line in lines}) < len(lines)
        yield "a refund of several lines", fact.amount < 0
        shares = [
            scaled * 10**9 for scaled in (share * Fraction(fact.amount) for share in revenue.shares(fact).values())
        ]
        yield "shares that do not divide", any(share.denominator > 1 for share in shares)


def cases_of_months(revenue: Revenue) -> Iterator[tuple[str, bool]]:
    """What the months of a company may be a case of."""
    newest, first = max(fact.day for fact in revenue.facts), min(fact.day for fact in revenue.facts)
    today = revenue.moment.date(revenue.moment.as_of)
    yield "the newest month is complete", not revenue.is_partial(month_of(newest))
    yield "the newest month is partial", revenue.is_partial(month_of(newest)) and newest < today
    yield "now is before the newest", today < newest
    yield "now is the last day of a month", today == last_day(month_of(today)) and today < newest
    yield "now is the first day of a month", today == month_of(today) and today < newest
    yield "no month is complete", revenue.newest_complete < month_of(first)
    complete = [month for month in revenue.all_months if not revenue.is_partial(month)]
    yield from ((f"{number} complete months", len(complete) == number) for number in (SPAN - 1, SPAN, SPAN + 1))
    yield "more than a year", len(complete) > 2 * SPAN
    yield "a month in which nobody paid", not all(revenue.all_months.values())
    monthly = revenue.monthly_revenue()
    for row in [*monthly, *revenue.monthly_revenue_total()]:
        yield "growth", row["growth_rate"] is not None
        yield "a month without a rate", row["revenue"] is None
        yield "a month of refunds", (row["revenue"] or 0) < 0
        yield (
            "a partial month after a good one",
            row["is_partial_month"]
            and any(
                (one["revenue"] or 0) > 0 and months_after(one["month_start_date"], 1) == row["month_start_date"]
                for one in monthly
            ),
        )
    for row in revenue.revenue_summary():
        yield "growth of six months", row["six_months_growth_rate"] is not None
        yield "a currency that rests", row["newest_month_start_date"] is not None and not row["transaction_count"]


def test_companies_stand_on_the_edges_of_the_rules(worlds):
    """None of the cases for which they are drawn is missing, lest agreement mean nothing."""
    seen: Counter[str] = Counter()
    for world in worlds:
        for name in {name for name, is_shown in cases(world.revenue) if is_shown}:
            seen[name] += 1
    names = {name for world in worlds for name, _ in cases(world.revenue)}
    assert {name: seen[name] for name in names if seen[name] < 3} == {}


def sales_differences(world: World, rows: list[dict], scope: Scope, facts: list[Fact]) -> Iterator[str]:
    """What is wrong with the rows of a scope of product_sales or its total."""
    expected = world.revenue.sales(scope, facts)
    found = {row["product"]: row for row in rows}
    if len(found) < len(rows) or found.keys() != expected.keys():
        yield f"{scope}: {sorted(found)}, not {sorted(expected)}"
        return
    places = ranked({product: row["sales"] for product, row in found.items() if product != UNKNOWN})
    for product, row in found.items():
        sales, is_known = expected[product], product != UNKNOWN
        if not sales.is_like(row["sales"]):
            yield f"{scope}: {row}, not {sales}"
        wanted = {
            "product_line": product_line(product),
            "transaction_count": sales.transaction_count,
            "sales_rank": places.get(product),
            "is_matched": is_known,
            "product_label": product if is_known else "No known product",
        }
        if scope.is_total:
            wanted["unconverted_transaction_count"] = sales.unconverted_transaction_count
        if wanted != {name: row[name] for name in wanted}:
            yield f"{scope}: {row}, not {wanted}"
    amounts = [row["sales"] for row in rows]
    if scope.total(facts) is not None and sum(amounts) != scope.total(facts):
        yield f"{scope}: {amounts} are not {scope.total(facts)} together"


@pytest.mark.parametrize("mart", MARTS)
def test_mart(worlds, mart):
    """Each row as it is by hand."""
    assert_no_differences(worlds, lambda world: differences(world.marts[mart], getattr(world.revenue, mart)()))


def test_checks(worlds):
    """What the files lack is counted."""
    assert_no_differences(worlds, lambda world: differences(world.marts[CHECKS], world.revenue.checks()))


def test_no_data_test_fails(worlds):
    """What the project says must hold of any data does."""
    assert_no_differences(worlds, lambda world: world.failures)


def test_product_sales(worlds):
    """Of each currency what each product has of it, which adds up to all of it."""

    def differ(world: World) -> Iterator[str]:
        rows = world.marts["product_sales"]
        if {row["currency"] for row in rows} != {scope.currency for scope in world.revenue.currencies}:
            yield f"{rows}"
        for scope, facts in world.revenue.currencies.items():
            own = [row for row in rows if row["currency"] == scope.currency]
            yield from sales_differences(world, own, scope, facts)
            converted = world.revenue.sales(REPORTING, facts)
            yield from (
                f"{row}, not {converted[row['product']]}"
                for row in own
                if not converted[row["product"]].is_like(row["sales_in_reporting_currency"])
            )

    assert_no_differences(worlds, differ)


def test_product_sales_total(worlds):
    """The same of all currencies in one."""
    assert_no_differences(
        worlds,
        lambda world: sales_differences(world, world.marts["product_sales_total"], REPORTING, world.revenue.facts),
    )


@pytest.mark.parametrize(
    ("mart", "rank", "columns"),
    [
        ("product_sales", "sales_rank", {"top_product": "product", "top_product_line": "product_line"}),
        ("user_spending", "spending_rank", {"top_customer_id": "customer_id"}),
    ],
)
def test_revenue_summary_names_the_best(worlds, mart, rank, columns):
    """The product and the customer who are first in their scope, unless nobody can tell what they come to."""
    name, amount = (
        ("top_product_sales", "sales") if mart == "product_sales" else ("top_customer_spending", "total_spending")
    )
    columns |= {name: amount}

    def differ(world: World) -> Iterator[str]:
        for row in world.marts["revenue_summary"]:
            rows = world.marts[f"{mart}_total" if row["is_total"] else mart]
            best = [
                one
                for one in rows
                if one[rank] == 1
                and one[amount] is not None
                and (row["is_total"] or one["currency"] == row["currency"])
            ]
            wanted = {to: best[0][of] if best else None for to, of in columns.items()}
            if wanted != {name: row[name] for name in wanted}:
                yield f"{row}, not {wanted}"

    assert_no_differences(worlds, differ)


def test_rows_may_come_in_any_order(models, worlds):
    """What is later in a file, or in a later file, is said by its line and not by where it stands in a table."""
    for world in worlds[:PROPERTIES]:
        shuffled = {name: rows[::-1] for name, rows in inputs(world.revenue).items()}
        again = made(models, world.revenue, shuffled)
        assert_no_differences(
            [again],
            lambda again, world=world: chain.from_iterable(
                differences(again.marts[mart], rows) for mart, rows in world.marts.items()
            ),
        )


def test_a_transaction_more_adds_its_amount(models, worlds):
    """Of its currency every total grows by just that, and what is of another one stays as it was."""
    totals = {
        "transactions_fact": "amount",
        "user_spending": "total_spending",
        "product_sales": "sales",
        "monthly_revenue": "revenue",
    }
    compared = 0
    for number, world in enumerate(worlds[:PROPERTIES]):
        if not world.revenue.facts:
            continue
        fact = world.revenue.facts[number % len(world.revenue.facts)]
        amount = Decimal("-17.000000003")
        one = Transaction("one more", "c1", fact.subscription_as_written, fact.at, amount, fact.currency)
        files = (*world.revenue.company.files, File("more.csv", datetime(2026, 1, 1), (one,)))
        company = replace(world.revenue.company, files=files)
        more = made(models, Revenue(company, world.revenue.moment, LONGEST_RATE_DAYS, LOADED_AT))
        for mart, column in totals.items():
            before, after = (Counter(), Counter())
            for found, rows in ((before, world.marts[mart]), (after, more.marts[mart])):
                for row in rows:
                    found[row["currency"]] += row[column] or 0
            assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
                fact.currency: amount
            }
            compared += 1
    assert compared > PROPERTIES


# --- From files to marts ------------------------------------------------------------------------------------

WAREHOUSE = "revenue.duckdb"
NOW = datetime.now(UTC).replace(tzinfo=None)


def written(row: User | Line | Transaction, number: int) -> dict[str, object]:
    """A row as some billing system exports it, which writes dates, codes and addresses now so and now so."""
    if isinstance(row, User):
        email = row.email and (row.email.upper() if number % 3 == 0 else f" {row.email}")
        return {"Customer ID": row.customer_id, "Customer Name": row.name, "Customer Email": email}
    if isinstance(row, Line):
        return {
            **{"subscription ID": row.subscription_id, "Plan": row.plan, "Product": row.product},
            **{"Interval": row.interval, "Amount": plain(row.amount), "Status": row.status},
        }
    at = row.at.isoformat(" ") if number % 3 == 0 else f"{row.at.month}/{row.at:%d/%y} {row.at.hour}:{row.at:%M:%S}"
    return {
        **{"Date (UTC)": at, "Transaction ID": row.transaction_id, "Customer ID": row.customer_id},
        **{"Subscription ID": row.subscription_id, "Total": plain(row.total)},
        "Currency": row.currency.lower() if number % 2 else row.currency,
    }


def plain(amount: Decimal | None) -> str | None:
    """An amount without an exponent."""
    return None if amount is None else f"{amount:f}"


def write(folder: Path, files: Iterable[File]) -> None:
    """Writes files as old as they are, each with a separator of its own."""
    folder.mkdir(exist_ok=True)
    for place, file in enumerate(file for file in files if file.rows):
        rows = [written(row, number) for number, row in enumerate(file.rows)]
        path = folder / file.name
        with path.open("w", encoding="utf-8-sig" if place % 2 else "utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, rows[0], delimiter="\t;,"[place % 3])
            writer.writeheader()
            writer.writerows(rows)
        instant = file.modified_at.replace(tzinfo=UTC).timestamp()
        os.utime(path, (instant, instant))


def write_seeds(folder: Path, company: Company) -> None:
    """Copies the project's seeds, which are empty, and adds the company's rates."""
    shutil.copytree(PROJECT_ROOT / "seeds" / "company", folder)
    with (folder / "exchange_rates.csv").open("w", encoding="utf-8", newline="") as handle:
        rates = ([rate.day, rate.currency, rate.rate] for rate in company.rates)
        csv.writer(handle).writerows([["rate_date", "currency", "rate"], *rates])


def steps(company: Company) -> tuple[list[File], list[File]]:
    """The older half of the files, and the others, some of which have the names of older ones."""
    files = sorted(company.files, key=lambda file: (file.modified_at, file.name))
    middle = files[len(files) // 2].modified_at
    # Of files with one name only the last can be there.
    newest = {(file.name, file.modified_at >= middle): file for file in files}
    older, newer = ([file for (_, is_later), file in newest.items() if is_later is later] for later in (False, True))
    return older, newer


def large() -> Drawing:
    """The company that is loaded from files."""
    return Drawing(LARGE, size=6)


@dataclass
class Built:
    """A warehouse after a build, and what should have come of it."""

    path: Path
    revenue: Revenue

    def rows(self, query: str) -> list[dict]:
        """What it answers."""
        with duckdb.connect(self.path, read_only=True) as connection:
            return rows_of(connection.execute(query))


def build(folder: Path, command: Callable[..., str], moment: Moment, *words: str) -> None:
    """Builds the revenue marts and the checks."""
    command(
        *("dbt", *words, "--vars", variables(moment), "--select", *SELECTED),
        THROUGHLINE_WAREHOUSE=folder / WAREHOUSE,
        THROUGHLINE_SEEDS=folder / "seeds",
    )


def loaded_and_built(
    folder: Path, command: Callable[..., str], revenue: Revenue, files: list[File], name: str
) -> Built:
    """Writes files, loads and builds, and keeps a copy of the warehouse as it is then."""
    write(folder / "exports", files)
    command(
        *("throughline", "load", "stream"),
        THROUGHLINE_WAREHOUSE=folder / WAREHOUSE,
        SOURCES__STREAM__BUCKET_URL=folder / "exports",
    )
    build(folder, command, revenue.moment, "build", "--exclude-resource-type", "unit_test")
    (folder / name).mkdir()
    # Its views name the file, so the copy has the same name.
    return Built(shutil.copy(folder / WAREHOUSE, folder / name), revenue)


@pytest.fixture(scope="module")
def first(folder: Path, command: Callable[..., str]) -> Built:
    """A larger company of which the older files are there."""
    drawing = large()
    company, moment = drawing.company(), drawing.moment()
    write_seeds(folder / "seeds", company)
    older, _ = steps(company)
    revenue = Revenue(
        replace(company, files=tuple(older), rejected=0),
        moment,
        LONGEST_RATE_DAYS,
        NOW,
    )
    return loaded_and_built(folder, command, revenue, older, "first")


@pytest.fixture(scope="module")
def later(folder: Path, command: Callable[..., str], first: Built) -> Built:
    """The same company after it has exported more, seen from another zone."""
    older, newer = steps(large().company())
    moment = Moment(first.revenue.moment.as_of, ZoneInfo("Asia/Tokyo"))
    company = replace(first.revenue.company, files=(*older, *newer))
    revenue = Revenue(company, moment, LONGEST_RATE_DAYS, NOW)
    return loaded_and_built(folder, command, revenue, newer, "later")


@pytest.fixture(scope="module")
def refreshed(folder: Path, command: Callable[..., str], later: Built) -> Built:
    """The same again, from the beginning."""
    build(folder, command, later.revenue.moment, "run", "--full-refresh")
    return replace(later, path=folder / WAREHOUSE)


@pytest.fixture(params=["first", "later"])
def built(request: pytest.FixtureRequest) -> Built:
    """Each of the two builds."""
    return request.getfixturevalue(request.param)


def test_everything_is_exported_twice():
    """Else what a later file changes would not be seen."""
    both = steps(large().company())
    older, newer = ({type(row) for file in files for row in file.rows} for files in both)
    assert older == newer == {User, Line, Transaction}
    older, newer = ({file.name for file in files} for files in both)
    assert older & newer


def trimmed(value: object) -> object:
    """A value without the blanks around it, as a cell is read."""
    return value.strip() if isinstance(value, str) else value


def assert_same(found: list[dict], wanted: list[dict]) -> None:
    """Nothing differs."""
    told = list(differences(found, wanted))
    assert not told, "\n".join(told)


def test_files_land_as_they_are(built):
    """Whatever separates cells and however dates are written; the later file, then the later line wins."""
    for table, rows in raw_rows(built.revenue).items():
        own = [{name: trimmed(row[name]) for name in row if not name.endswith(("_key", "_loaded_at"))} for row in rows]
        assert_same(built.rows(f"select * from raw_stream.{table}"), own)


@pytest.mark.parametrize("mart", [*MARTS, CHECKS])
def test_mart_of_files(built, mart):
    """The marts of what was loaded are those that are worked out by hand."""
    schema, method = ("intermediate", "checks") if mart == CHECKS else ("marts", mart)
    assert_same(built.rows(f"select * from {schema}.{mart}"), getattr(built.revenue, method)())


def test_sales_of_files(built):
    """So is what each product has of it."""
    marts = {mart: built.rows(f"select * from marts.{mart}") for mart in ("product_sales", "product_sales_total")}
    world = World(built.revenue, marts, [])
    test_product_sales([world])
    test_product_sales_total([world])


def test_building_again_changes_nothing(later, refreshed):
    """What was built on the tables of another zone equals what is built from the beginning."""
    for mart in (*MARTS, "product_sales", "product_sales_total"):
        query = f"select * from marts.{mart} order by all"
        assert later.rows(query) == refreshed.rows(query), mart
