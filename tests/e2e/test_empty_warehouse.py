"""A warehouse's first days: built before anything is loaded, loaded, built again, and built by a developer."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from support import PROJECT_ROOT

MARTS = {path.stem for path in (PROJECT_ROOT / "models" / "marts").rglob("*.sql")}
# What has rows even where nothing was loaded: settings, models, figures that are 0, and unknown members.
NEVER_EMPTY = {
    *("report_settings", "attribution_models_dim", "pipeline_summary", "booking_cost_summary", "data_health"),
    *("users_dim", "products_dim", "subscriptions_dim", "subscription_lines"),
    *("journey_lengths", "journey_summary", "alert_rules_dim"),
}

AS_OF = "{as_of: '2026-03-01T01:30:00+02:00'}"
DEVELOPERS = "{as_of: '2026-03-01', reporting_timezone: Europe/Berlin, attribution_window_days: 1}"
WITHOUT_TESTS = ("--exclude-resource-type", "test", "unit_test")

# Three touches of ACME, of which the first two are those of one person; the fourth comes too late.
EXPORT = {
    "contact": """\
contact_id,account_id,email
ada,acme,ada@example.com
bob,acme,bob@example.com
""",
    "marketing": """\
marketing_touchpoint_id,channel_name,contact_id,marketing_touchpoint_date
m1,Webinar,ada,2025-01-01T09:00:00Z
m2,Adwords,ada,2025-01-15T09:00:00Z
m3,Adwords,bob,2025-02-15T09:00:00Z
""",
    "sales_outreach": """\
sales_touchpoint_id,channel_name,contact_id,sales_touchpoint_date
s1,Outbound,bob,2025-01-31T12:00:00Z
""",
    "opportunity": """\
