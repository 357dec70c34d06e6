"""The CRM's files: what is tolerated, what is rejected, what a repeated, late or broken file does to the warehouse."""

import csv
import io
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from api_loading import landing_at_once
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import BIN, query

from ingestion import crm
from ingestion import warehouse as warehouse_module
from ingestion.declarations import OUTCOMES
from ingestion.errors import ThroughlineError

HEADERS = {table.name: table.column_names for table in crm.TABLES}
KEYS = {table.name: table.key for table in crm.TABLES}
CONTACTS = ["contact_id", "account_id"]


@pytest.fixture
def folder(tmp_path):
    """Be the folder that the CRM exports to."""
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


def write_csv(path, header, rows, at=None):
    """Write a CSV file, modified at that many seconds after 1970 if given."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    if at is not None:
        os.utime(path, (at, at))


def change(warehouse, sql):
    """Do something to a warehouse behind the loader's back."""
    with duckdb.connect(warehouse) as connection:
        connection.execute(sql)


def tables_of(warehouse, *schemas):
    """Return the names of the tables in some schemas, dlt's own left out."""
    names = ", ".join(f"'{schema}'" for schema in schemas)
    return query(
        warehouse,
        "select table_schema || '.' || table_name from information_schema.tables"
        f" where table_schema in ({names}) and table_name not like '\\_dlt%' escape '\\' order by 1",
    )


def load(folder, warehouse, **options):
    """Load a folder and make sure of what every load promises."""
    crm.load(str(folder), warehouse, **options)
    outcomes = " + ".join(f"records_{outcome}" for outcome in OUTCOMES)
    assert query(warehouse, f"select * from raw_meta.loads where records_read != {outcomes}") == []
    for (table,) in tables_of(warehouse, "raw_crm_staging"):
        assert query(warehouse, f"select count(*) from {table}") == [(0,)]
    for (table,) in tables_of(warehouse, "raw_crm"):
        if key := KEYS.get(table.removeprefix("raw_crm.")):
            assert query(warehouse, f"select {key} from {table} group by 1 having count(*) > 1 or {key} is null") == []
    working = warehouse.parent / ".working"
    assert {path.name for path in working.rglob("*") if path.is_file()} == {"load.lock"}


def counts(warehouse):
    """Return what the newest load noted: (file, read, new, changed, unchanged, repeated, rejected), by file."""
    columns = ", ".join(f"records_{outcome}" for outcome in OUTCOMES)
    return query(
        warehouse,
        f"select source_file, records_read, {columns} from raw_meta.loads"
        " where load_id = (select arg_max(load_id, rowid) from raw_meta.loads) order by source_file",
    )


def contacts(warehouse):
    """Return the accounts of the contacts by their ids."""
    return dict(query(warehouse, "select contact_id, account_id from raw_crm.contacts"))


def rejected(warehouse):
    """Return the rejected records as (line, key, reason), in order."""
    return query(
        warehouse,
        "select source_line, source_key, reason from raw_crm.rejected_records order by source_file, source_line",
    )


def everything(warehouse):
    """Return all rows of the raw tables and the rejected records, to be compared."""
    return {table: sorted(query(warehouse, f"from {table}"), key=repr) for (table,) in tables_of(warehouse, "raw_crm")}


def opportunities(folder, **cells):
    """Write a file with an opportunity o0, o1 … for each cell of one column."""
    ((column, values),) = cells.items()
    usual = {"account_id": "a", "pipeline_amount": "1", "opportunity_created_date": "2026-01-01", "sales_segment": "s"}
    rows = [
        {"opportunity_id": f"o{number}"} | usual | {column: value} for number, value in enumerate(values)
    ]  # fmt: skip
    write_csv(folder / "opportunity_data.csv", HEADERS["opportunities"], [list(row.values()) for row in rows])


TIMES = {
    "2026-03-04": "2026-03-04 00:00:00",
    "2026-03-04T05:06": "2026-03-04 05:06:00",
    "2026-03-04 05:06:07": "2026-03-04 05:06:07",
    "2026-03-04T05:06:07Z": "2026-03-04 05:06:07",
    "2026-03-04t05:06:07z": "2026-03-04 05:06:07",
    "2026-03-04 05:06:07 Z": "2026-03-04 05:06:07",
    "2026-03-04T05:06:07.25": "2026-03-04 05:06:07.25",
    "2026-03-04T05:06:07.123456789Z": "2026-03-04 05:06:07.123456",
    "2026-03-04T05:06:07+05:30": "2026-03-03 23:36:07",
    "2026-03-04T05:06:07+0530": "2026-03-03 23:36:07",
    "2026-03-04T05:06:07-08": "2026-03-04 13:06:07",
    "2026-03-04 05:06:07 -08:00": "2026-03-04 13:06:07",
    "2026-03-04T05:06:07+14:00": "2026-03-03 15:06:07",
    "2026-03-04T24:00": "2026-03-05 00:00:00",
    "  2026-03-04T05:06:07Z\t": "2026-03-04 05:06:07",
    "2024-02-29": "2024-02-29 00:00:00",
    "0001-01-01T00:00:00": "0001-01-01 00:00:00",
    "9999-12-31T23:59:59Z": "9999-12-31 23:59:59",
}
NO_TIMES = [
    "2026-02-29", "2026-13-01", "2026-03-04T25:00", "2026-03-04T05:06:60", "04.03.2026", "03/04/2026", "1772600767",
    "20260304", "2026-3-4", "2026-03-04T", "2026-03-04T05", "2026-03-04 05:06:07 UTC", "2026-03-04T05:06:07+15:00",
    "0000-01-01", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "now", "epoch", "infinity", "soon",
]  # fmt: skip


