"""Files under an s3:// prefix, read from an S3 server on loopback."""

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion import ad_spend, calendly_webhooks, crm
from ingestion.errors import ThroughlineError

CREDENTIALS = "SOURCES__CRM__CREDENTIALS__"
DELIVERY = b'{"event": "x", "payload": {"number": %d}}\n'


@pytest.fixture
def credentials(bucket, monkeypatch):
    """Be the settings that a user makes, which stand in the environment, too."""
    for source in ("CRM", "CALENDLY_WEBHOOKS", "AD_SPEND"):
        for name, value in bucket.settings(CREDENTIALS.replace("CRM", source)).items():
            monkeypatch.setenv(name, value)
    return bucket.settings(CREDENTIALS)


@pytest.fixture
def put(bucket, credentials):
    """Be a function that writes an object into this test's own bucket, which it returns the name of."""

    def put_object(key, body):
        bucket.put(key, body)
        return bucket.name

    return put_object


def contacts(warehouse):
    """Return the accounts of the contacts by their ids."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        return dict(connection.execute("select contact_id, account_id from raw_crm.contacts").fetchall())


def files_read(warehouse):
    """Return the names of the files that the newest load read."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        rows = connection.execute(
            "select source_file from raw_meta.loads"
            " where load_id = (select arg_max(load_id, rowid) from raw_meta.loads) order by 1"
        ).fetchall()
    return [name for (name,) in rows]


