"""Settings that are odd, wrong, or meant for another program: what works, and what is said where it cannot."""

import json
import os
import shutil
import subprocess

import duckdb
import pytest
from support import BIN

from ingestion import crm, settings
from ingestion.errors import ThroughlineError

CONTACTS = "contact_id,account_id\nC1,A1\nC2,\n"


@pytest.fixture
def contacts(tmp_path):
    """A folder with a contact file, and what a Mac leaves beside it."""
    folder = tmp_path / "crm"
    folder.mkdir()
    (folder / "contact_data.csv").write_text(CONTACTS)
    (folder / "._contact_data.csv").write_bytes(b"\x00\x05\x16\x07")
    return folder


def landed(warehouse):
    """The contacts in the warehouse."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        return connection.execute("select contact_id, account_id from raw_crm.contacts order by all").fetchall()


@pytest.mark.parametrize("name", ["My Exports", "año", "a#1", "what?", "50%", "[a]", "a*", "it's", "%41"])
def test_a_folder_may_have_any_name(contacts, warehouse, name):
    """Signs that mean something in a URL or a pattern mean nothing in a folder."""
    crm.load(str(contacts.rename(contacts.with_name(name))), warehouse)
    assert landed(warehouse) == [("C1", "A1"), ("C2", None)]


def test_a_file_url_is_a_folder_too(contacts, warehouse):
    """Its escaped signs are those of the folder."""
    crm.load(contacts.rename(contacts.with_name("My Exports")).as_uri(), warehouse)
    assert len(landed(warehouse)) == 2


def test_relative_paths_count_from_the_root_of_the_project(contacts, warehouse, tmp_path):
    """Wherever the command is run: the same setting must not mean two folders."""
    relative = {
        name: os.path.relpath(path, settings.PROJECT_ROOT)
        for name, path in {"SOURCES__CRM__BUCKET_URL": contacts, "THROUGHLINE_WAREHOUSE": warehouse}.items()
    }
    subprocess.run([BIN / "throughline", "load", "crm"], cwd=tmp_path, env=os.environ | relative, check=True)
    assert len(landed(warehouse)) == 2


@pytest.mark.parametrize(
    "stray",
    [
        {"DEV_MODE": "true"},
        {"REFRESH": "drop_sources"},
        {"REFRESH": "drop_data"},
        {"NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true"},
        {"DESTINATION__DUCKDB__STAGING_DATASET_NAME_LAYOUT": "%s_elsewhere"},
    ],
    ids=lambda stray: "=".join(*stray.items()),
)
def test_settings_meant_for_other_pipelines_move_no_row(contacts, warehouse, run, stray):
    """Dlt takes from the environment what it is not told: rows would land elsewhere, or those there be dropped."""
    environment = {"THROUGHLINE_WAREHOUSE": warehouse, "SOURCES__CRM__BUCKET_URL": contacts}
    run("throughline", "load", "crm", **environment)
    (contacts / "contact_data.csv").write_text(CONTACTS + "C3,A3\n")
    run("throughline", "load", "crm", **environment, **stray)
    assert landed(warehouse) == [("C1", "A1"), ("C2", None), ("C3", "A3")]
    with duckdb.connect(warehouse, read_only=True) as connection:
        schemas = connection.execute("select distinct schema_name from duckdb_tables() order by all").fetchall()
    assert schemas == [("raw_crm",), ("raw_meta",)]


@pytest.mark.parametrize("command", [["load", "crm"], ["refresh", "crm"], ["receive"]])
def test_settings_that_are_no_toml_are_named(contacts, warehouse, run, tmp_path, command):
    """In a sentence without the line, which may hold a secret."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text('[sources.calendly]\napi_token = = "s3cret"\n')
    done = run("throughline", *command, check=False, DLT_PROJECT_DIR=tmp_path, THROUGHLINE_WAREHOUSE=warehouse)
    assert done.returncode == 1
    assert "secrets.toml in .dlt is no TOML; correct it." in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr


def test_rows_that_did_not_arrive_are_missed(contacts, warehouse, monkeypatch):
    """Dlt's success is not believed without a look; the file stays unread."""
    monkeypatch.setattr("dlt.Pipeline.run", lambda *_args, **_kwargs: None)
    with pytest.raises(ThroughlineError, match=r"0 of 2 rows arrived in raw_crm\.contacts"):
        crm.load(str(contacts), warehouse)
    monkeypatch.undo()
    crm.load(str(contacts), warehouse)
    assert len(landed(warehouse)) == 2


def test_a_file_in_utf_16_is_named_as_that(contacts, warehouse):
    """Spreadsheets call it Unicode text."""
    (contacts / "contact_data.csv").write_text(CONTACTS, encoding="utf-16")
    with pytest.raises(ThroughlineError, match=r"contact_data\.csv is UTF-16"):
        crm.load(str(contacts), warehouse)


def test_lines_of_blanks_are_no_records(contacts, warehouse):
    """Before the header, among the records and after them."""
    (contacts / "contact_data.csv").write_text("  \n" + CONTACTS.replace("C2", "\t\nC2") + "   \n\n")
    crm.load(str(contacts), warehouse)
    with duckdb.connect(warehouse, read_only=True) as connection:
        assert connection.execute("select records_read, records_rejected from raw_meta.loads").fetchall() == [(2, 0)]


@pytest.mark.parametrize("text", ["tomorrow", "0001-01-01T00:00:00+14:00", "2026-13-01"])
def test_a_clock_that_is_no_instant_is_refused(monkeypatch, text):
    """With the form that it should have."""
    monkeypatch.setenv("THROUGHLINE_NOW", text)
    with pytest.raises(ThroughlineError, match=r"THROUGHLINE_NOW is .* write it like"):
        settings.now()


@pytest.mark.parametrize(
    "path", ["~/x.duckdb", ":memory:", "/tmp/main.duckdb", "/tmp/it's.duckdb", "/tmp/raw_crm.duckdb"]
)
def test_a_path_that_cannot_be_a_warehouse_is_refused_by_all_commands(contacts, run, path):
    """Dbt and the loaders must not make two files of one setting, nor one that the other cannot use."""
    environment = {"THROUGHLINE_WAREHOUSE": path, "SOURCES__CRM__BUCKET_URL": contacts}
    done = run("throughline", "load", "crm", check=False, **environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "begins with ~" in done.stderr or "cannot be a warehouse" in done.stderr
    assert not (settings.PROJECT_ROOT / "~").exists()


# Each with a value that it cannot have.
WRONG_VARIABLES = {
    "attribution_window_days": 1.5,
    "max_exchange_rate_age_days": -1,
    "booking_to_opportunity_days": "ninety",
    "webinar_restart_minutes": -1,
    "webinar_attendance_is_touch": 1,
    "max_identifiers_per_person": 0,
    "attribution_touchpoint_sources": "crm, zoom",
    "reporting_currency": "dollars",
    "reporting_timezone": "Mars/Olympus",
    "as_of": "garbage",
}


def test_variables_that_mean_nothing_stop_a_build_with_a_sentence(warehouse, run):
    """For each, before any model is built; and a warehouse that cannot be is refused without a traceback."""
    done = run("dbt", "run", "--vars", json.dumps(WRONG_VARIABLES), check=False, THROUGHLINE_WAREHOUSE=warehouse)
    assert done.returncode != 0
    said = [line.strip() for line in done.stdout.splitlines()]
    for name, value in WRONG_VARIABLES.items():
        assert [line for line in said if line.startswith(f"{name} is {value}; it must be ")], name
    with duckdb.connect(warehouse, read_only=True) as connection:
        assert connection.execute("select table_name from duckdb_tables()").fetchall() == []
    shutil.rmtree(warehouse.parent)
    warehouse.parent.mkdir()
    warehouse.write_text("no database")
    done = run("dbt", "run", check=False, THROUGHLINE_WAREHOUSE=warehouse)
    assert "cannot be opened as a DuckDB file" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