def test_times_are_read_with_or_without_a_zone(folder, warehouse):
    """Every usual spelling becomes its UTC time; anything else is a rejected record."""
    opportunities(folder, opportunity_created_date=[*TIMES, *NO_TIMES, ""])
    load(folder, warehouse)
    landed = dict(
        query(warehouse, "select opportunity_id, opportunity_created_date::varchar from raw_crm.opportunities")
    )
    assert landed == {f"o{number}": time for number, time in enumerate(TIMES.values())}
    complaints = [
        (len(TIMES) + number + 2, f"o{len(TIMES) + number}", "opportunity_created_date is no readable time")
        for number in range(len(NO_TIMES))
    ]
    complaints.append((complaints[-1][0] + 1, f"o{len(TIMES) + len(NO_TIMES)}", "opportunity_created_date is blank"))
    assert rejected(warehouse) == complaints
    query(warehouse, "select opportunity_created_date from raw_crm.opportunities")


AMOUNTS = {
    "": None,
    "  ": None,
    "0": "0",
    "-1.5": "-1.5",
    "+2": "2",
    " 3 ": "3",
    ".5": "0.5",
    "5.": "5",
    "1e3": "1000",
    "1.25E-2": "0.0125",
    "00012": "12",
    "1.0000000005": "1.000000001",
    "1.0000000004999999": "1",
    "-1.0000000005": "-1.000000001",
    "5e-10": "0.000000001",
    "1e-300": "0",
    "123456789012345.123456789": "123456789012345.123456789",
    "999999999999999.999999999": "999999999999999.999999999",
    "-999999999999999.9999999994": "-999999999999999.999999999",
}
NO_AMOUNTS = [
    "nan", "NaN", "inf", "-Infinity", "1,000.50", "1_000", "$5", "5 EUR", "0x10", "--1", "1e", "e5", ".", "-", "n/a",
    "1e15", "1000000000000000", "-1000000000000000", "999999999999999.9999999995", "9" * 40, "1e400",
]  # fmt: skip


def test_amounts_are_exact_or_rejected(folder, warehouse):
    """An amount keeps nine decimals, rounded half up; an empty one is kept; what is none or too big is rejected."""
    opportunities(folder, pipeline_amount=[*AMOUNTS, *NO_AMOUNTS])
    load(folder, warehouse)
    landed = dict(query(warehouse, "select opportunity_id, pipeline_amount from raw_crm.opportunities"))
    assert landed == {
        f"o{number}": amount and Decimal(amount) for number, amount in enumerate(AMOUNTS.values())
    }  # fmt: skip
    assert rejected(warehouse) == [
        (number + 2, f"o{number}", "pipeline_amount is no number like 1234.5 below 10^15")
        for number in range(len(AMOUNTS), len(AMOUNTS) + len(NO_AMOUNTS))
    ]


LOOKS = {
    "plain": "contact_id,account_id\nc1,a1\nc2,\n",
    "no newline at the end": "contact_id,account_id\nc1,a1\nc2,",
    "BOM": "\ufeffcontact_id,account_id\nc1,a1\nc2,\n",
    "BOM and quotes": '\ufeff"contact_id","account_id"\n"c1","a1"\n"c2",""\n',
    "case": "CONTACT_ID,Account_Id\nc1,a1\nc2,\n",
    "spaces and hyphens": " Contact ID ,account-id\nc1,a1\nc2,\n",
    "order": "account_id,contact_id\na1,c1\n,c2\n",
    "additional columns": "score,contact_id,note,account_id\n1,c1,,a1\n2,c2,x,\n",
    "an additional column twice": "note,note,contact_id,account_id\n,,c1,a1\n,,c2,\n",
    "CRLF": "contact_id,account_id\r\nc1,a1\r\nc2,\r\n",
    "CR": "contact_id,account_id\rc1,a1\rc2,\r",
    "blank lines": "\n\ncontact_id,account_id\n\nc1,a1\n\n\nc2,\n\n",
    "trailing commas": "contact_id,account_id\nc1,a1,,\nc2,,\n",
    "blanks around cells": "contact_id,account_id\n c1 ,\ta1\u00a0\nc2,  \n",
    "repeated rows": "contact_id,account_id\nc1,a1\nc2,\nc1,a1\nc2,\n",
}


def test_a_file_may_look_differently(folder, warehouse):
    """None of these ways to write a CSV file changes what lands, and all of them may lie in one folder."""
    for look, text in LOOKS.items():
        text = text.replace("c1", f"{look} 1").replace("c2", f"{look} 2")
        (folder / f"{look} contact_data.csv").write_text(text, encoding="utf-8", newline="")
    load(folder, warehouse)
    assert contacts(warehouse) == {
        f"{look} {number}": account for look in LOOKS for number, account in (("1", "a1"), ("2", None))
    }
    assert rejected(warehouse) == []


