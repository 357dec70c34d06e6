"""What a refresh builds: decided from the notes on the newest build and from the raw tables as they are."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from ingestion.builds import Plan, Project
from ingestion.warehouse import connect

PROJECT = Project(code="code", seeds="seeds")
COLUMNS = (
    "invocation_id varchar, target varchar, command varchar, started_at timestamp, finished_at timestamp,"
    " error_count integer"
)
# A zone in which it is from 14:00 to 15:00: four hours ago were on the same day there.
AFTERNOON = f"Etc/GMT{datetime.now(UTC).hour - 14:+d}"
NOTES = ", code_digest varchar, seeds_digest varchar, raw_states varchar, everything_at timestamp"


@pytest.fixture
def built(warehouse: Path) -> Path:
    """Be a warehouse with two raw tables and one that is empty, just built whole and noted so."""
    with connect(warehouse) as connection:
        connection.execute(f"""
            create schema raw_meta; create schema raw_crm; create schema raw_ad_spend; create schema marts;
            create schema raw_crm_staging;
            create table marts.report_settings as select '{AFTERNOON}' as reporting_timezone;
            create table raw_crm.contacts as select range as id, timestamp '2026-01-01' as _loaded_at from range(3);
            create table raw_crm_staging.contacts as from raw_crm.contacts;
            create table raw_ad_spend.spend as select 1 as id, timestamp '2026-01-01' as _loaded_at;
            create table raw_ad_spend.rejected_records as from raw_ad_spend.spend limit 0;
            create table raw_meta.builds ({COLUMNS}{NOTES});
        """)
    build(warehouse)
    Plan.of(warehouse, PROJECT).note(warehouse, PROJECT)
    assert not Plan.of(warehouse, PROJECT).is_needed
    return warehouse


def build(warehouse: Path, **values: object) -> None:
    """Note a build as dbt does."""
    row = {"target": "prod", "command": "build", "error_count": 0} | values
    with connect(warehouse) as connection:
        connection.execute(
            f"insert into raw_meta.builds ({', '.join(row)}, started_at, finished_at) select"
            f" {', '.join('?' for _ in row)}, now() at time zone 'UTC', now() at time zone 'UTC'",
            list(row.values()),
        )


def change(warehouse: Path, sql: str) -> Plan:
    """Change something and return what is to be built for it."""
    with duckdb.connect(warehouse) as connection:
        connection.execute(sql)
    return Plan.of(warehouse, PROJECT)


@pytest.mark.parametrize(
    "sql",
    [
        "insert into raw_crm.contacts values (9, timestamp '2026-01-02')",
        "update raw_crm.contacts set _loaded_at = timestamp '2026-01-02' where id = 1",
        # The same number of rows, and none of them newer than the newest before.
        "delete from raw_crm.contacts where id = 2; insert into raw_crm.contacts values (9, timestamp '2025-12-31')",
        "delete from raw_crm.contacts where id = 2",
        "delete from raw_crm.contacts",
        "drop table raw_crm.contacts",
    ],
)
def test_a_raw_table_that_changed_is_built_with_what_depends_on_it(built, sql):
    """Whoever changed it and however: rows that came, changed or went."""
    plan = change(built, sql)
    assert plan.tables == ["raw_crm.contacts"]
    assert plan.selection == ["--select", "source:crm.contacts+", "source:meta.loads+", "tag:ages+"]
    assert plan.everything_at is not None


def test_what_nothing_is_built_of_is_nothing_new(built):
    """An empty table that dbt or a load made, and dlt's own copies, are no change."""
    assert not change(built, "create table raw_crm.deals as from raw_crm.contacts limit 0").is_needed
    assert not change(built, "insert into raw_crm_staging.contacts from raw_crm.contacts").is_needed


