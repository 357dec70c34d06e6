"""Spend files: overlapping windows as of a day, in JSON, CSV and Parquet, in a folder or behind an index."""

import json
import threading
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import query

from ingestion import ad_spend
from ingestion.errors import ThroughlineError


@pytest.fixture
def folder(tmp_path):
    """Be the folder that spend files are put into."""
    folder = tmp_path / "spend"
    folder.mkdir()
    return folder


def record(day, channel="facebook_paid_ads", spend=1.5, **other):
    """Make a record of a JSON file."""
    return {"date": day, "channel": channel, "spend": spend} | other


def write(folder, as_of, *records):
    """Write the file of an as-of day, pretty-printed as the live ones are."""
    (folder / f"spend_data_{as_of}.json").write_text(json.dumps(records, indent=2), encoding="utf-8")


def load(folder, warehouse, **options):
    """Load a folder."""
    ad_spend.load(str(folder), warehouse, **options)


def spend(warehouse):
    """Return what has landed, without lineage."""
    columns = "as_of_date::varchar, spend_date::varchar, channel, campaign, spend, currency"
    return query(warehouse, f"select {columns} from raw_ad_spend.spend order by all")


def rejected(warehouse):
    """Return the rejected records as (file, line, reason)."""
    return query(warehouse, "select source_file, source_line, reason from raw_ad_spend.rejected_records order by all")


def test_each_as_of_day_keeps_its_own_figures(folder, warehouse):
    """Files overlap: which figure counts is for the models to say, and none is added to another."""
    write(folder, "2026-01-14", record("2026-01-13", spend=10), record("2026-01-14", spend=20.05))
    write(folder, "2026-01-15", record("2026-01-14", spend=21), record("2026-01-15", spend=30))
    load(folder, warehouse)
    row = ("facebook_paid_ads", None)
    assert spend(warehouse) == [
        ("2026-01-14", "2026-01-13", *row, Decimal(10), "USD"),
        ("2026-01-14", "2026-01-14", *row, Decimal("20.05"), "USD"),
        ("2026-01-15", "2026-01-14", *row, Decimal(21), "USD"),
        ("2026-01-15", "2026-01-15", *row, Decimal(30), "USD"),
    ]
    load(folder, warehouse)
    load(folder, warehouse, reread=True)
    assert len(spend(warehouse)) == 4


def test_a_corrected_file_takes_the_place_of_what_it_said(folder, warehouse):
    """A campaign or channel renamed under the same as-of day would otherwise count under both names."""
    write(folder, "2026-01-14", record("2026-01-13", "facbook", 10), record("2026-01-13", "b", 2, campaign="old"))
    write(folder, "2026-01-15", record("2026-01-13", "facbook", 10))
    load(folder, warehouse)
    write(folder, "2026-01-14", record("2026-01-13", "facebook", 10), record("2026-01-13", "b", 2, campaign="new"))
    load(folder, warehouse)
    assert [(as_of, channel, campaign) for as_of, _, channel, campaign, *_ in spend(warehouse)] == [
        ("2026-01-14", "b", "new"),
        ("2026-01-14", "facebook", None),
        ("2026-01-15", "facbook", None),
    ]


def test_another_currency_setting_reads_the_files_again(folder, warehouse, monkeypatch):
    """What was taken for dollars is not counted beside the euros that it is."""
    write(folder, "2026-01-14", record("2026-01-13"), record("2026-01-13", "x", currency="CHF"))
    load(folder, warehouse)
    monkeypatch.setenv("SOURCES__AD_SPEND__CURRENCY", "EUR")
    load(folder, warehouse)
    assert [currency for *_, currency in spend(warehouse)] == ["EUR", "CHF"]


def test_other_json_is_passed_over(folder, warehouse):
    """An index beside the files is no spend, and no fault."""
    write(folder, "2026-01-14", record("2026-01-13"))
    (folder / "file_index.json").write_text('{"files": []}', encoding="utf-8")
    (folder / "spend_data_latest.json").write_text("[1]", encoding="utf-8")
    load(folder, warehouse)
    assert len(spend(warehouse)) == 1
    assert rejected(warehouse) == []


