"""Facts as Parquet files: what is read back equals the copy, only what changed is written, nobody else's is touched."""

import itertools
import shutil
import threading
from collections import Counter

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import yaml
from support import PROJECT_ROOT, require

from ingestion import parquet
from ingestion.errors import ThroughlineError
from ingestion.parquet import FACTS, publish_to_parquet

DEMO = PROJECT_ROOT / "warehouse" / "demo.published.duckdb"
CREDENTIALS = "DESTINATION__FILESYSTEM__CREDENTIALS__"

FACT = "transactions_fact"
TABLE = """
    create schema if not exists marts;
    create or replace table marts.transactions_fact (
        transaction_id varchar, transaction_at timestamp, transaction_date date, amount decimal(38, 9),
        is_refund boolean
    );
"""
# Two on one date, one on another, and one without a date.
ROWS = (
    ("t1", "2026-01-01 10:00:00", "2026-01-01", "1.000000001", False),
    ("t2", "2026-01-01 11:00:00.123456", "2026-01-01", "-2", True),
    ("t3", "2026-01-02 10:00:00", "2026-01-02", None, None),
    ("t4", None, None, "123456789012345.123456789", False),
)


@pytest.fixture
def copy(tmp_path):
    """Be a function that writes rows of the fact into a copy, in the place of those before."""
    path = tmp_path / "warehouse" / "x.published.duckdb"
    path.parent.mkdir()

    def write(*rows, also=""):
        with duckdb.connect(path) as connection:
            connection.execute(TABLE + also)
            for row in rows:
                connection.execute(f"insert into marts.{FACT} values (?, ?, ?, ?, ?)", row)
        return path

    return write


@pytest.fixture
def folder(tmp_path):
    """Be a folder that is not there yet, with a name that no URL could hold unescaped."""
    return tmp_path / "a lake's #1%20"


def files(folder):
    """Return the files of a folder, by their paths in it, with what tells whether they were written again."""
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and ".throughline" not in path.parts
    }


def read(pattern, columns="*", rest=""):
    """Return the rows that DuckDB reads from partitioned files."""
    with duckdb.connect() as connection:
        files_read = f"read_parquet($pattern, hive_partitioning = true, hive_types = {{'{FACTS[FACT]}': date}})"
        return connection.execute(f"select {columns} from {files_read} {rest}", {"pattern": str(pattern)}).fetchall()


def path_of(day):
    """Return the path of a date's file."""
    return f"{FACT}/transaction_date={day}/data.parquet"


def test_every_fact_has_its_date():
    """A fact that is added to the marts is published, too: by a column of the type date that it has."""
    described = {
        model["name"]: {column["name"]: column["data_type"] for column in model["columns"]}
        for path in (PROJECT_ROOT / "models" / "marts").rglob("*__models.yml")
        for model in yaml.safe_load(path.read_text())["models"]
    }
    facts = {path.stem for path in (PROJECT_ROOT / "models" / "marts").rglob("*_fact.sql")}
    assert facts <= set(FACTS) <= set(described)
    assert {described[fact][column] for fact, column in FACTS.items()} == {"date"}


def test_the_demos_facts_are_read_back_as_they_are(folder, tmp_path):
    """By DuckDB and by Arrow: each row as often as the copy has it, each column in its type; some dates of each."""
    require(DEMO.is_file(), "the demo's published copy (make run)")
    path = tmp_path / "some.published.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(f"attach '{DEMO}' as demo (read_only); create schema marts")
        there = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        facts = FACTS.keys() & there
        for fact in facts:
            connection.execute(
                f"create table marts.{fact} as select fact.* from demo.marts.{fact} as fact inner join"
                f" (select distinct {FACTS[fact]} as some_date from demo.marts.{fact} order by hash(some_date) limit 9)"
                f" on {FACTS[fact]} is not distinct from some_date"
            )
    publish_to_parquet(path, str(folder))
    with duckdb.connect(path, read_only=True) as connection:
        for fact in facts:
            listed = connection.execute(f"describe marts.{fact}").fetchall()
            types = {column: type_ for column, type_, *_ in listed}
            expected = connection.execute(f"select * from marts.{fact}").fetchall()
            names = ", ".join(types)
            found = connection.execute(
                f"select {names} from read_parquet(?, hive_types = {{'{FACTS[fact]}': date}})",
                [f"{folder}/{fact}/**/*.parquet"],
            )
            assert {column: str(type_) for column, type_, *_ in found.description} == types, fact
            assert Counter(found.fetchall()) == Counter(expected), fact
            dates = ds.partitioning(pa.schema([(FACTS[fact], pa.date32())]), flavor="hive")
            by_arrow = ds.dataset(folder / fact, partitioning=dates).to_table(columns=[FACTS[fact]])
            place = list(types).index(FACTS[fact])
            assert Counter(by_arrow[0].to_pylist()) == Counter(row[place] for row in expected), fact
    assert len(facts) > 4


