"""Stream's billing exports: their separators, headers and dates, what is rejected, and what a later file changes."""

import os
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import query

from ingestion import stream
from ingestion.declarations import OUTCOMES
from ingestion.errors import ThroughlineError

TRANSACTIONS = ["Date (UTC)", "Transaction ID", "Customer ID", "Subscription ID", "Total", "Currency"]
USERS = ["Customer ID", "Customer Name", "Customer Email"]
PRODUCTS = ["subscription ID", "Plan", "Product", "Interval", "Amount", "Status"]
PAID = ["1/31/24 7:05", "in_1", "cus_1", "sub_1", "9600", "usd"]
LANDED = ("in_1", "cus_1", "sub_1", datetime(2024, 1, 31, 7, 5), Decimal(9600), "USD")


@pytest.fixture
def folder(tmp_path):
    """Be the folder that the billing backend exports to."""
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


def write(path, header, *rows, separator="\t", at=None, above=""):
    """Write a file as the backend does, modified at that many seconds after 1970 if given."""
    lines = [separator.join(row) for row in (header, *rows)]
    path.write_bytes((above + "".join(f"{line}\r\n" for line in lines)).encode())
    if at is not None:
        os.utime(path, (at, at))


def write_dates(path, *dates):
    """Write transactions, one for each date, whose ids are the file's name and the line."""
    rows = [[text, f"{path.stem}:{line}", "", "", "1", ""] for line, text in enumerate(dates, 2)]
    write(path, TRANSACTIONS, *rows)


def load(folder, warehouse, **options):
    """Load a folder; no load counts a record twice or not at all."""
    stream.load(str(folder), warehouse, **options)
    outcomes = " + ".join(f"records_{outcome}" for outcome in OUTCOMES)
    assert query(warehouse, f"select * from raw_meta.loads where records_read != {outcomes}") == []


def counts(warehouse):
    """Return what the newest load did with each file: {file: {outcome: records}}, without zeros."""
    columns = ", ".join(f"records_{outcome}" for outcome in OUTCOMES)
    rows = query(
        warehouse,
        f"select source_file, {columns} from raw_meta.loads"
        " where load_id = (select arg_max(load_id, rowid) from raw_meta.loads) and source_file is not null",
    )
    return {
        file: {name: count for name, count in zip(OUTCOMES, numbers, strict=True) if count} for file, *numbers in rows
    }


def transactions(warehouse):
    """Return the transactions without lineage, in order."""
    columns = "transaction_id, customer_id, subscription_id, transaction_at, total, currency"
    return query(warehouse, f"select {columns} from raw_stream.transactions order by all")


def times(warehouse):
    """Return when each transaction was, by its id."""
    return {key: at for key, _, _, at, *_ in transactions(warehouse)}


def rejected(warehouse):
    """Return the rejected records as (file, line, reason), in order."""
    return query(warehouse, "select source_file, source_line, reason from raw_stream.rejected_records order by all")