opportunity_id,account_id,pipeline_amount,opportunity_created_date,sales_segment
o1,acme,100,2025-01-31T23:30:00Z,Enterprise
o2,other,7.5,2025-02-10T00:00:00Z,
""",
}


@dataclass
class Warehouse:
    """A warehouse, named relative to the project's root, and what the commands need to know about it."""

    path: Path
    exports: Path
    command: Callable[..., str]

    def run(self, *words: str, cwd: Path = PROJECT_ROOT) -> None:
        """Runs a command on this warehouse."""
        self.command(
            *words,
            cwd=cwd,
            THROUGHLINE_WAREHOUSE=os.path.relpath(self.path, PROJECT_ROOT),
            # When somebody last looked is a figure, too.
            THROUGHLINE_NOW="2026-03-01",
            SOURCES__CRM__BUCKET_URL=self.exports,
        )

    def rows(self, query: str) -> list[tuple]:
        """What the warehouse answers."""
        with duckdb.connect(self.path, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def tables(self, schema: str) -> dict[str, list[tuple]]:
        """All rows of all tables of a schema, in an order of their own, without the instant of the build."""
        names = self.rows(f"select table_name from information_schema.tables where table_schema = '{schema}'")
        columns = "columns(lambda name: name != 'built_at')"
        return {name: self.rows(f"select {columns} from {schema}.{name} order by all") for (name,) in names}


@dataclass
class Stages:
    """The marts of one warehouse after each step of its first days."""

    empty: dict[str, list[tuple]]
    empty_figures: list[tuple]
    loaded: dict[str, list[tuple]]
    again: dict[str, list[tuple]]


@pytest.fixture(scope="module")
def warehouse(folder: Path, command: Callable[..., str]) -> Warehouse:
    """A warehouse that is not there yet, and an export to load into it."""
    exports = folder / "exports"
    exports.mkdir()
    for name, text in EXPORT.items():
        (exports / f"acme_{name}_data.csv").write_text(text, encoding="utf-8")
    return Warehouse(folder / "first_days.duckdb", exports, command)


@pytest.fixture(scope="module")
def stages(warehouse: Warehouse, folder: Path) -> Stages:
    """The steps, taken once for all tests."""
    warehouse.run("dbt", "build", "--vars", AS_OF)
    empty = warehouse.tables("marts")
    figures = warehouse.rows(
        "select opportunities, pipeline_amount, attributed_opportunities, attributed_amount,"
        " unattributed_opportunities, unattributed_amount, unattributed_share, opportunities_without_amount,"
        " affected_records, checked_records, affected_rate"
        " from marts.pipeline_summary cross join marts.data_health"
    )
    # Wherever the loader is run, it finds the warehouse that dbt has made.
    warehouse.run("throughline", "load", "crm", cwd=folder)
    # Unit tests do not look into the warehouse, and have passed in it.
    warehouse.run("dbt", "build", "--exclude-resource-type", "unit_test", "--vars", AS_OF)
    loaded = warehouse.tables("marts")
    warehouse.run("throughline", "load", "crm")
    # The same tests would find the same rows.
    warehouse.run("dbt", "build", *WITHOUT_TESTS, "--vars", AS_OF)
    return Stages(empty, figures, loaded, warehouse.tables("marts"))


@pytest.fixture(scope="module")
def developed(warehouse: Warehouse, stages: Stages) -> Warehouse:
    """The same warehouse after a developer has built it with settings of the developer's own."""
    warehouse.run("dbt", "build", *WITHOUT_TESTS, "--target", "dev", "--vars", DEVELOPERS)
    return warehouse


def test_empty_warehouse_has_every_mart(stages):
    """Whoever builds first and loads later finds each mart, without rows if it holds records."""
    assert set(stages.empty) == MARTS
    assert {name for name, rows in stages.empty.items() if rows} == NEVER_EMPTY


def test_empty_warehouse_says_zero(stages):
    """Its summary is 0 and not null, its checks looked at nothing and found nothing, and rates of nothing are null."""
    assert set(stages.empty_figures) == {(0, 0, 0, 0, 0, 0, None, 0, 0, 0, None)}
    assert len(stages.empty["attribution_models_dim"]) == 3


def test_what_is_loaded_into_it_counts(warehouse, stages):
    """The marts that were built empty show the loaded records."""
    assert warehouse.rows(
        "select attribution_model, opportunity_id, touchpoint_id, channel_name, sales_segment, credit_weight,"
        " attributed_amount, unattributed_reason from marts.attribution_credits order by all"
    ) == [
        ("first_touch", "o1", "m1", "Webinar", "Enterprise", 1, 100, None),
        ("first_touch", "o2", None, "unattributed", "(no segment)", 1, Decimal("7.5"), "no_contact"),
        ("last_touch", "o1", "s1", "Outbound", "Enterprise", 1, 100, None),
        ("last_touch", "o2", None, "unattributed", "(no segment)", 1, Decimal("7.5"), "no_contact"),
        (
            *("linear", "o1", "m1", "Webinar", "Enterprise"),
            *(Decimal("0.333333333333333333"), Decimal("33.333333333"), None),
        ),
        (
            *("linear", "o1", "m2", "Adwords", "Enterprise"),
            *(Decimal("0.333333333333333334"), Decimal("33.333333334"), None),
        ),
        (
            *("linear", "o1", "s1", "Outbound", "Enterprise"),
            *(Decimal("0.333333333333333333"), Decimal("33.333333333"), None),
        ),
        ("linear", "o2", None, "unattributed", "(no segment)", 1, Decimal("7.5"), "no_contact"),
    ]
    assert warehouse.rows(
        "select opportunities, pipeline_amount, attributed_amount, unattributed_amount from marts.pipeline_summary"
    ) == [(2, Decimal("107.5"), 100, Decimal("7.5"))]


def test_credits_have_the_promised_types(warehouse, stages):
    """Weights have 18 decimal places and amounts nine."""
    described = {name: kind for name, kind, *_ in warehouse.rows("describe marts.attribution_credits")}
    assert described["credit_weight"] == "DECIMAL(38,18)"
    assert described["attributed_amount"] == "DECIMAL(38,9)"


def test_loading_and_building_again_changes_nothing(stages):
    """The same files and the same day give the same marts, row for row."""
    assert stages.again == stages.loaded
    assert stages.loaded != stages.empty


def test_developers_target_leaves_the_marts_alone(developed, stages):
    """A developer's schemas have a prefix and all that the others have."""
    assert developed.tables("marts") == stages.loaded
    assert set(developed.tables("dev_marts")) == MARTS
    schemas = {name for (name,) in developed.rows("select schema_name from information_schema.schemata")}
    assert {"dev_staging", "dev_intermediate", "dev_marts"} <= schemas


def test_as_of_is_now(developed):
    """An instant with an offset is taken as UTC, and a date as its first instant there."""
    assert developed.rows("select as_of from marts.report_settings") == [(datetime(2026, 2, 28, 23, 30),)]
    assert developed.rows("select as_of from dev_marts.report_settings") == [(datetime(2026, 3, 1),)]


def test_months_are_those_of_the_reporting_time_zone(developed):
    """What was created in the last half hour of January in UTC was created in February in Berlin."""
    query = "select distinct month_start_date from {}.channel_roi where channel_name = 'Outbound' order by all"
    assert developed.rows(query.format("marts")) == [(date(2025, 1, 1),), (None,)]
    assert developed.rows(query.format("dev_marts")) == [(date(2025, 2, 1),), (None,)]
    assert developed.rows("select reporting_timezone from dev_marts.report_settings") == [("Europe/Berlin",)]


def test_window_is_as_long_as_its_variable_says(developed):
    """With a window of one day only the touch of that day counts."""
    query = "select touchpoint_id from {}.opportunity_touchpoints where opportunity_id = 'o1' order by touchpoint_at"
    assert developed.rows(query.format("marts")) == [("m1",), ("m2",), ("s1",)]
    assert developed.rows(query.format("dev_marts")) == [("s1",)]
