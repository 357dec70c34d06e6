"""The three questions about Stream's revenue, from files to figures, and the keys that hold while marts are rebuilt."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from support import PROJECT_ROOT, query

from ingestion.builds import Builder, Plan, Project

USERS = [
    "Customer ID\tCustomer Name\tCustomer Email",
    *(f"c{number}\tName {number}\tc{number}@example.com" for number in range(1, 7)),
]
# Seven months, of which the last one is under way; one customer pays more each month, in two lines of 3 to 1.
TRANSACTIONS = [
    "Date (UTC)\tTransaction ID\tCustomer ID\tSubscription ID\tTotal\tCurrency",
    *(f"{month}/15/24 9:05\tm{month}\tc1\ts1\t{month}00\tusd" for month in range(1, 7)),
    "7/2/24 9:05\tm7\tc1\ts1\t8\tusd",
    "1/20/24 9:05\tt1\tc2\t\t60\tusd",
    "2/20/24 9:05\tt2\tc2\ts9\t30\tusd",
    *(f"1/2{number}/24 9:05\tu{number}\tc{number}\t\t{70 - 10 * number}\tusd" for number in range(3, 7)),
    "3/20/24 9:05\te1\tc6\ts2\t500\teur",
    # Nobody knows who these are; together they would have spent more than most.
    "1/30/24 9:05\tx1\tc9\t\t200\tusd",
    "1/30/24 9:05\tx2\t\t\t100\tusd",
]
PRODUCTS = [
    "subscription ID\tPlan\tProduct\tInterval\tAmount\tStatus",
    "s1\tp1\tChat :  Monthly\tmonth\t75\tactive",
    "s1\tp2\tChat - Support : Monthly\tmonth\t25\tactive",
    "s2\tp3\tFeeds : Annually\tyear\t500\tactive",
]
KEYS = {
    ("users_dim", "PRIMARY KEY", ("customer_id",), None),
    ("products_dim", "PRIMARY KEY", ("product",), None),
    ("subscriptions_dim", "PRIMARY KEY", ("subscription_id",), None),
    ("subscription_lines", "PRIMARY KEY", ("subscription_id", "plan"), None),
    ("subscription_lines", "FOREIGN KEY", ("subscription_id",), "subscriptions_dim"),
    ("subscription_lines", "FOREIGN KEY", ("product",), "products_dim"),
    ("transactions_fact", "PRIMARY KEY", ("transaction_id",), None),
    ("transactions_fact", "FOREIGN KEY", ("customer_id",), "users_dim"),
    ("transactions_fact", "FOREIGN KEY", ("subscription_id",), "subscriptions_dim"),
    ("user_spending", "PRIMARY KEY", ("customer_id", "currency"), None),
    ("user_spending", "FOREIGN KEY", ("customer_id",), "users_dim"),
    ("product_sales", "PRIMARY KEY", ("product", "currency"), None),
    ("product_sales", "FOREIGN KEY", ("product",), "products_dim"),
}


class RevenuePlan(Plan):
    """What comes of one raw table of Stream, without the parts of the project that were not built here."""

    @property
    def selection(self) -> list[str]:
        """The arguments of dbt."""
        return ["--select", *(f"source:{name}+,+path:models/marts/revenue" for name in self.tables)]


@dataclass
class Company:
    """A company's exports and warehouse."""

    exports: Path
    warehouse: Path
    command: Callable[..., str]

    def write(self, name: str, lines: list[str]) -> None:
        """Writes an export."""
        self.exports.mkdir(exist_ok=True)
        (self.exports / name).write_text("\r\n".join([*lines, ""]))

    def run(self, *words: str) -> None:
        """Runs a command on this warehouse."""
        self.command(*words, THROUGHLINE_WAREHOUSE=self.warehouse, SOURCES__STREAM__BUCKET_URL=self.exports)

    def rows(self, sql: str) -> list[tuple]:
        """What the warehouse answers."""
        return query(self.warehouse, sql)

    def keys(self, schema: str = "marts") -> set[tuple]:
        """The keys that its marts have."""
        return {
            (table, kind, tuple(columns), referenced)
            for table, kind, columns, referenced in self.rows(
                "select table_name, constraint_type, constraint_column_names, referenced_table"
                f" from duckdb_constraints() where schema_name = '{schema}' and constraint_type like '% KEY'"
            )
        }