def test_what_changes_during_a_build_is_built_by_the_next(built):
    """A note says what was there when it was decided what to build, not what has come since."""
    plan = change(built, "insert into raw_crm.contacts values (9, timestamp '2026-01-02')")
    build(built)
    change(built, "insert into raw_crm.contacts values (10, timestamp '2026-01-03')")
    plan.note(built, PROJECT)
    assert Plan.of(built, PROJECT).tables == ["raw_crm.contacts"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("delete from raw_meta.builds", "nothing was built yet"),
        ("drop table raw_meta.builds", "nothing was built yet"),
        ("update raw_meta.builds set finished_at = null", "the newest build did not end"),
        ("update raw_meta.builds set error_count = 1", "the newest build failed"),
        ("update raw_meta.builds set raw_states = null", "the newest build was made by hand"),
        ("alter table raw_meta.builds drop column raw_states", "the newest build was made by hand"),
        (
            f"update raw_meta.builds set everything_at = (date_trunc('day', now() at time zone '{AFTERNOON}')"
            f" - interval 1 second) at time zone '{AFTERNOON}' at time zone 'UTC'",
            "a new day has begun",
        ),
        (
            "update raw_meta.builds set everything_at = everything_at - interval 4 hour",
            "the last time was hours ago",
        ),
    ],
)
def test_a_part_does_not_do(built, sql, reason):
    """Where marts may be of something else than the raw tables tell, or have aged, everything is built."""
    plan = change(built, sql)
    assert plan.tables is None
    assert plan.reason == f"everything, because {reason}"


def test_a_build_by_somebody_else_is_not_relied_on(built):
    """Nobody knows what it was made by."""
    build(built)
    plan = Plan.of(built, PROJECT)
    assert plan.reason == "everything, because the newest build was made by hand"
    assert plan.selection == ["--full-refresh"]


def test_a_developers_build_is_nobody_elses_business(built):
    """It has schemas of its own."""
    build(built, target="dev", error_count=3)
    assert not Plan.of(built, PROJECT).is_needed


def test_a_developers_build_takes_no_note_of_another(built):
    """One that comes between a build and its note is passed over."""
    plan = change(built, "insert into raw_crm.contacts values (9, timestamp '2026-01-02')")
    build(built)
    build(built, target="dev")
    plan.note(built, PROJECT)
    assert not Plan.of(built, PROJECT).is_needed


def test_a_changed_seed_builds_everything_and_changed_code_anew(built):
    """What incremental models hold was parsed by the code of before; a seed is in none of them."""
    seed = Plan.of(built, Project(code="code", seeds="others"))
    assert (seed.reason, seed.selection) == ("everything, because a company seed has changed", [])
    code = Plan.of(built, Project(code="other", seeds="seeds"))
    assert (code.reason, code.selection) == ("everything, because the project's code has changed", ["--full-refresh"])


def test_a_failed_build_with_other_code_is_made_anew(built):
    """A build of new code that failed must not hide that the one before was of other code."""
    build(built, error_count=1)
    assert Plan.of(built, Project(code="other", seeds="seeds")).selection == ["--full-refresh"]
    assert Plan.of(built, PROJECT).selection == []


def test_a_warehouse_of_unknown_code_is_made_anew(built):
    """One that nobody noted may be of an older version, whose incremental models have other columns."""
    for sql in ("update raw_meta.builds set code_digest = null", "alter table raw_meta.builds drop column code_digest"):
        assert change(built, f"update raw_meta.builds set raw_states = null; {sql}").selection == ["--full-refresh"]


def test_only_a_clean_build_is_noted(built):
    """What failed is built again."""
    plan = change(built, "insert into raw_crm.contacts values (9, timestamp '2026-01-02')")
    build(built, error_count=1)
    plan.note(built, PROJECT)
    assert Plan.of(built, PROJECT).reason == "everything, because the newest build failed"


def test_digests_follow_the_files(tmp_path, monkeypatch):
    """A company seed's content is a digest of its own; code is the same whichever seeds are used."""
    monkeypatch.setenv("THROUGHLINE_SEEDS", str(tmp_path))
    (tmp_path / "hosts.csv").write_text("host_email,host_label,team\n")
    before = Project.digested()
    (tmp_path / "hosts.csv").write_text("host_email,host_label,team\nann@example.com,Ann,\n")
    after = Project.digested()
    assert before.code == after.code
    assert before.seeds != after.seeds