def test_odd_records_keep_their_line(folder, warehouse):
    """Quoted newlines, ragged rows, stray quotes, NUL and bytes that are no UTF-8 are told apart, each by its line."""
    long_note = "n" * 200_000
    (folder / "contact_data.csv").write_bytes(
        b"contact_id,account_id\n"
        b'c1,"a\r\nb"\n'  # 2 and 3
        b"c2\n"  # 4
        b"\n"
        b"c3,a,b\n"  # 6
        b'c4,"a"b\n'  # 7
        b"c5,a\xff\n"  # 8
        b"c\x006,\x00\n"  # 9
        b'"c7","say ""hi"", twice"\n'  # 10
        b" ,a\n"  # 11
        b"   \n"  # 12, no record
        b'c8,5" pipe\n'  # 13
        b"c\xc3\xa99,\xe2\x82\xac\n"  # 14
        b"c10," + long_note.encode() + b"\n"  # 15
    )
    load(folder, warehouse)
    assert query(warehouse, "select contact_id, account_id, _source_line from raw_crm.contacts order by 3") == [
        ("c1", "a\r\nb", 2),
        ("c\x006", "\x00", 9),
        ("c7", 'say "hi", twice', 10),
        ("c8", '5" pipe', 13),
        ("cé9", "€", 14),
        ("c10", long_note, 15),
    ]
    reasons = "select source_line, record_text, reason from raw_crm.rejected_records order by 1"
    assert query(warehouse, reasons) == [
        (4, "c2", "has 1 cell where the header has 2"),
        (6, "c3,a,b", "has 3 cells where the header has 2"),
        (7, 'c4,"a"b\n', "has a quotation mark where none can be"),
        (8, "c5,a\\udcff", "is not valid UTF-8"),
        (11, '{"contact_id":null,"account_id":"a","email":null}', "contact_id is blank"),
    ]
    assert counts(warehouse) == [("contact_data.csv", 11, 6, 0, 0, 0, 5)]


def test_one_record_may_have_several_faults(folder, warehouse):
    """A rejected record says all that is wrong with it, and shows what was read."""
    write_csv(folder / "opportunity_data.csv", HEADERS["opportunities"], [["", "a", "x", "y", "s"]])
    load(folder, warehouse)
    assert query(warehouse, "select * exclude (_loaded_at) from raw_crm.rejected_records") == [
        (
            "opportunities",
            "opportunity_data.csv",
            2,
            None,
            '{"opportunity_id":null,"account_id":"a","pipeline_amount":"x","opportunity_created_date":"y",'
            '"sales_segment":"s"}',
            "opportunity_id is blank; pipeline_amount is no number like 1234.5 below 10^15;"
            " opportunity_created_date is no readable time",
        )
    ]


def test_links_may_be_missing(folder, warehouse):
    """A touch without a contact or channel, and a contact or opportunity without an account, are kept."""
    write_csv(folder / "marketing_data.csv", HEADERS["marketing_touchpoints"], [["m", "", "", "2026-01-01"]])
    write_csv(folder / "sales_outreach_data.csv", HEADERS["sales_touchpoints"], [["s", "", "", "2026-01-01"]])
    write_csv(folder / "contact_data.csv", CONTACTS, [["c", ""]])
    write_csv(folder / "opportunity_data.csv", HEADERS["opportunities"], [["o", "", "", "2026-01-01", ""]])
    load(folder, warehouse)
    day = datetime(2026, 1, 1)
    expected = {
        "marketing_touchpoints": ("m", None, None, day),
        "sales_touchpoints": ("s", None, None, day),
        "contacts": ("c", None, None),
        "opportunities": ("o", None, None, day, None),
    }
    for table, row in expected.items():
        assert query(warehouse, f"select {', '.join(HEADERS[table])} from raw_crm.{table}") == [row]


def test_an_email_column_is_optional(folder, warehouse):
    """E-mail addresses land trimmed and in lower case where a file has them, and may come later."""
    write_csv(folder / "a_contact_data.csv", CONTACTS, [["c1", "a"], ["c2", "a"]], at=1)
    load(folder, warehouse)
    rows = [["  Ada@Example.COM ", "c1", "a"], ["", "c3", "a"]]
    write_csv(folder / "b_contact_data.csv", ["E-Mail", "Contact_ID", "ACCOUNT_ID"], rows, at=2)
    write_csv(folder / "c_contact_data.csv", ["Email", "Contact_ID", "ACCOUNT_ID"], rows, at=3)
    load(folder, warehouse)
    assert query(warehouse, "select contact_id, email from raw_crm.contacts order by 1") == [
        ("c1", "ada@example.com"),
        ("c2", None),
        ("c3", None),
    ]
    assert counts(warehouse) == [("b_contact_data.csv", 2, 0, 0, 0, 2, 0), ("c_contact_data.csv", 2, 1, 1, 0, 0, 0)]


def parquet(path, **columns):
    """Write a Parquet file of an opportunity for each value of the given columns, with the rest as usual."""
    length = len(next(iter(columns.values())))
    usual = {
        "opportunity_id": pa.array([f"{path.name.split('_')[0]}{number}" for number in range(length)]),
        "account_id": pa.nulls(length),
        "pipeline_amount": pa.array([1.5] * length),
        "opportunity_created_date": pa.array([date(2026, 1, 1)] * length),
        "Sales Segment": pa.array(["s"] * length).dictionary_encode(),
        "tags": pa.array([["more", "columns"]] * length),
    }
    pq.write_table(pa.table(usual | columns), path)