def test_three_exports_land(folder, warehouse, capsys):
    """Tabs in spite of .csv, CRLF; users are repeated for each transaction, and the last of equal rows counts."""
    write(folder / "transactions.csv", TRANSACTIONS, PAID, ["10/3/24 16:44", "in_2", "", "", "-5448.30", "EUR"])
    ann = ["cus_1", "Ann", "Ann@Example.com"]
    write(folder / "users.csv", USERS, ann, ["cus_1", "", "Ann@Example.com"], ["cus_2", "", ""], ann, at=100)
    line = ["sub_1", "price_1", "Chat :  36 Months", "month", "173000", "active"]
    write(folder / "products.csv", PRODUCTS, line, ["sub_1", "price_2", "", "", "", ""], at=200)
    load(folder, warehouse)
    assert transactions(warehouse) == [
        LANDED,
        ("in_2", None, None, datetime(2024, 10, 3, 16, 44), Decimal("-5448.3"), "EUR"),
    ]
    columns = "customer_id, customer_name, customer_email, exported_at, _source_line"
    exported_at = datetime(1970, 1, 1, 0, 1, 40)
    assert query(warehouse, f"select {columns} from raw_stream.users order by user_key") == [
        ("cus_1", "Ann", "ann@example.com", exported_at, 5),
        ("cus_1", None, "ann@example.com", exported_at, 3),
        ("cus_2", None, None, exported_at, 4),
    ]
    assert query(warehouse, "select user_key from raw_stream.users where _source_line > 3 order by 1") == [
        ('["cus_1","Ann","ann@example.com"]',),
        ('["cus_2",null,null]',),
    ]
    columns = "subscription_line_key, plan, product, billing_interval, amount, status, exported_at"
    exported_at = datetime(1970, 1, 1, 0, 3, 20)
    assert query(warehouse, f"select {columns} from raw_stream.products order by plan") == [
        ('["sub_1","price_1"]', "price_1", "Chat :  36 Months", "month", Decimal(173000), "active", exported_at),
        ('["sub_1","price_2"]', "price_2", None, None, None, None, exported_at),
    ]
    assert counts(warehouse) == {
        "transactions.csv": {"new": 2},
        "users.csv": {"new": 3, "repeated": 1},
        "products.csv": {"new": 2},
    }
    assert "DATE_ORDER" not in capsys.readouterr().err
    load(folder, warehouse)
    assert counts(warehouse) == {}
    load(folder, warehouse, reread=True)
    assert counts(warehouse) == {
        "transactions.csv": {"unchanged": 2},
        "users.csv": {"unchanged": 3, "repeated": 1},
        "products.csv": {"unchanged": 2},
    }


def test_separator_and_header_are_found(folder, warehouse):
    """In any case and with blanks around, below lines of other things, with a byte order mark, without a currency."""
    expected = {}
    header = [f" {cell.upper()} " for cell in TRANSACTIONS[::-1]]
    above = {"plain": "", "bom": "\ufeff", "hint": "\ufeffsep={}\r\n", "title": 'All 5" screens\r\n\r\n"Made today\r\n'}
    for separator in "\t,;":
        for name, text in above.items():
            key = f"{name}{ord(separator)}"
            row = [PAID[0], key, *PAID[2:]][::-1]
            path = folder / f"{key} Transactions.csv"
            write(path, header, row, separator=separator, above=text.format(separator))
            expected[key] = LANDED[1:]
    write(folder / "transactions.tsv", ["Extra", *TRANSACTIONS[:-1]], ["x", PAID[0], "tsv", *PAID[2:-1]])
    cells = {
        name: [cell] for name, cell in zip(TRANSACTIONS, [datetime(2024, 1, 31, 7, 5), "pq", *PAID[2:]], strict=True)
    }
    pq.write_table(pa.table(cells), folder / "transactions.parquet")
    expected |= {"tsv": LANDED[1:], "pq": LANDED[1:]}
    load(folder, warehouse)
    assert rejected(warehouse) == []
    assert {key: tuple(others) for key, *others in transactions(warehouse)} == expected


def test_a_cell_may_hold_another_separator(folder, warehouse):
    """What counts is under which separator the header stands."""
    users = {"\t": "Doe; Ann, Dr.", ",": '"Doe; Ann, Dr."', ";": '"Doe; Ann, Dr."'}
    for number, (separator, name) in enumerate(users.items()):
        write(folder / f"users_{number}.csv", USERS, [f"cus_{number}", name, ""], separator=separator)
    load(folder, warehouse)
    assert query(warehouse, "select distinct customer_name, count(*) over () from raw_stream.users") == [
        ("Doe; Ann, Dr.", 3)
    ]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (
            "Customer ID;Name;E-mail",
            "users.csv has no columns 'customer_name', 'customer_email' (it has: customer_id, name, e_mail, separated"
            " by semicolons); nothing was loaded. Export the file again with them.",
        ),
        (
            "A title\r\nCustomer ID\tcustomer name",
            "users.csv has no column 'customer_email' (it has: customer_id, customer_name, separated by tabs); nothing"
            " was loaded. Export the file again with that column.",
        ),
        (
            "a,b",
            "users.csv has no columns 'customer_id', 'customer_name', 'customer_email' (it has: a, b, separated by"
            " commas); nothing was loaded. Export the file again with them.",
        ),
        (
            "\r\n",
            "users.csv has no columns 'customer_id', 'customer_name', 'customer_email' (it has: no header at all);"
            " nothing was loaded. Export the file again with them.",
        ),
        (
            "Customer ID,Customer Name,Customer Email,customer id",
            "users.csv has the column 'customer_id' 2 times; nothing was loaded. Export the file again with that column"
            " once.",
        ),
    ],
)
def test_a_file_without_its_columns_is_named(folder, warehouse, header, said):
    """And nothing is loaded, of the other files neither."""
    write(folder / "transactions.csv", TRANSACTIONS, PAID)
    (folder / "users.csv").write_text(header, newline="")
    with pytest.raises(ThroughlineError) as error:
        load(folder, warehouse)
    assert str(error.value) == said
    assert not warehouse.exists()