def test_columns_and_dates_are_read_back(copy, folder):
    """A date's rows lie in its folder, those without one where Hive expects them, and nothing is rounded."""
    publish_to_parquet(copy(*ROWS), str(folder))
    assert set(files(folder)) == {path_of(day) for day in ("2026-01-01", "2026-01-02", "__HIVE_DEFAULT_PARTITION__")}
    columns = "transaction_id, transaction_at, transaction_date, amount, is_refund"
    with duckdb.connect(copy(*ROWS), read_only=True) as connection:
        expected = connection.execute(f"select {columns} from marts.{FACT}").fetchall()
    assert sorted(read(folder / FACT / "**" / "*.parquet", columns)) == sorted(expected)
    schema = pq.read_schema(folder / path_of("2026-01-01"))
    assert str(schema.field("transaction_at").type) == "timestamp[us]"
    assert str(schema.field("amount").type) == "decimal128(38, 9)"


def test_only_what_changed_is_written(copy, folder, capsys):
    """Another date's file is not touched; a date without rows has none; nothing to do is done in no time."""
    publish_to_parquet(copy(*ROWS), str(folder))
    assert "Published 1 fact with 4 rows in 3 files to" in capsys.readouterr().err
    before = files(folder)
    publish_to_parquet(copy(*reversed(ROWS)), str(folder))
    assert files(folder) == before
    assert "in 3 files (3 of them had not changed)" in capsys.readouterr().err
    publish_to_parquet(copy(*ROWS[1:3], ("t5", None, "2026-01-03", "5", False)), str(folder))
    after = files(folder)
    assert set(after) == {path_of("2026-01-01"), path_of("2026-01-02"), path_of("2026-01-03")}
    assert after[path_of("2026-01-02")] == before[path_of("2026-01-02")]
    assert after[path_of("2026-01-01")] != before[path_of("2026-01-01")]
    assert {row[0] for row in read(folder / FACT / "**" / "*.parquet", "transaction_id")} == {"t2", "t3", "t5"}
    assert not (folder / FACT / "transaction_date=__HIVE_DEFAULT_PARTITION__").exists()


@pytest.mark.parametrize("change", ["add column currency varchar", "rename column is_refund to currency"])
def test_a_change_of_columns_writes_every_file_anew(copy, folder, change):
    """All files of a fact have the same columns, also where no cell is another."""
    path = copy(*ROWS)
    publish_to_parquet(path, str(folder))
    with duckdb.connect(path) as connection:
        connection.execute(f"alter table marts.{FACT} {change}")
    publish_to_parquet(path, str(folder))
    assert {"currency" in pq.read_schema(folder / name).names for name in files(folder)} == {True}


def test_dates_of_any_age_and_many_rows_are_one_file_each(copy, folder):
    """A year before Christ, whose sign no path should hold, and more rows of a date than a row group has."""
    path = copy(("t1", None, None, "1", False))
    with duckdb.connect(path) as connection:
        connection.execute(
            f"insert into marts.{FACT} select 'x' || i, null, '2026-01-01', i, null from range(700000) as numbers (i);"
            f" insert into marts.{FACT} values ('old', null, date '0044-03-15 (BC)', 1, null)"
        )
    publish_to_parquet(path, str(folder))
    assert len(files(folder)) == 3
    selected, grouped = "cast(transaction_date as varchar), count(*), sum(amount)", "group by 1 order by 1"
    with duckdb.connect(path, read_only=True) as connection:
        expected = connection.execute(f"select {selected} from marts.{FACT} {grouped}").fetchall()
    assert read(folder / FACT / "**" / "*.parquet", selected, grouped) == expected
    before = files(folder)
    publish_to_parquet(path, str(folder))
    assert files(folder) == before