def parquet(**columns):
    """Return a Parquet file's bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_prefix_is_a_folder(put, warehouse, slash):
    """CSV and Parquet files right under the prefix are read, those elsewhere are not."""
    put("exports/crm/", b"")
    put("exports/crm/contact_data.csv", b"contact_id,account_id\nc1,a\nc2,\n")
    put("exports/crm/X_CONTACT_DATA.parquet", parquet(Contact_ID=["c3"], account_id=["b"]))
    put("exports/crm/old/contact_data.csv", b"contact_id,account_id\nold,a\n")
    put("exports/crm2_contact_data.csv", b"contact_id,account_id\nother,a\n")
    bucket = put("contact_data.csv", b"contact_id,account_id\nroot,a\n")
    crm.load(f"s3://{bucket}/exports/crm{slash}", warehouse)
    assert contacts(warehouse) == {"c1": "a", "c2": None, "c3": "b"}
    crm.load(f"s3://{bucket}{slash}", warehouse.with_name("root.duckdb"))
    assert contacts(warehouse.with_name("root.duckdb")) == {"root": "a"}


def test_only_a_changed_object_is_read_again(put, warehouse):
    """An object counts as changed by its content: the same bytes put again are not read again."""
    put("crm/a_contact_data.csv", b"contact_id,account_id\nc1,a\n")
    bucket = put("crm/b_contact_data.csv", b"contact_id,account_id\nc2,a\n")
    crm.load(f"s3://{bucket}/crm", warehouse)
    assert files_read(warehouse) == ["a_contact_data.csv", "b_contact_data.csv"]
    put("crm/b_contact_data.csv", b"contact_id,account_id\nc2,a\n")
    crm.load(f"s3://{bucket}/crm", warehouse)
    assert files_read(warehouse) == [None]
    # Of the same length, so that the size does not tell.
    put("crm/b_contact_data.csv", b"contact_id,account_id\nc2,b\n")
    crm.load(f"s3://{bucket}/crm", warehouse)
    assert files_read(warehouse) == ["b_contact_data.csv"]
    assert contacts(warehouse) == {"c1": "a", "c2": "b"}


def test_a_broken_object_stops_the_load(put, warehouse):
    """It is named as a file in a folder would be, and nothing is loaded."""
    put("crm/contact_data.csv", b"contact_id,account_id\nc1,a\n")
    bucket = put("crm/x_contact_data.csv", b"contact_id\nc2\n")
    with pytest.raises(ThroughlineError, match=r"x_contact_data.csv has no column 'account_id'"):
        crm.load(f"s3://{bucket}/crm", warehouse)
    assert not warehouse.exists()


@pytest.mark.parametrize("is_set_wrongly", [False, True])
def test_missing_credentials_are_asked_for(put, bucket, warehouse, monkeypatch, is_set_wrongly):
    """The sentence names the settings to make, and does not repeat what was set wrongly."""
    put("crm/contact_data.csv", b"contact_id,account_id\nc1,a\n")
    monkeypatch.delenv(f"{CREDENTIALS}AWS_SECRET_ACCESS_KEY")
    if is_set_wrongly:
        monkeypatch.setenv(CREDENTIALS.rstrip("_"), bucket.secret)
    with pytest.raises(ThroughlineError, match=f"without usable credentials; set {CREDENTIALS}AWS_ACC") as error:
        crm.load(f"s3://{bucket.name}/crm", warehouse)
    assert bucket.secret not in str(error.value)


def test_the_command_never_shows_the_secret(put, bucket, warehouse, credentials, run):
    """Whether it loads or fails, the command says what it did and to which place, but not by which key."""
    put("crm/contact_data.csv", b"contact_id,account_id\nc1,a\n")
    place, nobody = f"s3://{bucket.name}/crm", "http://127.0.0.1:1"
    cases = [
        (place, {}, 0, "1 records read = 1 new"),
        ("s3://no-such-bucket/crm", {}, 1, "s3://no-such-bucket/crm, which does not exist; correct the setting."),
        (f"s3://{bucket.name}/none", {}, 1, f"s3://{bucket.name}/none, which does not exist; correct the setting."),
        (
            place,
            {f"{CREDENTIALS}ENDPOINT_URL": nobody, "AWS_MAX_ATTEMPTS": 1},
            1,
            f"{place}, which cannot be listed: Could not connect",
        ),
    ]
    for url, changed, code, sentence in cases:
        settings = {"THROUGHLINE_WAREHOUSE": warehouse, "SOURCES__CRM__BUCKET_URL": url} | credentials | changed
        done = run("throughline", "load", "crm", check=False, **settings)
        assert done.returncode == code, done.stderr
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
        assert bucket.secret not in done.stdout + done.stderr
    assert contacts(warehouse) == {"c1": "a"}
    traces = [
        path for path in warehouse.parent.rglob("*") if path.is_file() and bucket.secret.encode() in path.read_bytes()
    ]
    assert traces == []


def test_deliveries_lie_in_folders_of_folders(put, warehouse):
    """An object is known by its whole address; one that grew is read on, and a neighbouring prefix is another place."""
    put("hooks/2026/05/a.jsonl", DELIVERY % 1)
    put("hooks/2026/06/a.jsonl", DELIVERY % 2)
    bucket = put("hooks2/a.jsonl", DELIVERY % 9)
    calendly_webhooks.load(f"s3://{bucket}/hooks", warehouse)
    addresses = [f"s3://{bucket}/hooks/2026/{month}/a.jsonl" for month in ("05", "06")]
    assert files_read(warehouse) == addresses
    put("hooks/2026/05/a.jsonl", DELIVERY % 1 + DELIVERY % 3 + DELIVERY % 2)
    calendly_webhooks.load(f"s3://{bucket}/hooks", warehouse)
    assert files_read(warehouse) == addresses[:1]
    with duckdb.connect(warehouse, read_only=True) as connection:
        numbers = "select cast(document.payload.number as integer) from raw_calendly_webhooks.deliveries order by 1"
        assert connection.execute(numbers).fetchall() == [(1,), (2,), (3,)]
        read = "select list(records_read order by rowid) from raw_meta.loads"
        assert connection.execute(read).fetchone() == ([1, 1, 2],)


def test_spend_files_lie_under_a_prefix(put, warehouse):
    """JSON beside CSV, and the index passed over."""
    put("spend/file_index.json", b'{"files": []}')
    put("spend/spend_data_2026-01-14.json", b'[{"date": "2026-01-13", "channel": "a", "spend": 1}]')
    bucket = put("spend/more.csv", b"date,channel,spend\n2026-01-13,b,2\n")
    ad_spend.load(f"s3://{bucket}/spend/", warehouse)
    assert files_read(warehouse) == ["more.csv", "spend_data_2026-01-14.json"]