def test_a_lone_quotation_mark_costs_no_line(folder, warehouse):
    """Tabs: within a cell it is a character, at its beginning the one record is rejected, and the file goes on."""
    names = ['5" Screens', '"5"" Screens"', '"5" Screens', '"Screens', "Screens", 'Wide "Screens"', '"']
    write(folder / "users.csv", USERS, *([f"cus_{line}", name, ""] for line, name in enumerate(names, 2)))
    load(folder, warehouse)
    assert query(warehouse, "select customer_id, customer_name from raw_stream.users order by 1") == [
        ("cus_2", '5" Screens'),
        ("cus_3", '5" Screens'),
        ("cus_6", "Screens"),
        ("cus_7", 'Wide "Screens"'),
    ]
    reason = "has a quotation mark where none can be"
    assert rejected(warehouse) == [("users.csv", line, reason) for line in (4, 5, 8)]
    # With commas a cell of several lines is usual, so one that never ends may have swallowed anything.
    write(folder / "users.csv", USERS, ["cus_1", '"Two\r\nlines"', ""], ["cus_2", '"Screens', ""], separator=",")
    with pytest.raises(ThroughlineError, match="the quotation mark that line 4 opens is never closed"):
        load(folder, warehouse)


TIMES = {
    "1/1/24 7:00": "2024-01-01 07:00:00",
    "12/31/2099 23:59:58": "2099-12-31 23:59:58",
    "01/02/00": "2000-01-02 00:00:00",
    "2/29/2024": "2024-02-29 00:00:00",
    "1/1/24 12:00 AM": "2024-01-01 00:00:00",
    "1/1/2024, 7:00:09 pm": "2024-01-01 19:00:09",
    " 1/1/24  07:00PM ": "2024-01-01 19:00:00",
    "2024-01-31": "2024-01-31 00:00:00",
    "2024-01-31T07:05:06.5Z": "2024-01-31 07:05:06.500000",
    "2024-01-31 07:05:06+02:00": "2024-01-31 05:05:06",
}


def test_times_are_read_as_billing_systems_write_them(folder, warehouse):
    """In UTC, as the header says."""
    write_dates(folder / "transactions.csv", *TIMES)
    load(folder, warehouse)
    assert rejected(warehouse) == []
    assert [str(at) for at in times(warehouse).values()] == [
        str(datetime.fromisoformat(TIMES[text]))
        for _, text in sorted((f"transactions:{line}", text) for line, text in enumerate(TIMES, 2))
    ]


NO_TIME = "date_(utc) is no time like 1/31/24 7:05 or 2024-01-31 07:05 from 2000 to 2099"
UNREADABLE = [
    *(
        "2/30/24 7:00",
        "1/1/24 25:00",
        "1/1/24 13:00 PM",
        "1/1/24 7",
        "1/1/24 7:00 UTC",
        "1/1/1999",
        "1/1/2100",
        "1/1/024",
    ),
    *(
        "1999-12-31",
        "2100-01-01",
        "0024-01-01",
        "2024-02-30",
        "1.2.24",
        "1-2-24",
        "45292.29",
        "1/1",
        "13/13/24",
        "0/1/24",
    ),
]


def test_what_is_no_time_is_rejected(folder, warehouse):
    """A year of other centuries would make a report of hundreds of months."""
    write_dates(folder / "transactions.csv", *UNREADABLE, "", "12/31/24")
    load(folder, warehouse)
    assert rejected(warehouse) == [
        *(("transactions.csv", line, NO_TIME) for line, _ in enumerate(UNREADABLE, 2)),
        ("transactions.csv", len(UNREADABLE) + 2, "date_(utc) is blank"),
    ]
    assert list(times(warehouse).values()) == [datetime(2024, 12, 31)]