@pytest.fixture(scope="module")
def company(folder: Path, command: Callable[..., str]) -> Company:
    """A company whose exports are loaded, and built twice, the second time by eight threads."""
    company = Company(folder / "exports", folder / "revenue.duckdb", command)
    for name, lines in {"users": USERS, "transactions": TRANSACTIONS, "products": PRODUCTS}.items():
        company.write(f"{name}.csv", lines)
    company.run("throughline", "load", "stream")
    company.run("dbt", "build", "--selector", "revenue", "--exclude-resource-type", "unit_test")
    company.run("dbt", "run", "--selector", "revenue", "--threads", "8", "--full-refresh")
    return company


@pytest.fixture(scope="module")
def answers(company: Company, folder: Path) -> dict[str, list[tuple]]:
    """What the warehouse answers to each analysis as dbt compiles it."""
    company.run("dbt", "compile", "--select", "path:analyses")
    compiled = (folder / "target" / "compiled" / "throughline" / "analyses").glob("*.sql")
    # The three questions that the project was asked stand there, each with a description.
    return {path.stem: company.rows(path.read_text()) for path in compiled}


def test_top_five_users(answers):
    """Of each currency: the sixth in dollars is not named, and is the first in euros; the unknown one is none."""
    assert answers["top_five_users_by_spending"] == [
        ("EUR", 1, "c6", 500, 1),
        ("USD", 1, "c1", 2108, 7),
        ("USD", 2, "c2", 90, 2),
        ("USD", 3, "c3", 40, 1),
        ("USD", 4, "c4", 30, 1),
        ("USD", 5, "c5", 20, 1),
    ]


def test_product_category_with_the_highest_sales(answers):
    """Three quarters of what is paid for the subscription are its first line's; what has no product does not win."""
    assert answers["product_category_with_highest_sales"] == [
        ("EUR", "Feeds : Annually", "Feeds", 500, 1),
        ("USD", "Chat : Monthly", "Chat", 1581, 7),
    ]


def test_growth_of_the_last_six_months(answers):
    """January to June, as July is under way."""
    revenue = {1: 560, 2: 230, 3: 300, 4: 400, 5: 500, 6: 600}
    growth = {month: (revenue[month] - revenue[month - 1]) / revenue[month - 1] for month in range(2, 7)}
    assert answers["revenue_growth_of_last_six_months"] == [
        ("EUR", date(2024, 3, 1), 500, None),
        *(("USD", date(2024, month, 1), amount, growth.get(month)) for month, amount in revenue.items()),
    ]


def test_every_question_has_its_analysis(answers):
    """None is there that no test runs."""
    assert len(answers) == 3


def test_keys_are_there_after_every_build(company):
    """A rebuilt parent drops and restores the tables that refer to it, and these get their keys back."""
    assert company.keys() == KEYS


def test_database_refuses_an_orphan(company):
    """The constraints are enforced by the database, not only tested."""
    with duckdb.connect(company.warehouse) as connection, pytest.raises(duckdb.ConstraintException):
        connection.execute("update marts.transactions_fact set customer_id = 'nobody' where transaction_id = 'm1'")


def test_database_refuses_a_transaction_without_what_each_has(company):
    """What it was paid for, in and by whom, when, and each flag; the rest may be blank in a file."""
    blank = {"customer_id_as_written", "subscription_id_as_written", "amount", "exchange_rate"}
    assert company.rows(
        "select list(column_name order by column_name) from duckdb_columns()"
        " where schema_name = 'marts' and table_name = 'transactions_fact' and is_nullable"
    ) == [(sorted({*blank, "amount_in_reporting_currency"}),)]


def test_developers_schemas_refer_to_one_another(company):
    """No key points into the schemas that people read."""
    company.run("dbt", "build", "--selector", "revenue", "--target", "dev", "--exclude-resource-type", "unit_test")
    assert company.keys("dev_marts") == KEYS
    assert company.keys() == KEYS


def test_refreshes_of_one_process_rebuild_what_refers_to_a_parent(company, monkeypatch):
    """Each raw table in turn with all that comes of it, as `refresh --watch` does with the project read once."""
    monkeypatch.setenv("THROUGHLINE_WAREHOUSE", str(company.warehouse))
    monkeypatch.chdir(PROJECT_ROOT)
    company.write("products_new.csv", [PRODUCTS[0], "s1\tp9\tChat Plus : Monthly\tmonth\t120\tactive"])
    company.run("throughline", "load", "stream")
    builder = Builder(company.warehouse)
    for table in ("users", "products", "transactions", "users"):
        plan = RevenuePlan("test", [f"stream.{table}"], False, {}, datetime.now(UTC))
        assert builder.build(plan, Project.digested()) == []
        assert company.keys() == KEYS
    assert company.rows(
        "select product, sales, transaction_count, sales_rank from marts.product_sales where currency = 'USD'"
        " order by product"
    ) == [("Chat Plus : Monthly", 2108, 7, 1), ("unknown", 490, 8, None)]