def test_parquet_columns_may_have_types(folder, warehouse):
    """Times, dates, numbers and texts mean in Parquet what they mean as text, whatever their type."""
    instant = datetime(2026, 3, 4, 5, 6, 7, 250_000)
    whole = instant.replace(microsecond=0)
    times = {"s": pa.array([whole], pa.timestamp("s"))}
    for unit in ("ms", "us", "ns"):
        times[f"naive-{unit}"] = pa.array([instant], pa.timestamp(unit))
        for zone in ("UTC", "America/New_York", "+02:00"):
            times[f"zone-{unit}-{zone[0]}"] = pa.array([instant.replace(tzinfo=UTC)], pa.timestamp(unit, zone))
    for name, values in times.items():
        parquet(folder / f"{name}_opportunity_data.parquet", opportunity_created_date=values)
    for size in ("date32", "date64"):
        days = pa.array([date(2026, 3, 4), None], getattr(pa, size)())
        parquet(folder / f"{size}_opportunity_data.parquet", opportunity_created_date=days)
    texts = ["2026-03-04T05:06:07.25Z", "2026-03-04T07:06:07.25+02:00"]
    for name, kind in {"large": pa.large_string(), "view": pa.string_view(), "binary": pa.binary()}.items():
        parquet(folder / f"{name}_opportunity_data.parquet", opportunity_created_date=pa.array(texts).cast(kind))
    coded = pa.array(texts).dictionary_encode()
    parquet(folder / "coded_opportunity_data.PARQUET", opportunity_created_date=coded)
    load(folder, warehouse)
    landed = dict(query(warehouse, "select opportunity_id, opportunity_created_date from raw_crm.opportunities"))
    others = {"s0": whole, "date320": datetime(2026, 3, 4), "date640": datetime(2026, 3, 4)}
    assert {key: time for key, time in landed.items() if time != instant} == others
    assert len(landed) == 12 + len(others) + 8
    assert rejected(warehouse) == [
        (2, "date321", "opportunity_created_date is blank"),
        (2, "date641", "opportunity_created_date is blank"),
    ]
    assert query(
        warehouse, "select distinct account_id, pipeline_amount, sales_segment from raw_crm.opportunities"
    ) == [(None, Decimal("1.5"), "s")]


def test_parquet_amounts_may_have_types(folder, warehouse):
    """Floats, decimals and integers land exactly as they print; NaN and infinities are rejected, nulls are kept."""
    numbers = [0.1, 1e14, 2.5e-9, None, float("nan"), float("inf"), -float("inf"), 1e15, 1e300]
    parquet(folder / "float_opportunity_data.parquet", pipeline_amount=pa.array(numbers, pa.float64()))
    parquet(folder / "single_opportunity_data.parquet", pipeline_amount=pa.array([0.1], pa.float32()))
    parquet(folder / "int_opportunity_data.parquet", pipeline_amount=pa.array([7, 10**15], pa.int64()))
    exact = [Decimal("0.12345678950"), Decimal("-3.0")]
    parquet(folder / "decimal_opportunity_data.parquet", pipeline_amount=pa.array(exact, pa.decimal128(20, 11)))
    parquet(folder / "wide_opportunity_data.parquet", pipeline_amount=pa.array([Decimal("1.25")], pa.decimal256(60, 2)))
    load(folder, warehouse)
    assert dict(query(warehouse, "select opportunity_id, pipeline_amount from raw_crm.opportunities")) == {
        "float0": Decimal("0.1"),
        "float1": Decimal(10**14),
        "float2": Decimal("0.000000003"),
        "float3": None,
        "single0": Decimal("0.1"),
        "int0": Decimal(7),
        "decimal0": Decimal("0.123456790"),
        "decimal1": Decimal(-3),
        "wide0": Decimal("1.25"),
    }
    complaint = "pipeline_amount is no number like 1234.5 below 10^15"
    assert rejected(warehouse) == [
        *((number, f"float{number - 1}", complaint) for number in range(5, 10)),
        (2, "int1", complaint),
    ]


def test_parquet_and_csv_stand_side_by_side(folder, warehouse):
    """Files of both formats are one table, whose later file wins; lines of Parquet are its rows."""
    write_csv(folder / "contact_data.csv", CONTACTS, [["1", "csv"], ["2", "csv"]], at=10)
    path = folder / "new_contact_data.parquet"
    pq.write_table(pa.table({"ACCOUNT_ID": ["x", "x"], "Contact ID": [2, 3]}), path)
    os.utime(path, (20, 20))
    load(folder, warehouse)
    assert contacts(warehouse) == {"1": "csv", "2": "x", "3": "x"}
    assert query(warehouse, "select _source_line from raw_crm.contacts order by contact_id") == [(2,), (1,), (2,)]
    assert counts(warehouse) == [
        ("contact_data.csv", 2, 1, 0, 0, 1, 0),
        ("new_contact_data.parquet", 2, 2, 0, 0, 0, 0),
    ]


def test_many_rows_cross_every_batch(folder, warehouse):
    """Files longer than a batch of the reader and of the merge lose no row and number their lines on."""
    total = 120_001
    write_csv(folder / "contact_data.csv", CONTACTS, ([f"c{number}", ""] for number in range(total)))
    keys = pa.array([f"p{number}" for number in range(total)])
    pq.write_table(pa.table({"contact_id": keys, "account_id": keys}), folder / "x_contact_data.parquet")
    load(folder, warehouse)
    assert query(
        warehouse,
        "select _source_file, count(distinct contact_id), count(distinct _source_line), max(_source_line),"
        " bool_and(_source_line = substr(contact_id, 2)::int + if(contact_id like 'c%', 2, 1))"
        " from raw_crm.contacts group by 1 order by 1",
    ) == [("contact_data.csv", total, total, total + 1, True), ("x_contact_data.parquet", total, total, total, True)]


def test_a_header_alone_is_an_empty_file(folder, warehouse):
    """It is read, noted with no records, and not read again."""
    (folder / "contact_data.csv").write_text("contact_id,account_id\n")
    load(folder, warehouse)
    assert counts(warehouse) == [("contact_data.csv", 0, 0, 0, 0, 0, 0)]
    load(folder, warehouse)
    assert counts(warehouse) == [(None, 0, 0, 0, 0, 0, 0)]