def test_each_file_shows_whether_its_days_come_first(folder, warehouse, monkeypatch, capsys):
    """A date that can be read in one order only decides for all dates of its file, whatever the setting says."""
    for order in stream.DATE_ORDERS:
        monkeypatch.setenv("SOURCES__STREAM__DATE_ORDER", order)
        write_dates(folder / "transactions_of_days.csv", "1/2/24", "21/3/2024 7:05", "2024-04-05", "13/13/24")
        write_dates(folder / "transactions_of_months.csv", "1/2/24", "3/21/2024 7:05", "30/30/24", "31/4/24")
        load(folder, warehouse)
        assert times(warehouse) == {
            "transactions_of_days:2": datetime(2024, 2, 1),
            "transactions_of_days:3": datetime(2024, 3, 21, 7, 5),
            "transactions_of_days:4": datetime(2024, 4, 5),
            "transactions_of_months:2": datetime(2024, 1, 2),
            "transactions_of_months:3": datetime(2024, 3, 21, 7, 5),
        }
    assert "DATE_ORDER" not in capsys.readouterr().err


def test_a_file_with_days_first_asks_for_the_setting(folder, warehouse, monkeypatch, capsys):
    """As long as it is not set: the next file may show nothing, and come alone."""
    write_dates(folder / "transactions.csv", "1/2/24", "13/2/24")
    for order, is_asked in ((None, True), ("", True), ("day_first", False), ("month_first", False)):
        if order is not None:
            monkeypatch.setenv("SOURCES__STREAM__DATE_ORDER", order)
        load(folder, warehouse, reread=True)
        said = " ".join(capsys.readouterr().err.split())
        assert is_asked == (
            "stream: transactions.csv has the day first; set SOURCES__STREAM__DATE_ORDER to day_first, so that files"
            " whose dates may have the day or the month first are read so, too." in said
        )
        assert times(warehouse)["transactions:2"] == datetime(2024, 2, 1)


def test_a_setting_decides_where_no_date_does_and_the_load_says_so(folder, warehouse, monkeypatch, capsys):
    """It names the file, one of the dates and how it was read; another value reads the files again."""
    write_dates(folder / "transactions.csv", "2/2/24", "3/4/24 7:05", "2024-01-31")
    write_dates(folder / "transactions_all_the_same.csv", "2/2/24", "2024-01-31", "never")
    for order, day in ((None, "2024-03-04"), ("day_first", "2024-04-03"), ("MONTH_FIRST", "2024-03-04")):
        if order:
            monkeypatch.setenv("SOURCES__STREAM__DATE_ORDER", order)
        load(folder, warehouse)
        assert str(times(warehouse)["transactions:3"]) == f"{day} 07:05:00"
        said = " ".join(capsys.readouterr().err.split())
        assert (
            "stream: transactions.csv has only dates that may have the day or the month first; as"
            f" SOURCES__STREAM__DATE_ORDER is {(order or 'month_first').lower()}, 3/4/24 7:05 on line 3 was read as"
            f" {day}."
        ) in said
        assert "transactions_all_the_same.csv has" not in said
        load(folder, warehouse)
        assert "DATE_ORDER" not in capsys.readouterr().err


def test_what_another_file_shows_is_not_passed_over(folder, warehouse, monkeypatch):
    """A file of a few days is hardly of another order than the one of a whole month; only a setting can say so."""
    write_dates(folder / "transactions_03.csv", "3/2/24")
    write_dates(folder / "transactions_13.csv", "13/2/24")
    with pytest.raises(ThroughlineError) as error:
        load(folder, warehouse)
    assert str(error.value) == (
        "transactions_03.csv has only dates that may have the day or the month first, and transactions_13.csv has the"
        " day first; nothing was loaded. Set SOURCES__STREAM__DATE_ORDER to day_first, or to month_first if this file"
        " is of another kind."
    )
    assert not warehouse.exists()
    for order, at in (("month_first", datetime(2024, 3, 2)), ("day_first", datetime(2024, 2, 3))):
        monkeypatch.setenv("SOURCES__STREAM__DATE_ORDER", order)
        load(folder, warehouse)
        assert times(warehouse) == {"transactions_03:2": at, "transactions_13:2": datetime(2024, 2, 13)}


