"""The command `throughline publish` and its stores: what it takes, and that only whole and clean builds go out."""

import duckdb
import psycopg
import pytest
from support import query

SETTING = "DESTINATION__POSTGRES__CREDENTIALS"


@pytest.fixture
def built(warehouse):
    """Be a warehouse whose one mart comes from a build that is whole and clean, by its notes."""
    warehouse.parent.mkdir()
    with duckdb.connect(warehouse) as connection:
        connection.execute(
            """
            create schema marts;
            create table marts.transactions_fact as
            select 'T1' as transaction_id, date '2026-01-01' as transaction_date, cast(1.5 as decimal(38, 9)) as amount;
            create schema raw_meta;
            create table raw_meta.builds as
            select
                'B1' as invocation_id, 'prod' as target, 'build' as command, timestamp '2026-01-02' as started_at,
                timestamp '2026-01-02' as finished_at, 0 as error_count, 'transactions_fact' as marts,
                'transactions_fact' as marts_built, cast(null as varchar) as marts_failed
            """
        )
    return warehouse


@pytest.fixture
def publish(built, run, tmp_path):
    """Be a function that runs `throughline publish`, and returns its exit code with what it said in one line."""

    def publish_it(*words, **settings):
        done = run("throughline", "publish", *words, check=False, cwd=tmp_path, THROUGHLINE_WAREHOUSE=built, **settings)
        assert "Traceback" not in done.stderr
        return done.returncode, " ".join(done.stderr.split())

    return publish_it


def test_both_stores_are_filled_from_the_copy(publish, built, postgres, tmp_path):
    """The copy is made first, and the last line says how much went where, without a password."""
    code, said = publish("--to", "postgres")
    assert code == 0, said
    assert f"Published {built.with_name('test.published.duckdb')}. Published 1 table with 1 row into the schema" in said
    assert psycopg.conninfo.conninfo_to_dict(postgres)["password"] not in said
    with psycopg.connect(postgres) as connection:
        assert connection.execute("select transaction_id, amount from marts.transactions_fact").fetchone() == (
            "T1",
            1.5,
        )
    code, said = publish("--to", "parquet", "lake")
    assert (code, said.endswith("Published 1 fact with 1 row in 1 file to lake.")) == (0, True), said
    files = [str(path) for path in (tmp_path / "lake").rglob("*.parquet")]
    assert query(built, "select transaction_id from read_parquet(?)", files) == [("T1",)]


def test_what_is_not_whole_and_clean_goes_nowhere(publish, built, postgres, tmp_path):
    """Neither store is touched, and somebody is told."""
    with duckdb.connect(built) as connection:
        connection.execute("update raw_meta.builds set error_count = 1")
    for words in (("--to", "postgres"), ("--to", "parquet", "lake")):
        code, said = publish(*words)
        assert (code, "was not published: the newest dbt build" in said) == (1, True), said
    assert not (tmp_path / "lake").exists()
    with psycopg.connect(postgres) as connection:
        assert connection.execute("select to_regnamespace('marts')").fetchone() == (None,)


def test_a_mart_that_is_not_there_goes_nowhere(publish, built):
    """A build that was killed may have dropped it, and the notes on a later one of something else do not know."""
    with duckdb.connect(built) as connection:
        connection.execute("drop table marts.transactions_fact")
    code, said = publish()
    assert (code, "the mart transactions_fact is not there. Run dbt build." in said) == (1, True), said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lake"], "Say what lake is for: throughline publish --to parquet lake."),
        (["--to", "postgres", "lake"], f"--to postgres takes no destination: the database is that of {SETTING}."),
        (["--to", "parquet"], "Say where to: throughline publish --to parquet FOLDER, or an s3:// prefix."),
        (["--to", "postgres"], f"No PostgreSQL database is named; set {SETTING}"),
    ],
)
def test_wrong_words_are_sentences(publish, built, words, sentence):
    """What is asked for wrongly is not begun."""
    code, said = publish(*words)
    assert (code, sentence in said) == (1, True), said


def test_a_failure_is_told_to_whoever_is_to_know(built, postgres, monkeypatch):
    """As a failed refresh is: a timer runs this, and nobody reads what it prints."""
    from ingestion import publish as module
    from ingestion.errors import ThroughlineError

    told, well = [], []
    monkeypatch.setattr(module, "alert", lambda warehouse, subject, text: told.append((subject, text)))
    monkeypatch.setattr(module, "all_is_well", lambda warehouse, subject: well.append(subject))
    module.publish_to("postgres", built, None)
    assert (told, well) == ([], ["postgres"])
    monkeypatch.delenv(SETTING)
    with pytest.raises(ThroughlineError):
        module.publish_to("postgres", built, None)
    assert told == [("postgres", "test.duckdb was not published to postgres; what it printed says why.")]
    assert well == ["postgres"]


def test_doctor_says_whether_the_database_answers(built, run, postgres, monkeypatch):
    """Only where one is set."""
    said = run("throughline", "doctor", check=False, THROUGHLINE_WAREHOUSE=built).stdout
    assert "note  PostgreSQL: postgres at 127.0.0.1:" in said
    said = run("throughline", "doctor", check=False, THROUGHLINE_WAREHOUSE=built, **{SETTING: "nonsense"}).stdout
    assert f"act   PostgreSQL: {SETTING} is no address of a PostgreSQL database" in said
    monkeypatch.delenv(SETTING)
    said = run("throughline", "doctor", check=False, THROUGHLINE_WAREHOUSE=built).stdout
    assert "PostgreSQL" not in said