def test_files_are_known_by_their_ends(folder, warehouse, capsys):
    """Names may begin with anything, in any case; other files, folders and broken links are left alone."""
    names = ["CRM Contact_Data.CSV", "[1] [red]contact_data.csv", "[x]:smile:contact_data.csv", "contact_data.csv"]
    for number, name in enumerate(names):
        write_csv(folder / name, CONTACTS, [[f"c{number}", "a"]])
    for name in ("contact_data.csv.bak", "contact_data_old.csv", "contact_data.txt", "readme.csv"):
        write_csv(folder / name, CONTACTS, [["other", "a"]])
    (folder / "sub_contact_data.csv").mkdir()
    (folder / "gone_contact_data.csv").symlink_to(folder / "nowhere.csv")
    load(folder, warehouse)
    assert contacts(warehouse) == {f"c{number}": "a" for number in range(len(names))}
    printed = capsys.readouterr().err
    assert all(f"crm: contacts from {name}: 1 records read = 1 new" in printed for name in names)


def test_a_link_is_the_file_that_it_names(folder, warehouse, tmp_path):
    """A symbolic link is read again when the file behind it changes."""
    write_csv(tmp_path / "real.csv", CONTACTS, [["c", "a"]], at=1)
    (folder / "contact_data.csv").symlink_to(tmp_path / "real.csv")
    load(folder, warehouse)
    write_csv(tmp_path / "real.csv", CONTACTS, [["c", "b"]], at=2)
    load(folder, warehouse)
    assert contacts(warehouse) == {"c": "b"}


def text_of(header, rows):
    """Return rows as the text of a CSV file."""
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


BROKEN = {
    "zero bytes": ("new_contact_data.csv", b"", "'contact_id'"),
    "no such column": ("new_contact_data.csv", b"contact_id,account\nc,a\n", "'account_id'"),
    "a key twice": ("new_contact_data.csv", b"contact_id,account_id,Contact Id\nc,a,c\n", "'contact_id' 2 times"),
    "UTF-16": ("new_contact_data.csv", text_of(CONTACTS, [["c", "a"]]).encode("utf-16"), "is UTF-16"),
    "Latin-1 header": ("new_contact_data.csv", "contact_id,größe\n".encode("latin-1"), "'account_id'"),
    "semicolons": ("new_contact_data.csv", b"contact_id;account_id\nc;a\n", "it has: contact_id;account_id"),
    "open quote": ("new_contact_data.csv", b'contact_id,account_id\nc,a\nd,"a\n' + b"e,a\n" * 9, "line 3"),
    "zero Parquet bytes": ("new_contact_data.parquet", b"", "cannot be read"),
    "no Parquet": ("new_contact_data.parquet", b"PAR1" + bytes(99) + b"PAR1", "cannot be read"),
    "Parquet without column": ("new_contact_data.parquet", {"contact_id": pa.array(["c"])}, "'account_id'"),
    "Parquet of lists": (
        "new_contact_data.parquet",
        {"contact_id": pa.array([["c"]]), "account_id": pa.array(["a"])},
        "cannot be read",
    ),
    "Parquet text that is no UTF-8": (
        "new_contact_data.parquet",
        {
            "contact_id": pa.StringArray.from_buffers(
                1, pa.py_buffer(b"\x00\x00\x00\x00\x01\x00\x00\x00"), pa.py_buffer(b"\xff")
            ),
            "account_id": pa.array(["a"]),
        },
        "cannot be read",
    ),
}


def test_a_broken_file_stops_the_load(folder, warehouse):
    """One sentence names the file and what it lacks; good files beside it and the warehouse are left as they were."""
    write_csv(folder / "contact_data.csv", CONTACTS, [["c1", "a"], ["", ""]])
    load(folder, warehouse)
    before, notes = everything(warehouse), query(warehouse, "from raw_meta.loads")
    write_csv(folder / "a_contact_data.csv", CONTACTS, [["c2", "a"]])
    write_csv(folder / "marketing_data.csv", HEADERS["marketing_touchpoints"], [["m", "", "", "2026-01-01"]])
    for case, (name, content, part) in BROKEN.items():
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            pq.write_table(pa.table(content), folder / name)
        with pytest.raises(ThroughlineError, match="nothing was loaded") as error:
            crm.load(str(folder), warehouse)
        assert name in str(error.value), case
        assert part in str(error.value), case
        assert (everything(warehouse), query(warehouse, "from raw_meta.loads")) == (before, notes), case
        (folder / name).unlink()
    load(folder, warehouse)
    assert contacts(warehouse) == {"c1": "a", "c2": "a"}


def test_a_stray_quote_takes_no_other_line_with_it_unseen(folder, warehouse):
    """What a stray quotation mark swallows is in the rejected record's text, and the lines after it land."""
    (folder / "contact_data.csv").write_text('contact_id,account_id\nc1,"a\nc2,a\nc3,"b"\nc4,a\n')
    load(folder, warehouse)
    assert contacts(warehouse) == {"c4": "a"}
    assert query(warehouse, "select source_line, record_text from raw_crm.rejected_records") == [
        (2, 'c1,"a\nc2,a\nc3,"b"\n')
    ]


