"""Publishing: a copy is made of whole and clean builds only, and what is in place stays until then."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

CONTACTS = "contact_id,account_id\nC1,A1\n"
OPPORTUNITIES = (
    "opportunity_id,account_id,pipeline_amount,opportunity_created_date,sales_segment\n"
    "O1,A1,100,2026-02-01T00:00:00Z,Commercial\n"
)
SALES = "sales_touchpoint_id,channel_name,contact_id,sales_touchpoint_date\nS1,Outbound,C1,2026-01-15T00:00:00Z\n"


@pytest.fixture
def files(tmp_path):
    """A folder with a CRM export of one opportunity and its one touch."""
    folder = tmp_path / "crm"
    folder.mkdir()
    (folder / "contact_data.csv").write_text(CONTACTS)
    (folder / "opportunity_data.csv").write_text(OPPORTUNITIES)
    (folder / "sales_outreach_data.csv").write_text(SALES)
    return folder


def pipeline(database):
    """The pipeline that a DuckDB file shows."""
    with duckdb.connect(database, read_only=True) as connection:
        return connection.execute("select pipeline_amount from marts.pipeline_summary").fetchone()[0]


def test_only_whole_and_clean_builds_are_published(files, warehouse, run):
    """One warehouse through all that keeps it from being published, and each time the remedy that the message names."""
    published = warehouse.with_name("test.published.duckdb")

    def throughline(*arguments, **options):
        return run(
            "throughline", *arguments, THROUGHLINE_WAREHOUSE=warehouse, SOURCES__CRM__BUCKET_URL=files, **options
        )

    def dbt(*arguments, **options):
        return run("dbt", *arguments, THROUGHLINE_WAREHOUSE=warehouse, **options)

    def refusal():
        done = throughline("publish", check=False)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return " ".join(done.stderr.split())

    assert "There is no warehouse" in refusal()
    throughline("load", "crm")
    assert "was never built" in refusal()

    dbt("build", "--select", "+channel_pipeline", "--exclude-resource-type", "unit_test")
    assert "was never built" in refusal()
    assert not published.exists()

    dbt("build", "--exclude-resource-type", "unit_test")
    throughline("publish")
    assert pipeline(published) == 100

    # From here on there is a copy to keep.
    (files / "opportunity_data.csv").write_text(OPPORTUNITIES.replace(",100,", ",250,"))
    throughline("load", "crm")
    with duckdb.connect(warehouse) as connection:
        connection.execute("update marts.linear_attribution set attributed_amount = 1")
    dbt("test", "--select", "assert_every_total_equals_the_crms", check=False)
    assert "had 1 error" in refusal()

    # A clean build of something else does not make up for it.
    dbt("build", "--select", "report_settings")
    assert "failed when it was last built or tested" in refusal()

    # Nor does one after a test of what the marts are made of has failed.
    dbt("run", "--select", "path:models/marts")
    with duckdb.connect(warehouse) as connection:
        connection.execute("insert into raw_crm.contacts by name select * from raw_crm.contacts")
    dbt("test", "--select", "stg_crm__contacts", check=False)
    dbt("build", "--select", "report_settings")
    assert "failed when it was last built or tested" in refusal()
    with duckdb.connect(warehouse) as connection:
        connection.execute("delete from raw_crm.contacts where rowid > 0")

    dbt("run", "--empty", "--select", "path:models/marts")
    assert "failed when it was last built" in refusal()

    killed = subprocess.Popen(
        [str(Path(sys.executable).with_name("dbt")), "build"],
        env=os.environ | {"THROUGHLINE_WAREHOUSE": str(warehouse), "DBT_TARGET_PATH": str(files.parent / "target")},
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in killed.stdout:
        if "OK created" in line:
            break
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert "did not end" in refusal()
    assert pipeline(published) == 100

    dbt("build", "--exclude-resource-type", "unit_test")
    throughline("publish")
    assert pipeline(published) == 250
    assert {path.name for path in warehouse.parent.iterdir() if path.is_file()} == {"test.duckdb", published.name}

    # A process that holds the warehouse delays the copy; one that reads the copy disturbs nobody.
    reader = duckdb.connect(published, read_only=True)
    holding = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('held', flush=True); time.sleep(2)"
    holder = subprocess.Popen([sys.executable, "-c", holding, str(warehouse)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    assert f"is in use by process {holder.pid}" in " ".join(throughline("publish").stderr.split())
    assert reader.execute("select pipeline_amount from marts.pipeline_summary").fetchone() == (250,)
    holder.wait()