def test_a_fact_without_rows_can_be_read(copy, folder):
    """Also one without dates: by an empty file of some date, which goes when there is one."""
    for rows in ([], [ROWS[3]]):
        publish_to_parquet(copy(*rows), str(folder))
        found = duckdb.sql(f"from read_parquet('{folder / FACT / '**' / '*.parquet'}')".replace("'s", "''s"))
        assert dict(zip(found.columns, map(str, found.types), strict=True))["transaction_date"] == "DATE"
        assert [row[0] for row in found.fetchall()] == [row[0] for row in rows]
        for table in (pq.read_table(folder / FACT), ds.dataset(folder / FACT, partitioning="hive").to_table()):
            assert table["transaction_id"].to_pylist() == [row[0] for row in rows]
            assert "transaction_date" in table.column_names
    publish_to_parquet(copy(*ROWS[:1]), str(folder))
    assert set(files(folder)) == {path_of("2026-01-01")}


def test_what_is_damaged_or_lost_is_written_again(copy, folder):
    """The next publication looks at what is there, and not only at its notes."""
    path = copy(*ROWS)
    publish_to_parquet(path, str(folder))
    (folder / path_of("2026-01-01")).unlink()
    (folder / path_of("2026-01-02")).write_bytes(b"PAR1")
    publish_to_parquet(path, str(folder))
    assert len(read(folder / FACT / "**" / "*.parquet")) == len(ROWS)


def test_a_fact_that_is_no_more_goes(copy, folder):
    """With its folder and notes; what never was a fact's stays."""
    publish_to_parquet(copy(*ROWS, also="create table marts.bookings_fact (booked_date date, id int)"), str(folder))
    (folder / "README").write_text("theirs")
    with duckdb.connect(copy(*ROWS)) as connection:
        connection.execute("drop table marts.bookings_fact")
    publish_to_parquet(copy(*ROWS), str(folder))
    assert not (folder / "bookings_fact").exists()
    assert [path.name for path in (folder / ".throughline").iterdir()] == [f"{FACT}.json"]
    assert (folder / "README").read_text() == "theirs"


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"x": 1}', b"\xff"])
def test_damaged_notes_are_a_sentence_that_helps(copy, folder, damaged):
    """It says what to delete, and after that everything is written anew."""
    path, notes = copy(*ROWS), folder / ".throughline" / f"{FACT}.json"
    publish_to_parquet(path, str(folder))
    notes.write_bytes(damaged)
    with pytest.raises(ThroughlineError, match=rf"{notes.name} in .* is damaged; delete it and the folder {FACT}"):
        publish_to_parquet(path, str(folder))
    notes.unlink()
    shutil.rmtree(folder / FACT)
    publish_to_parquet(path, str(folder))
    assert len(files(folder)) == 3


@pytest.mark.parametrize("name", [f"{FACT}/theirs.parquet", path_of("2026-01-01"), f"{FACT}/_SUCCESS"])
@pytest.mark.parametrize("is_later", [False, True])
def test_files_of_others_are_not_touched(copy, folder, name, is_later):
    """Nothing is written beside them, as readers would take both for the fact."""
    if is_later:
        publish_to_parquet(copy(ROWS[2]), str(folder))
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("theirs")
    before = files(folder)
    with pytest.raises(ThroughlineError, match=r"which `throughline publish` did not write: .* nothing was written"):
        publish_to_parquet(copy(*ROWS), str(folder))
    assert files(folder) == before
    assert (folder / name).read_text() == "theirs"


@pytest.mark.parametrize("puts", range(1, 5))
def test_a_publication_that_is_killed_is_mended_by_the_next(copy, folder, monkeypatch, puts):
    """After whichever file it was killed, what is there is whole, and known as ours."""
    publish_to_parquet(copy(*ROWS), str(folder))
    put, count = parquet._Store.put, itertools.count(1)

    def killed(store, name, content):
        if next(count) > puts:
            # As a kill leaves it: half a file beside the one that is in place.
            (folder / path_of("2026-01-02")).with_name(".data.parquet.unfinished").write_bytes(b"PAR1")
            raise KeyboardInterrupt
        put(store, name, content)

    other = [(f"new {key}", at, day, "7", False) for key, at, day, *_ in ROWS]
    with monkeypatch.context() as patch:
        patch.setattr(parquet._Store, "put", killed)
        with pytest.raises(KeyboardInterrupt):
            publish_to_parquet(copy(*other), str(folder))
    assert len(read(folder / FACT / "**" / "*.parquet")) == len(ROWS)
    publish_to_parquet(copy(*other), str(folder))
    assert {row[0] for row in read(folder / FACT / "**" / "*.parquet", "transaction_id")} == {row[0] for row in other}
    assert {name.rsplit("/", 1)[-1] for name in files(folder)} == {"data.parquet"}