def test_csv_and_parquet_are_read_too(folder, warehouse):
    """Their as-of day is the date in the name, else the newest date inside; columns may be missing or in any case."""
    (folder / "linkedin 2026-02-03.csv").write_text(
        "Date,Channel,Campaign,Spend,Currency\n2026-02-01,LinkedIn,a,1e2,eur\n2026-02-02,LinkedIn,,0,\n",
        encoding="utf-8",
    )
    table = {"date": [date(2026, 2, 1), date(2026, 2, 5)], "channel": ["Adwords"] * 2, "spend": [1.25, 2.0]}
    pq.write_table(pa.table(table), folder / "adwords.parquet")
    load(folder, warehouse)
    assert spend(warehouse) == [
        ("2026-02-03", "2026-02-01", "LinkedIn", "a", Decimal(100), "EUR"),
        ("2026-02-03", "2026-02-02", "LinkedIn", None, Decimal(0), "USD"),
        ("2026-02-05", "2026-02-01", "Adwords", None, Decimal("1.25"), "USD"),
        ("2026-02-05", "2026-02-05", "Adwords", None, Decimal(2), "USD"),
    ]


def test_a_missing_currency_is_the_settings(folder, warehouse, monkeypatch):
    """And a setting that is no currency stops the load with its name."""
    write(folder, "2026-01-14", record("2026-01-13"), record("2026-01-13", "x", currency="chf"))
    monkeypatch.setenv("SOURCES__AD_SPEND__CURRENCY", "eur")
    load(folder, warehouse)
    assert [currency for *_, currency in spend(warehouse)] == ["EUR", "CHF"]
    monkeypatch.setenv("SOURCES__AD_SPEND__CURRENCY", "Euro")
    with pytest.raises(ThroughlineError, match="SOURCES__AD_SPEND__CURRENCY is Euro"):
        load(folder, warehouse)


def test_what_is_no_spend_is_rejected_with_its_line(folder, warehouse):
    """Money that cannot be: and none of it in any total."""
    write(
        folder,
        "2026-01-14",
        record("2026-01-13", spend=-0.01),
        record("2026-01-13", spend="n/a"),
        record("2026-01-13", currency="XYZ"),
        record("13.1.2026"),
        record("2026-01-13", channel=None),
        {"date": "2026-01-13", "channel": "a"},
        "text",
        record("2026-01-13", spend="7.10"),
        record("2026-01-13", channel="tiny", spend=1e-9),
    )
    (folder / "spend_data_2026-01-15.json").write_text("<Error><Code>AccessDenied</Code></Error>", encoding="utf-8")
    (folder / "spend_data_2026-01-16.json").write_text('{"message": "not found"}', encoding="utf-8")
    load(folder, warehouse)
    name = "spend_data_2026-01-14.json"
    assert rejected(warehouse)[:7] == [
        (name, 2, "spend is no number from 0 to below 10^15"),
        (name, 7, "spend is no number from 0 to below 10^15"),
        (name, 12, "currency is no ISO 4217 currency code"),
        (name, 18, "date is no date like 2026-06-30"),
        (name, 23, "channel is blank"),
        (name, 28, "spend is blank"),
        (name, 32, "is no JSON object"),
    ]
    assert [(file, line, reason.split(":")[0]) for file, line, reason in rejected(warehouse)[7:]] == [
        ("spend_data_2026-01-15.json", 1, "is no readable JSON"),
        ("spend_data_2026-01-16.json", 1, "is no JSON array of records"),
    ]
    assert [(channel, amount) for _, _, channel, _, amount, _ in spend(warehouse)] == [
        ("facebook_paid_ads", Decimal("7.1")),
        ("tiny", Decimal("0.000000001")),
    ]


def test_a_number_loses_no_digit(folder, warehouse):
    """What JSON writes as a number is read as a decimal, never as a binary fraction."""
    text = '[{"date": "2026-01-13", "channel": "a", "spend": 123456789012345.123456789}]'
    (folder / "spend_data_2026-01-14.json").write_text(text, encoding="utf-8")
    load(folder, warehouse)
    assert spend(warehouse)[0][4] == Decimal("123456789012345.123456789")