def test_a_file_with_dates_of_both_orders_is_refused(folder, warehouse):
    """One of its halves would be read wrongly; the warehouse stays as it was."""
    write(folder / "users.csv", USERS, ["cus_1", "", ""])
    load(folder, warehouse)
    write(folder / "users.csv", USERS, ["cus_1", "", ""], ["cus_2", "", ""])
    write_dates(folder / "transactions.csv", "1/2/24", "1/13/24 7:05", "1/14/24", "21/2/24", "22/2/24")
    with pytest.raises(ThroughlineError) as error:
        load(folder, warehouse)
    assert str(error.value) == (
        "transactions.csv has dates of both orders: line 3 (1/13/24 7:05) has the month first, line 5 (21/2/24) the"
        " day; nothing was loaded. Export the file again with dates of one order, or like 2024-01-31 07:05."
    )
    assert query(warehouse, "select customer_id from raw_stream.users") == [("cus_1",)]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            "DATE_ORDER=dmy",
            "SOURCES__STREAM__DATE_ORDER is dmy, which is no order of dates; write month_first or day_first.",
        ),
        ("CURRENCY=gold", "SOURCES__STREAM__CURRENCY is gold, which is no ISO 4217 code; write it like USD."),
    ],
)
def test_a_setting_that_means_nothing_is_named(folder, warehouse, monkeypatch, setting, said):
    """Nothing is loaded by a guess."""
    name, _, value = setting.partition("=")
    monkeypatch.setenv(f"SOURCES__STREAM__{name}", value)
    with pytest.raises(ThroughlineError) as error:
        load(folder, warehouse)
    assert str(error.value) == said
    assert not warehouse.exists()


def test_a_blank_currency_is_the_settings(folder, warehouse, monkeypatch):
    """Another setting reads the files again."""
    write(folder / "transactions.csv", TRANSACTIONS, [*PAID[:-1], ""], [PAID[0], "in_2", *PAID[2:-1], "chf"])
    for setting, currency in ((None, "USD"), ("eur", "EUR")):
        if setting:
            monkeypatch.setenv("SOURCES__STREAM__CURRENCY", setting)
        load(folder, warehouse)
        assert [found for *_, found in transactions(warehouse)] == [currency, "CHF"]


def test_what_is_no_transaction_user_or_product_is_rejected(folder, warehouse):
    """With its line and the reason; a blank total, customer or subscription is none."""
    write(
        folder / "transactions.csv",
        TRANSACTIONS,
        [PAID[0], "", *PAID[2:]],
        *([*PAID[:4], total, "usd"] for total in ("1,234.50", "9600,50", "$5", "1e15", "(5)")),
        [*PAID[:5], "dollars"],
        [*PAID, "more"],
        PAID[:5],
        [*PAID, "", ""],
        [PAID[0], "in_2", "", "", "", ""],
        # Two exports put together: the first header counts.
        TRANSACTIONS,
    )
    write(folder / "users.csv", USERS, ["", "Ann", ""])
    write(
        folder / "products.csv",
        PRODUCTS,
        ["", "p", "", "", "", ""],
        ["s", "", "", "", "", ""],
        ["s", "p", "", "", "x", ""],
    )
    load(folder, warehouse)
    no_number = "is no number like 1234.5 below 10^15"
    assert rejected(warehouse) == [
        ("products.csv", 2, "subscription_id is blank"),
        ("products.csv", 3, "plan is blank"),
        ("products.csv", 4, f"amount {no_number}"),
        ("transactions.csv", 2, "transaction_id is blank"),
        *(("transactions.csv", line, f"total {no_number}") for line in range(3, 8)),
        ("transactions.csv", 8, "currency is no ISO 4217 currency code"),
        ("transactions.csv", 9, "has 7 cells where the header has 6"),
        ("transactions.csv", 10, "has 5 cells where the header has 6"),
        ("transactions.csv", 13, f"{NO_TIME}; total {no_number}; currency is no ISO 4217 currency code"),
        ("users.csv", 2, "customer_id is blank"),
    ]
    assert transactions(warehouse) == [LANDED, ("in_2", None, None, LANDED[3], None, "USD")]