def test_readers_meet_whole_files_only(copy, folder):
    """Whoever reads a date without pause sees its rows of one publication, each once."""
    insert = f"insert into marts.{FACT} select n, null, '2026-01-01', {{}}, false from range(20000) as numbers (n)"
    states = [insert.format(state) for state in range(6)]
    publish_to_parquet(copy(also=states[0]), str(folder))
    seen, failed, is_over = set(), [], threading.Event()

    def read_on():
        try:
            while not is_over.is_set():
                seen.add(tuple(read(folder / FACT / "**" / "*.parquet", "count(*), min(amount), max(amount)")))
        except Exception as error:
            failed.append(error)

    reader = threading.Thread(target=read_on)
    reader.start()
    for state in states[1:]:
        publish_to_parquet(copy(also=state), str(folder))
    is_over.set()
    reader.join()
    assert failed == []
    assert {(count, low == high) for ((count, low, high),) in seen} == {(20_000, True)}


@pytest.mark.parametrize(
    ("destination", "sentence"),
    [
        ("ftp://example.com/x", r"ftp://example.com/x is neither a folder nor an s3:// prefix\."),
        ("~/lake", r"^~/lake begins with ~, which only a shell expands; write the whole path\."),
        ("{file}/lake", r"could not be written \(Not a directory\)"),
        ("/proc/none", r"^/proc/none is not there \(No such file or directory\); correct the path\."),
    ],
)
def test_a_place_that_is_none_is_a_sentence(copy, tmp_path, destination, sentence):
    """Which says what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(ThroughlineError, match=sentence):
        publish_to_parquet(copy(*ROWS), destination.format(file=tmp_path / "file"))


def test_a_relative_folder_counts_from_where_the_command_runs(copy, tmp_path, monkeypatch):
    """As with any command, and unlike a setting."""
    monkeypatch.chdir(tmp_path)
    publish_to_parquet(copy(*ROWS), "lake")
    assert len(files(tmp_path / "lake")) == 3


# --- S3 -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def lake(bucket, monkeypatch):
    """Be a bucket that the settings open."""
    for name, value in bucket.settings(CREDENTIALS).items():
        monkeypatch.setenv(name, value)
    return bucket


def test_a_prefix_on_s3_is_a_folder(lake, copy, tmp_path, capsys):
    """The same files, only what changed, and what is no more goes; a marker of a folder is nobody's file."""
    place = f"s3://{lake.name}/lake/facts"
    lake.put(f"lake/facts/{FACT}/", b"")
    publish_to_parquet(copy(*ROWS), f"{place}/")
    publish_to_parquet(copy(*ROWS[:3]), place)
    assert "in 2 files (2 of them had not changed) to s3://" in capsys.readouterr().err
    found = lake.objects()
    assert {key for key in found if key.endswith(".parquet")} == {
        f"lake/facts/{path_of(day)}" for day in ("2026-01-01", "2026-01-02")
    }
    for key, content in found.items():
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        if not key.endswith("/"):
            (tmp_path / key).write_bytes(content)
    assert sorted(row[0] for row in read(tmp_path / "lake/facts" / FACT / "**" / "*.parquet", "transaction_id")) == [
        "t1",
        "t2",
        "t3",
    ]
    lake.put(f"lake/facts/{FACT}/theirs.parquet", b"theirs")
    with pytest.raises(ThroughlineError, match=r"holds transactions_fact/theirs\.parquet, which"):
        publish_to_parquet(copy(), place)
    assert lake.objects().keys() == found.keys() | {f"lake/facts/{FACT}/theirs.parquet"}


@pytest.mark.parametrize(
    ("changed", "place", "sentence"),
    [
        ({}, "s3://no-such-bucket/x", "s3://no-such-bucket/x is not there"),
        ({"AWS_SECRET_ACCESS_KEY": None}, None, f"has no usable credentials; set {CREDENTIALS}AWS_ACCESS_KEY_ID"),
        ({"ENDPOINT_URL": "http://127.0.0.1:1"}, None, "could not be written .Could not connect"),
    ],
)
def test_what_s3_refuses_is_a_sentence(lake, copy, monkeypatch, changed, place, sentence):
    """Which shows no secret."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, value in changed.items():
        monkeypatch.setenv(f"{CREDENTIALS}{name}", value) if value else monkeypatch.delenv(f"{CREDENTIALS}{name}")
    with pytest.raises(ThroughlineError, match=sentence) as error:
        publish_to_parquet(copy(*ROWS), place or f"s3://{lake.name}/x")
    assert lake.secret not in str(error.value)