def test_the_later_file_wins_then_the_later_line(folder, warehouse):
    """Files rank by their time of modification, those of one time by name, and the lines within a file in order."""
    write_csv(folder / "z_contact_data.csv", CONTACTS, [["k1", "oldest"], ["k2", "oldest"], ["k3", "z"]], at=100)
    write_csv(folder / "b_contact_data.csv", CONTACTS, [["k1", "b"], ["k2", "b1"], ["k2", "b2"]], at=200)
    write_csv(folder / "a_contact_data.csv", CONTACTS, [["k1", "a"], ["k2", "a"]], at=200)
    load(folder, warehouse)
    assert contacts(warehouse) == {"k1": "b", "k2": "b2", "k3": "z"}
    assert counts(warehouse) == [
        ("a_contact_data.csv", 2, 0, 0, 0, 2, 0),
        ("b_contact_data.csv", 3, 2, 0, 0, 1, 0),
        ("z_contact_data.csv", 3, 1, 0, 0, 2, 0),
    ]


def test_a_rejected_record_outdoes_none(folder, warehouse):
    """A later record that cannot be read leaves the earlier one with its key in place."""
    good, bad = ["o", "a", "1", "2026-01-01", "s"], ["o", "a", "x", "2026-01-01", "s"]
    write_csv(folder / "opportunity_data.csv", HEADERS["opportunities"], [good, bad, bad])
    load(folder, warehouse)
    assert query(warehouse, "select pipeline_amount from raw_crm.opportunities") == [(1,)]
    assert counts(warehouse) == [("opportunity_data.csv", 3, 1, 0, 0, 0, 2)]


def test_loading_twice_changes_nothing(folder, warehouse, monkeypatch):
    """A repeated load, and one that reads everything again, leave all rows as they are and only a note behind."""
    monkeypatch.setenv("THROUGHLINE_NOW", "2026-05-01T12:00:00+02:00")
    write_csv(folder / "contact_data.csv", CONTACTS, [["c1", "a"], ["c2", ""], ["c2", "b"], ["", "x"]])
    opportunities(folder, pipeline_amount=["1", "", "x"])
    load(folder, warehouse)
    before = everything(warehouse)
    assert query(warehouse, "select distinct _loaded_at from raw_crm.contacts") == [(datetime(2026, 5, 1, 10),)]
    assert query(warehouse, "select distinct started_at from raw_meta.loads") == [(datetime(2026, 5, 1, 10),)]
    load(folder, warehouse)
    assert everything(warehouse) == before
    assert counts(warehouse) == [(None, 0, 0, 0, 0, 0, 0)]
    load(folder, warehouse, reread=True)
    assert everything(warehouse) == before
    assert counts(warehouse) == [
        ("contact_data.csv", 4, 0, 0, 2, 1, 1),
        ("opportunity_data.csv", 3, 0, 0, 2, 0, 1),
    ]


def test_a_new_export_replaces_what_changed(folder, warehouse, monkeypatch):
    """Changed rows are new content, unchanged ones keep their time of arrival, missing ones stay."""
    monkeypatch.setenv("THROUGHLINE_NOW", "2026-05-01")
    write_csv(folder / "contact_data.csv", CONTACTS, [["same", "a"], ["other", "a"], ["gone", "a"], ["", "?"]], at=1)
    load(folder, warehouse)
    monkeypatch.setenv("THROUGHLINE_NOW", "2026-05-02")
    write_csv(folder / "contact_data.csv", CONTACTS, [["new", "b"], ["same", "a"], ["other", ""], ["", "!"]], at=2)
    load(folder, warehouse)
    first, second = datetime(2026, 5, 1), datetime(2026, 5, 2)
    assert query(warehouse, "select contact_id, account_id, _loaded_at from raw_crm.contacts order by 1") == [
        ("gone", "a", first),
        ("new", "b", second),
        ("other", None, second),
        ("same", "a", first),
    ]
    assert counts(warehouse) == [("contact_data.csv", 4, 1, 1, 1, 0, 1)]
    assert query(warehouse, "select record_text, _loaded_at from raw_crm.rejected_records") == [
        ('{"contact_id":null,"account_id":"!","email":null}', second)
    ]
    write_csv(folder / "contact_data.csv", CONTACTS, [["same", "a"]], at=3)
    load(folder, warehouse)
    assert rejected(warehouse) == []


def test_a_late_file_does_not_undo_a_later_one(folder, warehouse):
    """An older file that arrives late fills gaps only, even where the later file had merely confirmed a row."""
    write_csv(folder / "b_contact_data.csv", CONTACTS, [["k1", "x"], ["k2", "b"]], at=100)
    load(folder, warehouse)
    write_csv(folder / "a_contact_data.csv", CONTACTS, [["k1", "x"]], at=300)
    load(folder, warehouse)
    write_csv(folder / "c_contact_data.csv", CONTACTS, [["k1", "late"], ["k2", "late"], ["k3", "late"]], at=200)
    load(folder, warehouse)
    assert contacts(warehouse) == {"k1": "x", "k2": "late", "k3": "late"}


def test_a_late_file_does_not_undo_one_that_was_moved_away(folder, warehouse):
    """What a later file said holds, though the file is no longer there."""
    write_csv(folder / "new_contact_data.csv", CONTACTS, [["k", "new"]], at=200)
    load(folder, warehouse)
    (folder / "new_contact_data.csv").unlink()
    write_csv(folder / "old_contact_data.csv", CONTACTS, [["k", "old"], ["l", "old"]], at=100)
    load(folder, warehouse)
    assert contacts(warehouse) == {"k": "new", "l": "old"}
    assert counts(warehouse) == [("old_contact_data.csv", 2, 1, 0, 0, 1, 0)]


def test_a_file_may_be_put_back_to_an_older_state(folder, warehouse):
    """A file that is replaced by its own older copy says what holds, older time or not."""
    write_csv(folder / "contact_data.csv", CONTACTS, [["k", "wrong"]], at=200)
    load(folder, warehouse)
    write_csv(folder / "contact_data.csv", CONTACTS, [["k", "right"]], at=100)
    load(folder, warehouse)
    assert contacts(warehouse) == {"k": "right"}


