"""Delivered webhooks: files in any layout, files that grow, lines that are torn, and what is no delivery."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import query

from ingestion import calendly_webhooks
from ingestion.declarations import OUTCOMES
from ingestion.errors import ThroughlineError


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


def test_an_empty_folder_is_named(folder, warehouse):
    """Nothing there is more likely a mistyped folder than a quiet day."""
    with pytest.raises(ThroughlineError, match="holds no"):
        load(folder, warehouse)


LINES = st.lists(
    st.one_of(
        st.integers(0, 3).map(lambda number: json.dumps(delivery(number))),
        st.sampled_from(["", "  ", "{", "{}", '["a", {}]', '{"event":"x","payload":{}}', "é", "\ufeff{}"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=12, deadline=None)
@given(texts=LINES, ends=st.booleans(), cuts=st.lists(st.floats(0, 1), max_size=3))
def test_a_growing_file_ends_as_one_read_at_once(texts, ends, cuts):
    """Wherever a load comes upon the file while it is written, in the middle of a character even."""
    content = ("\n".join(["{}x", *texts]) + "\n" * ends).encode()
    outcomes = []
    for sizes in ([1.0], [*sorted(cuts), 1.0]):
        with TemporaryDirectory() as place:
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
