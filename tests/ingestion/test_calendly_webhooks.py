"""Delivered webhooks: bare or as received, in any layout, files that grow, torn lines, and what is no delivery."""

import gzip
import json
import os
import zlib
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from api_loading import landing_at_once
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import query

from ingestion import calendly_webhooks
from ingestion.declarations import OUTCOMES
from ingestion.errors import ThroughlineError
from ingestion.receipts import line_of

NOON = datetime(2026, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    """Be the folder that deliveries are dumped to."""
    folder = tmp_path / "dumps"
    folder.mkdir()
    return folder


def delivery(number, event="invitee.created", **payload):
    """Make a delivery about one invitee."""
    uri = f"https://api.calendly.com/scheduled_events/e{number}/invitees/i{number}"
    return {
        "event": event,
        "created_at": f"2026-05-01T10:00:{number % 60:02d}.000000Z",
        "created_by": "https://api.calendly.com/users/u1",
        "payload": {"uri": uri, "name": "Zoë “Ann” Example", "status": "active"} | payload,
    }


def lines(*documents):
    """Write documents as JSON Lines."""
    return "".join(json.dumps(document) + "\n" for document in documents)


def received(document, seconds=0, **headers):
    """Write a document, or a body, as the line that the receiver keeps, so many seconds after noon."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return line_of(body, named, NOON + timedelta(seconds=seconds)) + "\n"


def receipts(warehouse):
    """Return when each landed delivery was first received, in seconds after noon, by its invitee's number."""
    noon = NOON.replace(tzinfo=None)
    rows = query(
        warehouse,
        "select cast(regexp_extract(document ->> '$.payload.uri', '\\d+$') as integer), received_at"
        " from raw_calendly_webhooks.deliveries order by 1",
    )
    return {number: at and (at - noon).total_seconds() for number, at in rows}


def load(folder, warehouse, **options):
    """Load a folder and make sure of what every load promises."""
    calendly_webhooks.load(str(folder), warehouse, **options)
    outcomes = " + ".join(f"records_{outcome}" for outcome in OUTCOMES)
    assert query(warehouse, f"select * from raw_meta.loads where records_read != {outcomes}") == []


def landed(warehouse):
    """Return the landed documents in the order of their keys."""
    rows = query(warehouse, "select document from raw_calendly_webhooks.deliveries order by delivery_id")
    return [json.loads(document) for (document,) in rows]


def in_order(documents):
    """Sort documents, to be compared."""
    return sorted(documents, key=json.dumps)


def rejected(warehouse):
    """Return what was rejected as (file, line, reason)."""
    rows = query(
        warehouse,
        "select source_file, source_line, reason from raw_calendly_webhooks.rejected_records order by all",
    )
    return [(Path(name).name, line, reason) for name, line, reason in rows]


def counts(warehouse):
    """Return what the newest load noted as {file: (read, new, changed, unchanged, repeated, rejected)}."""
    columns = ", ".join(f"records_{outcome}" for outcome in OUTCOMES)
    rows = query(
        warehouse,
        f"select source_file, records_read, {columns} from raw_meta.loads"
        " where load_id = (select arg_max(load_id, rowid) from raw_meta.loads)",
    )
    return {name and Path(name).name: tuple(numbers) for name, *numbers in rows}


def test_every_layout_gives_the_same_delivery(folder, warehouse):
    """Lines, with or without a byte order mark and Windows line ends, pretty-printed, in an array, in a row."""
    one, two, three = delivery(1), delivery(2), delivery(3)
    (folder / "a.jsonl").write_text(lines(one, two), encoding="utf-8")
    (folder / "b.json").write_text(json.dumps(one, indent=4, ensure_ascii=False), encoding="utf-8")
    (folder / "c.json").write_text(json.dumps([one, three], indent=2), encoding="utf-8")
    (folder / "d.json").write_text(json.dumps([two, three]), encoding="utf-8")
    (folder / "e.json").write_text(json.dumps(one, indent=1) + "\n\n" + json.dumps(two, indent=1), encoding="utf-8")
    (folder / "f.ndjson").write_bytes(b"\xef\xbb\xbf" + lines(one, three).replace("\n", "\r\n").encode())
    for name in "abcdef":
        (path,) = folder.glob(f"{name}.*")
        os.utime(path, (ord(name), ord(name)))
    load(folder, warehouse)
    assert in_order(landed(warehouse)) == in_order([one, two, three])
    assert rejected(warehouse) == []
    # Of the twelve, the last of each counts as the new one.
    assert sum(numbers[0] for numbers in counts(warehouse).values()) == 11
    assert sum(numbers[1] for numbers in counts(warehouse).values()) == 3
    assert sum(numbers[4] for numbers in counts(warehouse).values()) == 8


def test_an_unknown_kind_is_kept(folder, warehouse):
    """Calendly adds kinds; a delivery of one is no fault."""
    unknown = {"event": "meeting_recap.created", "payload": {"text": "…"}}
    form = {"event": "routing_form_submission.created", "created_at": "2026-05-01T10:00:00Z", "payload": {"uri": "u"}}
    (folder / "a.jsonl").write_text(lines(unknown, form), encoding="utf-8")
    load(folder, warehouse)
    assert in_order(landed(warehouse)) == in_order([unknown, form])


def test_what_is_no_delivery_is_rejected_with_file_and_line(folder, warehouse):
    """And costs none of its neighbours."""
    (folder / "a.jsonl").write_bytes(
        b"not json\n"
        + lines(delivery(1)).encode()
        + b'\n{"event": "invitee.created"}\n'
        + b'{"event": 7, "payload": {}}\n"a text"\n'
        + lines(delivery(2, uri=None), delivery(3) | {"created_at": "soon"}).encode()
        + b'{"event": "caf\xe9", "payload": {}}\n'
        + b'[{"event": "x", "payload": {}}, 3]\n'
    )
    (folder / "b.json").write_text('{\n "event": "invitee.created",\n "payload": {', encoding="utf-8")
    (folder / "c.json").write_text(json.dumps(delivery(4), indent=1) + "\n<html>\n", encoding="utf-8")
    load(folder, warehouse)
    assert in_order(landed(warehouse)) == in_order([delivery(1), delivery(4), {"event": "x", "payload": {}}])
    no_delivery = "is no delivery: it has no event and payload"
    found = rejected(warehouse)
    assert found[:8] == [
        ("a.jsonl", 1, "document is no readable JSON"),
        ("a.jsonl", 4, no_delivery),
        ("a.jsonl", 5, no_delivery),
        ("a.jsonl", 6, no_delivery),
        ("a.jsonl", 7, "is a delivery about an invitee without payload.uri"),
        ("a.jsonl", 8, "is a delivery about an invitee without a readable created_at"),
        ("a.jsonl", 9, "is not valid UTF-8"),
        ("a.jsonl", 10, no_delivery),
    ]
    assert [(name, line, reason.split(":")[0]) for name, line, reason in found[8:]] == [
        ("b.json", 1, "is no readable JSON"),
        ("c.json", 3 + json.dumps(delivery(4), indent=1).count("\n") - 1, "is no readable JSON"),
    ]


def test_only_new_files_are_read(folder, warehouse):
    """A file is known by its whole address: the same name in another folder is another file."""
    for place in ("may", "june"):
        (folder / place).mkdir()
    (folder / "may" / "1.jsonl").write_text(lines(delivery(1)), encoding="utf-8")
    load(folder, warehouse)
    (folder / "june" / "1.jsonl").write_text(lines(delivery(1), delivery(2)), encoding="utf-8")
    load(folder, warehouse)
    assert counts(warehouse) == {"1.jsonl": (2, 1, 0, 1, 0, 0)}
    load(folder, warehouse)
    assert counts(warehouse) == {None: (0, 0, 0, 0, 0, 0)}
    assert in_order(landed(warehouse)) == in_order([delivery(1), delivery(2)])


def test_a_file_that_grew_is_read_on(folder, warehouse):
    """Only what is new is read, and what was rejected before stays."""
    path = folder / "a.jsonl"
    path.write_text("broken\n" + lines(delivery(1)), encoding="utf-8")
    load(folder, warehouse)
    with path.open("a", encoding="utf-8") as stream:
        stream.write("broken, too\n" + lines(delivery(2), delivery(1)))
    load(folder, warehouse)
    assert counts(warehouse) == {"a.jsonl": (3, 1, 0, 1, 0, 1)}
    assert rejected(warehouse) == [
        ("a.jsonl", 1, "document is no readable JSON"),
        ("a.jsonl", 3, "document is no readable JSON"),
    ]
    assert query(warehouse, "select max(_source_line) from raw_calendly_webhooks.deliveries") == [(4,)]


def test_a_file_that_was_replaced_is_read_anew(folder, warehouse):
    """A longer file of the same name, whose beginning is not what was read; rejected records are replaced."""
    path = folder / "a.jsonl"
    path.write_text("broken\n" + lines(delivery(1)), encoding="utf-8")
    load(folder, warehouse)
    path.write_text(lines(delivery(1), delivery(2), delivery(3)), encoding="utf-8")
    load(folder, warehouse)
    assert counts(warehouse) == {"a.jsonl": (3, 2, 0, 1, 0, 0)}
    assert rejected(warehouse) == []


def test_a_torn_last_line_waits_for_its_end(folder, warehouse, capsys):
    """A line without an end counts if it is a whole document; else it is neither lost nor rejected."""
    path = folder / "a.jsonl"
    text = lines(delivery(1), delivery(2))
    path.write_text(text[:-40], encoding="utf-8")
    load(folder, warehouse)
    assert landed(warehouse) == [delivery(1)]
    assert rejected(warehouse) == []
    assert "the last line of a.jsonl is not whole yet" in capsys.readouterr().err
    path.write_text(text[:-1], encoding="utf-8")
    load(folder, warehouse)
    assert counts(warehouse) == {"a.jsonl": (1, 1, 0, 0, 0, 0)}
    path.write_text(text + lines(delivery(3)), encoding="utf-8")
    load(folder, warehouse)
    assert counts(warehouse) == {"a.jsonl": (1, 1, 0, 0, 0, 0)}
    assert in_order(landed(warehouse)) == in_order([delivery(1), delivery(2), delivery(3)])
    assert "not whole" not in capsys.readouterr().err


def test_a_document_that_was_half_copied_is_read_again(folder, warehouse):
    """Until it is whole it is a rejected record, which then goes."""
    path = folder / "a.json"
    text = json.dumps(delivery(1), indent=2)
    path.write_text(text[:100], encoding="utf-8")
    load(folder, warehouse)
    assert [line for _, line, _ in rejected(warehouse)] == [1]
    path.write_text(text, encoding="utf-8")
    load(folder, warehouse)
    assert landed(warehouse) == [delivery(1)]
    assert rejected(warehouse) == []


def test_a_table_that_was_dropped_is_filled_again(folder, warehouse):
    """A note that a file was read is worth nothing without its rows."""
    (folder / "a.jsonl").write_text(lines(delivery(1)), encoding="utf-8")
    load(folder, warehouse)
    with duckdb.connect(warehouse) as connection:
        connection.execute("drop table raw_calendly_webhooks.deliveries")
    load(folder, warehouse)
    assert landed(warehouse) == [delivery(1)]


def test_loading_twice_changes_nothing(folder, warehouse):
    """A repeated load, and one that reads everything again, leave every column of every row."""
    (folder / "a.jsonl").write_text(lines(delivery(1), delivery(2), delivery(1)) + "x\n", encoding="utf-8")
    (folder / "b.json").write_text(json.dumps(delivery(2), indent=3), encoding="utf-8")
    load(folder, warehouse)
    before = query(warehouse, "from raw_calendly_webhooks.deliveries order by all")
    load(folder, warehouse)
    load(folder, warehouse, reread=True)
    assert query(warehouse, "from raw_calendly_webhooks.deliveries order by all") == before
    assert len(rejected(warehouse)) == 1


def test_content_that_returns_under_a_stopped_clock_is_told_apart(folder, warehouse, monkeypatch):
    """Models recognise new content by the pair of its key and _loaded_at."""
    monkeypatch.setenv("THROUGHLINE_NOW", "2026-05-01")
    seen = set()
    for number in (1, 2, 3):
        (folder / f"{number}.jsonl").write_text(lines(delivery(number)), encoding="utf-8")
        load(folder, warehouse)
        seen |= set(query(warehouse, "select max(_loaded_at) from raw_calendly_webhooks.deliveries"))
        with duckdb.connect(warehouse) as connection:
            # As if all of the load's rows had been replaced since.
            connection.execute("update raw_calendly_webhooks.deliveries set _loaded_at = '2026-01-01'")
    assert len(seen) == 3


def test_a_folder_without_deliveries_is_none_that_fails(folder, warehouse, capsys):
    """A receiver that was just set up has received nothing; that somebody looked is noted, and what comes is loaded."""
    load(folder, warehouse)
    assert f"{folder} holds no *.json, *.jsonl, *.ndjson yet." in capsys.readouterr().err
    assert query(warehouse, "select source, records_read from raw_meta.loads") == [("calendly_webhooks", 0)]
    (folder / "a.jsonl").write_text(lines(delivery(1)))
    load(folder, warehouse)
    assert landed(warehouse) == [delivery(1)]
    with pytest.raises(ThroughlineError, match="does not exist"):
        calendly_webhooks.load(str(folder / "typo"), warehouse)


def test_received_and_bare_deliveries_lie_side_by_side(folder, warehouse):
    """In one file and in files of their own; a received one says when, to the microsecond, and is the same delivery."""
    (folder / "2026-05-01").mkdir()
    (folder / "2026-05-01" / "deliveries-1.jsonl").write_text(
        received(delivery(1)) + lines(delivery(2)) + received(delivery(3), 1.5), encoding="utf-8"
    )
    (folder / "bare.jsonl").write_text(lines(delivery(3), delivery(4)), encoding="utf-8")
    (folder / "pretty.json").write_text(
        json.dumps([json.loads(received(delivery(5), 2)), delivery(6)], indent=2), encoding="utf-8"
    )
    load(folder, warehouse)
    assert in_order(landed(warehouse)) == in_order([delivery(number) for number in range(1, 7)])
    assert receipts(warehouse) == {1: 0, 2: None, 3: 1.5, 4: None, 5: 2, 6: None}
    assert rejected(warehouse) == []


def test_bodies_that_came_compressed_are_unpacked(folder, warehouse):
    """Whatever a sender means by deflate; a text was unpacked already, whatever its header says."""
    bodies = [json.dumps(delivery(number)).encode() for number in range(6)]
    raw = zlib.compressobj(wbits=-15)
    (folder / "a.jsonl").write_text(
        received(gzip.compress(bodies[0]), content_encoding="gzip")
        + received(zlib.compress(bodies[1]), content_encoding="deflate")
        + received(raw.compress(bodies[2]) + raw.flush(), content_encoding="Deflate")
        + received(gzip.compress(zlib.compress(bodies[3])), content_encoding="deflate, gzip")
        + received(bodies[4], content_encoding="gzip")
        + received(bodies[5], content_encoding="identity"),
        encoding="utf-8",
    )
    load(folder, warehouse)
    assert in_order(landed(warehouse)) == in_order([delivery(number) for number in range(6)])


def test_received_bodies_that_are_no_delivery_show_what_came(folder, warehouse):
    """The body as far as it can be read, else the line with its headers, from which a person may make it out."""
    packed = gzip.compress(json.dumps(delivery(1)).encode())
    bomb = gzip.compress(b" " * (16 << 20) + b"{}")
    alike = json.loads(received(delivery(1)))
    cases = [
        (received(b"<html>"), "document is no readable JSON", "<html>"),
        (received(b"[]"), "is no delivery: it has no event and payload", "[]"),
        (received(b'{"event": "x\0"}'), "document is no readable JSON", '{"event": "x\0"}'),
        (received(b"caf\xe9"), "is not valid UTF-8", "caf\\xe9"),
        (received(b" "), "has an empty body", None),
        (received(packed[:-9], content_encoding="gzip"), "has a body that is no readable gzip, or of more", None),
        (received(packed + b"x", content_encoding="gzip"), "has a body that is no readable gzip, or of more", None),
        (received(bomb, content_encoding="gzip"), "has a body that is no readable gzip, or of more", None),
        (received(packed, content_encoding="br"), "is not valid UTF-8", packed.decode(errors="backslashreplace")),
        (json.dumps(alike | {"body": "\ud800"}), "is not valid UTF-8", None),
        (
            json.dumps({"received_at": "", "headers": {}, "body_base64": "é"}),
            "has a body that is no readable bas",
            None,
        ),
        # What a power cut leaves of a line.
        (received(delivery(1))[:-9], "document is no readable JSON", None),
        ("\0" * 4096, "document is no readable JSON", None),
        ('{"received_at": ' + "[" * 100_000, "document is no readable JSON", None),
        # What is none of the receiver's lines.
        *(
            (json.dumps(document), "is no delivery: it has no event and payload", None)
            for document in (
                alike | {"received_at": 7},
                alike | {"headers": None},
                alike | {"body": delivery(1)},
                alike | {"body_base64": ""},
                {"received_at": "", "headers": {}},
                ["received_at"],
            )
        ),
    ]
    (folder / "a.jsonl").write_text("".join(line.rstrip("\n") + "\n" for line, *_ in cases), encoding="utf-8")
    with (folder / "a.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(received(delivery(2)))
    load(folder, warehouse)
    found = query(
        warehouse,
        "select reason, record_text from raw_calendly_webhooks.rejected_records order by source_line",
    )
    assert [reason[: len(expected)] for (reason, _), (_, expected, _) in zip(found, cases, strict=True)] == [
        expected for _, expected, _ in cases
    ]
    assert [text for _, text in found] == [
        text or line.strip(" \n[]") if line.startswith("[") else text or line.rstrip("\n") for line, _, text in cases
    ]
    assert landed(warehouse) == [delivery(2)]


def test_an_instant_that_cannot_be_costs_no_delivery(folder, warehouse):
    """A clock that is wrong by decades says nothing."""
    instants = ["", "soon", "1970-01-01T00:00:07Z", "2100-01-01T00:00:00Z", "2026-02-30", "\ud800"]
    kept = [json.loads(received(delivery(number))) | {"received_at": at} for number, at in enumerate(instants)]
    (folder / "a.jsonl").write_text(lines(*kept), encoding="utf-8")
    load(folder, warehouse)
    assert receipts(warehouse) == dict.fromkeys(range(len(instants)))
    assert rejected(warehouse) == []


def test_the_first_receipt_counts_in_whatever_order_they_are_loaded(folder, warehouse):
    """And one that becomes known later is a change, as models must notice; a later one is but a repeat."""
    contents = [
        lines(delivery(1)),
        received(delivery(1), 9),
        received(delivery(1), 10),
        lines(delivery(1)),
        received(delivery(1), 3) + received(delivery(1), 2) + received(delivery(1), 5),
        received(delivery(1), 2),
    ]
    noted = []
    for number, content in enumerate(contents):
        path = folder / f"{number}.jsonl"
        path.write_text(content, encoding="utf-8")
        # The newest file is the oldest by name and time.
        os.utime(path, (1_000_000 - number, 1_000_000 - number))
        load(folder, warehouse)
        noted += counts(warehouse).values()
        (row,) = query(
            warehouse,
            "select received_at, _loaded_at, _source_line, _source_file from raw_calendly_webhooks.deliveries",
        )
        (newest,) = query(warehouse, "select max(started_at) from raw_meta.loads")[0]
        assert (row[1] == newest) == (number in (0, 1, 4))
    assert receipts(warehouse) == {1: 2}
    assert (row[2], Path(row[3]).name) == (2, "4.jsonl")
    #                read, new, changed, unchanged, repeated, rejected
    assert noted == [
        (1, 1, 0, 0, 0, 0),
        (1, 0, 1, 0, 0, 0),
        (1, 0, 0, 0, 1, 0),
        (1, 0, 0, 0, 1, 0),
        (3, 0, 1, 0, 2, 0),
        (1, 0, 0, 1, 0, 0),
    ]
    before = query(warehouse, "from raw_calendly_webhooks.deliveries")
    load(folder, warehouse, reread=True)
    assert query(warehouse, "from raw_calendly_webhooks.deliveries") == before


def test_a_warehouse_without_receipts_learns_of_them(folder, warehouse):
    """Its table, from before there was a receiver, gets the column when a first one comes."""
    (folder / "a.jsonl").write_text(lines(delivery(1), delivery(2)), encoding="utf-8")
    load(folder, warehouse)
    with duckdb.connect(warehouse) as connection:
        connection.execute("alter table raw_calendly_webhooks.deliveries drop column received_at")
    (folder / "b.jsonl").write_text(received(delivery(2), 1) + received(delivery(3), 2), encoding="utf-8")
    load(folder, warehouse)
    assert receipts(warehouse) == {1: None, 2: 1, 3: 2}


@pytest.mark.parametrize("is_whole", [False, True])
@pytest.mark.parametrize("is_loaded_between", [False, True])
@pytest.mark.parametrize("is_first", [False, True])
def test_a_line_torn_by_a_killed_receiver_counts_once(folder, warehouse, is_whole, is_loaded_between, is_first):
    """Ended by the next receiver it is a rejected record or, if but its end was missing, a delivery."""
    path = folder / "deliveries-1.jsonl"
    torn = received(delivery(2), 2)[: -1 if is_whole else -30]
    path.write_text((is_first is False) * received(delivery(1), 1) + torn, encoding="utf-8")
    if is_loaded_between:
        load(folder, warehouse)
        assert rejected(warehouse) == []
    with path.open("a", encoding="utf-8") as stream:
        stream.write("\n")
    load(folder, warehouse)
    (folder / "deliveries-2.jsonl").write_text(received(delivery(2), 2) + received(delivery(3), 3), encoding="utf-8")
    load(folder, warehouse)
    assert receipts(warehouse) == {number: number for number in (1, 2, 3) if number > is_first}
    found = [(name, line, "no readable JSON" in reason) for name, line, reason in rejected(warehouse)]
    assert found == [("deliveries-1.jsonl", 1 if is_first else 2, True)] * (not is_whole)
    (total,) = query(
        warehouse, "select sum(records_new), sum(records_repeated + records_unchanged) from raw_meta.loads"
    )
    assert total == (2 if is_first else 3, int(is_whole))


def test_a_line_that_waits_is_told_of_once(folder, warehouse, capsys):
    """As long as its file does not change there is no news."""
    path = folder / "deliveries-1.jsonl"
    path.write_text(received(delivery(1))[:50], encoding="utf-8")
    told = []
    for more in ("", "", '"', ""):
        with path.open("a", encoding="utf-8") as stream:
            stream.write(more)
        load(folder, warehouse)
        told.append("is not whole yet" in capsys.readouterr().err)
    assert told == [True, False, True, False]
    assert rejected(warehouse) == []


RECEIPTS = st.lists(
    st.tuples(
        st.integers(0, 2),  # which delivery
        st.none() | st.integers(1, 4),  # when it came, if anybody says
        st.integers(0, 2),  # in which file it stands
        st.integers(0, 2),  # and which load is the first to see it
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=4, deadline=None)
@given(receipts_of=RECEIPTS, random=st.randoms(use_true_random=False))
def test_rows_do_not_depend_on_files_and_loads(receipts_of, random):
    """However receipts are split into files that grow, load after load, or shuffled into one."""

    def write(path, some):
        with path.open("a", encoding="utf-8") as stream:
            for number, at, *_ in some:
                stream.write(lines(delivery(number)) if at is None else received(delivery(number), at))

    shuffled = random.sample(receipts_of, len(receipts_of))
    expected = {
        number: min((at for other, at, *_ in receipts_of if other == number and at is not None), default=None)
        for number, *_ in receipts_of
    }
    with TemporaryDirectory() as place:
        steps, once = Path(place) / "steps", Path(place) / "once"
        for folder in (steps, once):
            folder.mkdir()
        (steps / "empty.jsonl").touch()
        for step in range(3):
            for number in range(3):
                some = [one for one in receipts_of if one[2:] == (number, step)]
                if some:
                    write(steps / f"{number}.jsonl", some)
                    os.utime(steps / f"{number}.jsonl", (random.randrange(1_000_000),) * 2)
            with landing_at_once():
                load(steps, Path(place) / "steps.duckdb")
        assert receipts(Path(place) / "steps.duckdb") == expected
        before = query(Path(place) / "steps.duckdb", "from raw_calendly_webhooks.deliveries order by 1")
        load(steps, Path(place) / "steps.duckdb", reread=True)
        assert query(Path(place) / "steps.duckdb", "from raw_calendly_webhooks.deliveries order by 1") == before
        write(once / "all.jsonl", shuffled)
        load(once, Path(place) / "once.duckdb")
        assert receipts(Path(place) / "once.duckdb") == expected


LINES = st.lists(
    st.one_of(
        st.integers(0, 3).map(lambda number: json.dumps(delivery(number))),
        st.integers(0, 3).map(lambda number: received(delivery(number), number).rstrip("\n")),
        st.sampled_from(["", "  ", "{", "{}", '["a", {}]', '{"event":"x","payload":{}}', "é", "\ufeff{}"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=7, deadline=None)
@given(texts=LINES, ends=st.booleans(), cuts=st.lists(st.floats(0, 1), max_size=3))
# Cut where but the end of a line is missing, the line number of what is rejected then is the same.
@example(texts=['{"event":"x","payload":{}}', "{", ""], ends=False, cuts=[29.5 / 32])
def test_a_growing_file_ends_as_one_read_at_once(texts, ends, cuts):
    """Wherever a load comes upon the file while it is written, in the middle of a character even."""
    content = ("\n".join(["{x", *texts]) + "\n" * ends).encode()
    outcomes = []
    for sizes, landing in (([1.0], nullcontext()), ([*sorted(cuts), 1.0], landing_at_once())):
        with TemporaryDirectory() as place, landing:
            warehouse = Path(place) / "w.duckdb"
            folder = Path(place) / "dumps"
            folder.mkdir()
            for number, size in enumerate(sizes):
                (folder / "a.jsonl").write_bytes(content[: int(size * len(content))])
                os.utime(folder / "a.jsonl", (number, number))
                load(folder, warehouse)
            outcomes.append((landed(warehouse), rejected(warehouse)) if table_is_there(warehouse) else ([], []))
    assert outcomes[1] == outcomes[0]


def table_is_there(warehouse):
    """Whether anything has landed."""
    return query(warehouse, "select count(*) from duckdb_tables() where table_name = 'deliveries'") == [(1,)]
