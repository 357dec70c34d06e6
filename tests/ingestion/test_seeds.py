"""The company's seeds: read from the folder that THROUGHLINE_SEEDS names, and never written to."""

import shutil

import duckdb
from support import PROJECT_ROOT


def test_seeds_of_any_folder_are_read_and_left_alone(tmp_path, warehouse, run):
    """An absolute folder, twice: dbt would write its SQL over files that it finds by an absolute path."""
    seeds = shutil.copytree(PROJECT_ROOT / "seeds" / "company", tmp_path / "seeds")
    path = seeds / "channel_aliases.csv"
    text = 'source,source_channel,channel\ncrm,Google Ads,Adwords\ncrm,"Fair, spring",Event\n'
    path.write_text(text)
    for _ in range(2):
        run("dbt", "seed", THROUGHLINE_WAREHOUSE=warehouse, THROUGHLINE_SEEDS=seeds)
        assert path.read_text() == text
    with duckdb.connect(warehouse, read_only=True) as connection:
        rows = connection.execute("select * from staging.channel_aliases order by all").fetchall()
    assert rows == [("crm", "Fair, spring", "Event"), ("crm", "Google Ads", "Adwords")]


def test_a_missing_seed_is_named(tmp_path, warehouse, run):
    """The models cannot be built without it, so the load that comes before says so."""
    done = run("throughline", "load", THROUGHLINE_WAREHOUSE=warehouse, THROUGHLINE_SEEDS=tmp_path)
    assert f"company seed {tmp_path / 'channel_aliases.csv'} is missing" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