def test_two_warehouses_hold_the_same(folder, tmp_path, monkeypatch):
    """Warehouses loaded in turn from the same files never share what they know of them."""
    monkeypatch.setenv("THROUGHLINE_NOW", "2026-05-01")
    one, two = tmp_path / "one" / "w.duckdb", tmp_path / "two" / "w.duckdb"
    for number in range(3):
        write_csv(
            folder / f"{number}_contact_data.csv", CONTACTS, [[f"c{number}", ""], ["c", number], ["", ""]], at=number
        )
        for warehouse in (one, two):
            load(folder, warehouse)
    assert contacts(one) == {"c0": None, "c1": None, "c2": None, "c": "2"}
    assert everything(one) == everything(two)


LOSSES = [
    "drop table raw_crm.contacts",
    "delete from raw_crm.contacts",
    "drop table raw_crm.contacts; drop table raw_crm.rejected_records",
    "drop table raw_crm.rejected_records",
    "delete from raw_crm.rejected_records",
    "drop schema raw_crm cascade",
    "drop schema raw_meta cascade",
    "drop table raw_crm._dlt_version",
    "drop table raw_crm._dlt_loads; drop table raw_crm._dlt_pipeline_state; delete from raw_crm.contacts",
    "delete from raw_crm.contacts; alter table raw_crm.contacts drop column email",
    # As after a load that was killed between its merge and its note, and its repetition.
    "update raw_meta.loads set records_unchanged = records_unchanged + records_new, records_new = 0;"
    " drop table raw_crm.contacts",
]


def test_what_is_lost_is_loaded_again(folder, warehouse):
    """A table that was dropped or emptied, or a warehouse that was deleted, is filled again from the same files."""
    cells = {table: ", ".join(HEADERS[table]) for table in ("contacts", "opportunities")}

    def content():
        return [query(warehouse, f"select {names} from raw_crm.{table} order by 1") for table, names in cells.items()]

    write_csv(folder / "contact_data.csv", CONTACTS, [["c1", "a"], ["c2", "b"], ["", "c"]])
    opportunities(folder, pipeline_amount=["1", "2"])
    load(folder, warehouse)
    before, faults = content(), rejected(warehouse)
    for loss in LOSSES:
        change(warehouse, loss)
        load(folder, warehouse)
        assert (content(), rejected(warehouse)) == (before, faults), loss
    warehouse.unlink()
    load(folder, warehouse)
    assert (content(), rejected(warehouse)) == (before, faults)


def test_dbt_may_come_first(folder, warehouse, run):
    """Raw tables that dbt made, empty, in a warehouse without any load are filled like any."""
    warehouse.parent.mkdir()
    run("dbt", "run", "--select", "staging.crm", THROUGHLINE_WAREHOUSE=warehouse)
    assert query(warehouse, "select count(*) from raw_crm.contacts") == [(0,)]
    write_csv(folder / "contact_data.csv", CONTACTS, [["c1", "a"], ["c2", "a"], ["", "a"]])
    opportunities(folder, pipeline_amount=["1.000000001", "x"])
    load(folder, warehouse)
    assert counts(warehouse) == [("contact_data.csv", 3, 2, 0, 0, 0, 1), ("opportunity_data.csv", 2, 1, 0, 0, 0, 1)]
    assert query(warehouse, "select pipeline_amount from staging.stg_crm__opportunities") == [(Decimal("1.000000001"),)]
    load(folder, warehouse)
    assert counts(warehouse) == [(None, 0, 0, 0, 0, 0, 0)]
    assert len(rejected(warehouse)) == 2


KEY_CELLS = st.sampled_from(["k1", "k2", "k3", ""])
FILES = st.lists(
    st.tuples(st.integers(1, 4), st.lists(st.tuples(KEY_CELLS, st.sampled_from(["x", "y", ""])), max_size=5)),
    min_size=2,
    max_size=4,
)


@settings(max_examples=5, deadline=None, derandomize=True, database=None)
@example([(2, [("k1", "x")]), (4, [("k1", "x")]), (3, [("k1", "y")])], [0, 1, 2])
@given(FILES, st.permutations(range(4)))
def test_the_order_of_arrival_does_not_matter(files, order):
    """Files loaded one by one, in any order, say the same as all at once, and as a dictionary filled in their order."""
    ranked = sorted(range(len(files)), key=lambda number: (files[number][0], number))
    expected = {key: value or None for number in ranked for key, value in files[number][1] if key}
    with TemporaryDirectory() as temporary:
        folder, one, two = (Path(temporary) / name for name in ("exports", "one.duckdb", "two.duckdb"))
        folder.mkdir()
        for number in order:
            if number < len(files):
                at, rows = files[number]
                write_csv(folder / f"{number}_contact_data.csv", CONTACTS, rows, at=at)
                with landing_at_once():
                    load(folder, one)
        load(folder, two)
        for warehouse in (one, two):
            assert (contacts(warehouse) if expected else {}) == expected
        faults = "select source_file, source_line, record_text, reason from raw_crm.rejected_records order by all"
        assert query(one, faults) == query(two, faults)
        assert len(query(one, faults)) == sum(not key for _, rows in files for key, _ in rows)
        read = "select distinct source_file, records_read from raw_meta.loads where source_file is not null order by 1"
        assert query(one, read) == query(two, read)
        assert query(two, read) == [(f"{number}_contact_data.csv", len(rows)) for number, (_, rows) in enumerate(files)]