class Bucket(SimpleHTTPRequestHandler):
    """Answers as the live bucket does: 403 for what is not there, and for libraries' own agents."""

    def do_GET(self):
        """Serves a file of the folder."""
        is_there = (self.server.folder / self.path.lstrip("/")).is_file()
        if not is_there or self.headers["User-Agent"].startswith("python"):
            self.send_error(403)
        else:
            super().do_GET()

    def log_message(self, *_):
        """Keeps the tests' output clean."""


@contextmanager
def served(folder):
    """Serve a folder on a free port of loopback and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Bucket, directory=str(folder)))
    server.folder = folder
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_index_says_what_is_there(folder, warehouse, capsys):
    """Its entries are names or objects; a day that answers 403 is not there yet, which is no error."""
    write(folder, "2026-01-14", record("2026-01-13"))
    write(folder, "2026-01-15", record("2026-01-14"))
    write(folder, "2025-01-01", record("2025-01-01"))
    entries = ["spend_data_2026-01-14.json", {"url": "https://example.com/x/spend_data_2026-01-15.json"}]
    entries += [{"name": "spend_data_2026-01-16.json", "last_modified": "2026-01-16"}, "readme.txt"]
    (folder / "file_index.json").write_text(json.dumps({"files": entries}), encoding="utf-8")
    with served(folder) as address:
        ad_spend.load(f"{address}/", warehouse)
        assert [as_of for as_of, *_ in spend(warehouse)] == ["2026-01-14", "2026-01-15"]
        assert "spend_data_2026-01-16.json stands in the index and answers 403" in capsys.readouterr().err
        ad_spend.load(address, warehouse)
        assert "2 files unchanged" in capsys.readouterr().err
        write(folder, "2026-01-15", record("2026-01-14", spend=9))
        ad_spend.load(address, warehouse)
        assert [amount for *_, amount, _ in spend(warehouse)] == [Decimal("1.5"), Decimal(9)]


@pytest.mark.parametrize("index", [None, "[]", "<html>", '{"files": [1]}'])
def test_a_prefix_without_an_index_is_named(folder, warehouse, index):
    """What cannot be listed needs one."""
    if index:
        (folder / "file_index.json").write_text(index, encoding="utf-8")
    with served(folder) as address, pytest.raises(ThroughlineError, match=r"file_index\.json"):
        ad_spend.load(address, warehouse)
    assert not warehouse.exists()


def test_a_time_that_is_none_is_no_fault(folder, warehouse, monkeypatch):
    """What a server says of a file's change only orders the files."""
    monkeypatch.setattr(Bucket, "date_time_string", lambda *_: "yesterday")
    write(folder, "2026-01-14", record("2026-01-13"))
    (folder / "file_index.json").write_text('{"files": ["spend_data_2026-01-14.json"]}', encoding="utf-8")
    with served(folder) as address:
        ad_spend.load(address, warehouse)
    assert query(warehouse, "select distinct _source_modified_at::date::varchar from raw_ad_spend.spend") == [
        ("2026-01-14",)
    ]


@pytest.mark.parametrize("url", ["http://user:s3cret@localhost:1/x?token=s3cret", "ftp://user:s3cret@localhost/x"])
def test_a_password_in_an_address_is_not_shown(warehouse, url):
    """Messages end in logs."""
    with pytest.raises(ThroughlineError) as error:
        ad_spend.load(url, warehouse)
    assert "s3cret" not in str(error.value)
    assert "SOURCES__AD_SPEND__BUCKET_URL names" in str(error.value)


def test_a_server_that_is_gone_is_named(warehouse):
    """The setting is named, as it is what a person can mend."""
    with pytest.raises(ThroughlineError, match=r"SOURCES__AD_SPEND__BUCKET_URL names http://127\.0\.0\.1:1,"):
        ad_spend.load("http://127.0.0.1:1", warehouse)