def test_a_later_file_corrects_an_earlier_one(folder, warehouse):
    """What it no longer lists stays, with the file that listed it last."""
    line = ["", "month", "10", "active"]
    write(folder / "products.csv", PRODUCTS, ["sub_1", "old", *line], ["sub_1", "kept", *line], at=100)
    write(folder / "transactions.csv", TRANSACTIONS, PAID, at=100)
    load(folder, warehouse)
    write(folder / "products.csv", PRODUCTS, ["sub_1", "kept", *line], ["sub_1", "new", *line], at=200)
    write(folder / "transactions_corrected.csv", TRANSACTIONS, [*PAID[:4], "9700", "usd"], at=200)
    load(folder, warehouse)
    assert counts(warehouse) == {
        "products.csv": {"new": 1, "changed": 1},
        "transactions_corrected.csv": {"changed": 1},
    }
    assert query(warehouse, "select plan, epoch(exported_at) from raw_stream.products order by 1") == [
        ("kept", 200),
        ("new", 200),
        ("old", 100),
    ]
    assert [total for *_, total, _ in transactions(warehouse)] == [Decimal(9700)]


# Few values, so that files speak of the same keys.
WORD, NUMBER = st.sampled_from("ab"), st.sampled_from("12")
EXPORTS = {
    "transactions": (
        TRANSACTIONS[:-1],
        st.tuples(st.sampled_from(["1/31/24", "2024-01-31"]), WORD, WORD, WORD, NUMBER),
    ),
    "users": (USERS, st.tuples(WORD, WORD, WORD)),
    "products": (PRODUCTS, st.tuples(WORD, WORD, WORD, WORD, NUMBER, st.just("active"))),
}
EXPORT = st.fixed_dictionaries(
    {"at": st.integers(1, 2)} | {name: st.lists(row, min_size=1, max_size=3) for name, (_, row) in EXPORTS.items()}
)
SMALL_EXPORT = {
    "at": 1,
    "transactions": [("1/31/24", "a", "a", "a", "1")],
    "users": [("a", "a", "a")],
    "products": [("a", "a", "a", "a", "1", "active")],
}


def landed(warehouse):
    """Return what each table says of its keys, with the file and line that had it last where the models need them."""
    content = "select * exclude (_source_file, _source_line, _source_modified_at, _loaded_at)"
    return [
        query(warehouse, f"{content} from raw_stream.transactions order by all"),
        query(warehouse, "select * exclude (_loaded_at) from raw_stream.users order by all"),
        query(warehouse, "select * exclude (_loaded_at) from raw_stream.products order by all"),
    ]


def last_lines(exports, table, width):
    """Return where each row of a table stands last, by so many of its cells: (seconds, file, line)."""
    places = {}
    for number, export in sorted(enumerate(exports), key=lambda each: (each[1]["at"], each[0])):
        for line, row in enumerate(export[table], 2):
            places[row[:width]] = (export["at"], f"{table}_{number}.csv", line)
    return places


@settings(max_examples=3, deadline=None, derandomize=True, database=None)
# Modified at the same time, and loaded one after the other: the second lists it last.
@example([SMALL_EXPORT, SMALL_EXPORT], [0, 1])
@given(st.lists(EXPORT, min_size=3, max_size=3), st.permutations(range(3)))
def test_the_order_of_arrival_does_not_matter(exports, order):
    """Files loaded one by one, in any order, say the same as all at once."""
    with TemporaryDirectory() as temporary:
        folder, one, two = (Path(temporary) / name for name in ("exports", "one.duckdb", "two.duckdb"))
        folder.mkdir()
        for number in order:
            for name, (header, _) in EXPORTS.items():
                write(folder / f"{name}_{number}.csv", header, *exports[number][name], at=exports[number]["at"])
            load(folder, one)
        load(folder, two)
        assert landed(one) == landed(two)
        for table, key in (
            ("users", ["customer_id", "customer_name", "customer_email"]),
            ("products", ["subscription_id", "plan"]),
        ):
            places = f"select {', '.join(key)}, epoch(exported_at), _source_file, _source_line from raw_stream.{table}"
            assert {row[:-3]: row[-3:] for row in query(two, places)} == last_lines(exports, table, len(key))