def test_the_command_loads_and_reports(folder, warehouse, run):
    """The command prints a line for each file and each missing kind, and keeps stdout free."""
    write_csv(folder / "x_contact_data.csv", CONTACTS, [["c1", "a"], ["c1", "b"], ["", "c"]])
    settings = {"THROUGHLINE_WAREHOUSE": warehouse, "SOURCES__CRM__BUCKET_URL": folder}
    done = run("throughline", "load", "crm", **settings)
    assert done.stdout == ""
    assert "crm: contacts from x_contact_data.csv: 3 records read = 1 new + 1 repeated + 1 rejected" in done.stderr
    assert "crm: there is no *opportunity_data.csv or .parquet; opportunities stays as it is." in done.stderr
    done = run("throughline", "load", "crm", **settings)
    assert "crm: 1 file unchanged since the last load." in done.stderr
    assert "records read" not in done.stderr
    done = run("throughline", "load", "crm", "--reread", **settings)
    assert "3 records read = 1 unchanged + 1 repeated + 1 rejected" in done.stderr


def test_two_commands_at_once_take_turns(folder, warehouse, tmp_path):
    """Of two loads into one warehouse the second waits, and finds nothing left to do."""
    write_csv(folder / "contact_data.csv", CONTACTS, ([f"c{number}", ""] for number in range(20_000)))
    command = [str(BIN / "throughline"), "load", "crm"]
    environment = os.environ | {"THROUGHLINE_WAREHOUSE": str(warehouse), "SOURCES__CRM__BUCKET_URL": str(folder)}
    running = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    assert query(warehouse, "select count(*), count(distinct contact_id) from raw_crm.contacts") == [(20_000, 20_000)]
    assert query(warehouse, "select sum(records_new) from raw_meta.loads") == [(20_000,)]


def test_a_source_without_settings_is_skipped(warehouse, run):
    """Nothing is wrong with a source that nobody has set up."""
    done = run("throughline", "load", "crm", THROUGHLINE_WAREHOUSE=warehouse)
    assert "crm: skipped, because it has no settings; set SOURCES__CRM__BUCKET_URL" in done.stderr
    assert not warehouse.exists()


def test_bad_settings_are_named_in_a_sentence(folder, warehouse, tmp_path, run):
    """The command ends with exit code 1 and says what to mend, without a traceback."""
    empty, text, others = tmp_path / "empty", tmp_path / "text.duckdb", tmp_path / "others"
    empty.mkdir()
    others.mkdir()
    (others / "notes.csv").write_text("a,b\n1,2\n")
    text.write_text("no warehouse" * 999)
    write_csv(folder / "contact_data.csv", CONTACTS, [["c", "a"]])
    (others / "big_contact_data.csv").mkdir()
    cases = [
        ([], {"SOURCES__CRM__BUCKET_URL": tmp_path / "no [/such] folder"}, "which does not exist; correct the setting"),
        ([], {"SOURCES__CRM__BUCKET_URL": empty}, f"{empty} holds none of the files"),
        ([], {"SOURCES__CRM__BUCKET_URL": others}, f"{others} holds none of the files"),
        ([], {"SOURCES__CRM__BUCKET_URL": "ftp://x/y"}, "is neither a folder nor an s3:// prefix"),
        ([], {"THROUGHLINE_WAREHOUSE": text}, f"{text} cannot be opened as a DuckDB file"),
        (["--reread"], {"THROUGHLINE_WAREHOUSE": text}, f"{text} cannot be opened as a DuckDB file"),
        ([], {"THROUGHLINE_WAREHOUSE": empty}, f"{empty} cannot be opened as a DuckDB file"),
        ([], {"THROUGHLINE_WAREHOUSE": text / "w.duckdb"}, f"{text / 'w.duckdb'} cannot be written"),
        ([], {"THROUGHLINE_NOW": "tomorrow"}, "THROUGHLINE_NOW is 'tomorrow'"),
    ]
    for options, wrong, sentence in cases:
        usual = {"THROUGHLINE_WAREHOUSE": warehouse, "SOURCES__CRM__BUCKET_URL": folder}
        done = run("throughline", "load", "crm", *options, check=False, **usual | wrong)
        assert done.returncode == 1, (wrong, done.stderr)
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
        assert not warehouse.exists()


@pytest.mark.parametrize("name", ["o'brien/w.duckdb", "100%/w.duckdb", "raw_crm.duckdb", "staging.duckdb"])
def test_a_path_that_cannot_work_is_refused(folder, tmp_path, name):
    """Some paths make dlt or DuckDB stumble in the middle of a load, so none is begun."""
    write_csv(folder / "contact_data.csv", CONTACTS, [["c", "a"]])
    with pytest.raises(ThroughlineError, match="cannot be a warehouse"):
        crm.load(str(folder), tmp_path / name)
    load(folder, tmp_path / "späce [x] *" / "raw data.duckdb")


def test_a_warehouse_in_use_is_waited_for(folder, warehouse, monkeypatch, capsys):
    """Where another process keeps the warehouse, the load names that process and then gives up, or goes on."""
    write_csv(folder / "contact_data.csv", CONTACTS, [["c", "a"]])
    load(folder, warehouse)
    write_csv(folder / "x_contact_data.csv", CONTACTS, [["d", "a"]])
    holding = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", holding, str(warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    monkeypatch.setattr(warehouse_module, "_LOCK_PATIENCE_SECONDS", 0.5)
    with pytest.raises(ThroughlineError, match=f"has been in use by process {holder.pid}"):
        crm.load(str(folder), warehouse)
    holder.communicate()
    load(folder, warehouse)
    assert contacts(warehouse) == {"c": "a", "d": "a"}
