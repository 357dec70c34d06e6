"""Small random CRMs, drawn so that they often stand on the edge of a rule, and the export files that hold them.

All worlds share the same files; what keeps them apart is the world's number in front of every id and name.
"""

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from attribution_by_hand import WINDOW, Contact, Crm, Opportunity, Touch
from hypothesis import strategies as st

HEADERS = {
    "marketing": ("marketing_touchpoint_id", "channel_name", "contact_id", "marketing_touchpoint_date"),
    "sales_outreach": ("sales_touchpoint_id", "channel_name", "contact_id", "sales_touchpoint_date"),
    "contact": ("contact_id", "account_id"),
    "opportunity": (
        "opportunity_id",
        "account_id",
        "pipeline_amount",
        "Opportunity_Created_Date",
        "sales_segment",
    ),
}


@dataclass(frozen=True)
class Unloadable:
    """A record that cannot be loaded: its entity, and the cells as they stand in a CSV file."""

    entity: str
    cells: tuple[str, ...]


Record = Contact | Touch | Opportunity | Unloadable


@dataclass(frozen=True)
class Line:
    """A record in one of the export files, in one of several ways to write the same."""

    export: str
    record: Record
    spelling: int


@dataclass(frozen=True)
class World:
    """The lines of one CRM: those of a first export, and those that a second one adds."""

    lines: tuple[Line, ...]
    later_lines: tuple[Line, ...]
    aliases: dict[str, str]

    def numbered(self, number: int) -> "World":
        """The same world with its number in front of every id and name."""
        prefix = f"w{number:03}-"

        def prefixed(line: Line) -> Line:
            record = line.record
            if isinstance(record, Unloadable):
                cells = (prefix + record.cells[0] if record.cells[0] else "", *record.cells[1:])
                return replace(line, record=replace(record, cells=cells))
            names = {
                field.name: prefix + value
                for field in fields(record)
                if field.name != "touchpoint_type" and isinstance(value := getattr(record, field.name), str)
            }
            return replace(line, record=replace(record, **names))

        return World(
            tuple(map(prefixed, self.lines)),
            tuple(map(prefixed, self.later_lines)),
            {prefix + old: prefix + new for old, new in self.aliases.items()},
        )


# --- Drawing a world ----------------------------------------------------------------------------------------

SECOND = timedelta(seconds=1)
INSTANT = timedelta(microseconds=1)
DAY = timedelta(days=1)

# Ends of months and years, a leap day, and hours that a clock in Europe shows twice or never.
_BASES = [
    datetime(2025, 1, 31, 23, 59, 59, 999999),
    datetime(2024, 12, 31, 23, 30),
    datetime(2024, 2, 29, 12),
    datetime(2025, 3, 30, 1, 30),
    datetime(2025, 10, 26, 0, 30, 0, 1),
    datetime(2025, 6, 1),
]
# From one opportunity of a world to another: their windows overlap, touch or lie apart.
_BETWEEN_OPPORTUNITIES = [timedelta(0), INSTANT, SECOND, 30 * DAY, WINDOW, WINDOW + SECOND, 2 * WINDOW]
_AROUND_CREATION = [
    -WINDOW,
    -WINDOW - INSTANT,
    -WINDOW - SECOND,
    -WINDOW + INSTANT,
    timedelta(0),
    -INSTANT,
    INSTANT,
    SECOND,
    -DAY,
    -45 * DAY,
    -WINDOW - DAY,
    DAY,
]
_AMOUNTS = [
    *(None, "0", "1", "100", "-100", "-0.07", "-1234.56789", "15764.33121"),
    *("0.000000001", "-0.000000001", "0.000000003", "0.000000005"),
    *("999999999999.999999999", "-123456789012.345678901"),
]
# A3 has no contact until one moves there.
_CONTACT_ACCOUNTS = ["A1", "A1", "A1", "A1", "A2", None]
_OPPORTUNITY_ACCOUNTS = ["A1", "A1", "A1", "A1", "A2", "A3", None]
_CONTACTS = ["c1", "c2", "c3", "c4"]
# How many marketing and sales touches a world has; seven of them divide hardly any amount.
_TOUCH_COUNTS = [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1), (3, 4), (4, 3), (7, 0), (5, 2), (6, 6)]
_CHANNELS = [
    "unattributed",
    "Adwords",
    "Event",
    "facebook_paid_ads",
    "adwords",
    'Fête "à deux", Lyon',
    "Old name",
    "Other name",
    None,
]
_SEGMENTS = ["Enterprise", "Commercial", "Mid Market", None]
_TOUCH_IDS = ["t1", "t2", "t10", "T1", "é1", "t3", "t4", "t5", "t6"]
# The company joins three of a CRM's names, one of them with a channel that no touch has under that name.
_ALIASES = {"Old name": "Adwords", "Other name": "Event", "adwords": "Search"}

_FIRST_EXPORTS = ["plain", "typed", "ragged", "textual"]
_LATER_EXPORTS = ["plain", "late"]
_CSV_EXPORTS = ["plain", "ragged", "late"]

_UNLOADABLE = [
    Unloadable("contact", ("", "A1")),
    Unloadable("contact", ("c1",)),
    Unloadable("marketing", ("t1", "Event", "c1", "2025-02-30T00:00:00Z")),
    Unloadable("sales_outreach", ("t1", "Event", "c1", "")),
    Unloadable("sales_outreach", ("", "Event", "c1", "2025-01-01T00:00:00Z")),
    Unloadable("opportunity", ("o1", "A1", "twelve", "2025-01-01T00:00:00Z", "Enterprise")),
    Unloadable("opportunity", ("o1", "A1", "12", "yesterday", "Enterprise")),
    Unloadable("opportunity", ("o1", "A1", "12", "2025-01-01T00:00:00Z", "Enterprise", "too much")),
]

_amounts = st.one_of(
    st.sampled_from([amount and Decimal(amount) for amount in _AMOUNTS]),
    st.decimals(-(10**7), 10**9, places=9),
    st.decimals(1, 10**5, places=2),
)


def _is_same_key(record: Record, touch: Touch) -> bool:
    names = ("touchpoint_type", "touchpoint_id")
    return isinstance(record, Touch) and all(getattr(record, name) == getattr(touch, name) for name in names)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A few contacts, opportunities and touches, some of them written more than once, and what changes later."""

    def one(elements: list) -> object:
        return draw(st.sampled_from(elements))

    def some(elements: list, least: int, most: int) -> list:
        return draw(st.lists(st.sampled_from(elements), min_size=least, max_size=most))

    # In a third of the worlds all happens in one account, so that its opportunities have many touches.
    is_crowded = one([True, False, False])
    base = one(_BASES)
    creations = [base + later for later in some(_BETWEEN_OPPORTUNITIES, 1, 4)]
    # With few times, ids and names to choose from they meet often.
    offsets = [-WINDOW, -WINDOW / 3, timedelta(0)] if is_crowded else _AROUND_CREATION
    times = [one(creations) + offset for offset in some(offsets, 3, 9)]
    channels = some(_CHANNELS, 1, 4) + one([[], ["Adwords", "Old name"]])
    touch_ids = draw(st.permutations(_TOUCH_IDS))
    people = draw(st.lists(st.sampled_from(_CONTACTS), min_size=is_crowded, unique=True))
    touched = people if is_crowded else [*people, *people, *people, "unknown", None]

    def contact(key: str) -> Contact:
        return Contact(key, "A1" if is_crowded else one(_CONTACT_ACCOUNTS))

    def opportunity(key: str, created_at: datetime) -> Opportunity:
        account_id = "A1" if is_crowded else one(_OPPORTUNITY_ACCOUNTS)
        return Opportunity(key, account_id, draw(_amounts), created_at, one(_SEGMENTS))

    def touch(touchpoint_type: str, key: str) -> Touch:
        return Touch(touchpoint_type, key, one(channels), one(touched), one(times))

    def again(record: Record) -> Record:
        """The record as it is, or another content of its key."""
        match record if one([True, False]) else None:
            case Contact():
                return contact(record.contact_id)
            case Touch():
                return touch(record.touchpoint_type, record.touchpoint_id)
            case Opportunity():
                return opportunity(record.opportunity_id, one(creations))
        return record

    def line(record: Record, exports: list[str]) -> Line:
        # What a Parquet column with a type cannot hold stands in a CSV file.
        fitting = [name for name in exports if name in _CSV_EXPORTS] if isinstance(record, Unloadable) else exports
        return Line(one(fitting), record, draw(st.integers(0, 3)))

    records: list[Record] = [contact(key) for key in people]
    records += [opportunity(f"o{number}", created_at) for number, created_at in enumerate(creations, 1)]
    for touchpoint_type, count in zip(("marketing", "sales"), one(_TOUCH_COUNTS), strict=True):
        records += [touch(touchpoint_type, key) for key in touch_ids[:count]]
    # What two teams log of one call: the same instant, and by chance the same id.
    marketing = [record for record in records if isinstance(record, Touch) and record.touchpoint_type == "marketing"]
    twins = [
        replace(record, touchpoint_type="sales", channel_name=one(channels)) for record in marketing[: one([0, 1])]
    ]
    records = [record for record in records if not any(_is_same_key(record, twin) for twin in twins)] + twins
    repeated = [again(record) for record in some(records, 0, 3)]
    first = draw(st.permutations(records + repeated + some(_UNLOADABLE, 0, 2)))

    new: list[Record] = one(
        [
            [],
            [opportunity("o9", creations[0] + DAY)],
            [touch("marketing", "t0"), touch("sales", "t99")],
            [Contact("c1", "A3")],
            [Contact("c1", "A2"), touch("sales", "t0")],
        ]
    )
    later = [again(record) for record in some(records, 0, 3)] + new + some(_UNLOADABLE, 0, 1)
    return World(
        tuple(line(record, _FIRST_EXPORTS) for record in first),
        tuple(line(record, _LATER_EXPORTS) for record in later),
        one([{}, _ALIASES, _ALIASES]),
    )


# --- What the CRM holds -------------------------------------------------------------------------------------

# When each export file was written; names and times are in different orders on purpose. The second export writes
# `plain` anew, and brings a file that is older than some of those that were loaded before it.
WRITTEN = {"plain": 3, "typed": 1, "ragged": 4, "textual": 2}
WRITTEN_LATER = WRITTEN | {"plain": 9, "late": 2.5}


def crm_of(world: World, *, is_later: bool) -> Crm:
    """The CRM as its files have it: of several lines with one key the later file's counts, then the later line."""
    written = WRITTEN_LATER if is_later else WRITTEN
    current: dict[tuple, Record] = {}
    # Sorting keeps the order of the lines in each file.
    for line in sorted(all_lines(world, is_later=is_later), key=lambda line: written[line.export]):
        match line.record:
            case Contact(contact_id=key) | Opportunity(opportunity_id=key):
                current[type(line.record), key] = line.record
            case Touch(touchpoint_type=touchpoint_type, touchpoint_id=key):
                current[touchpoint_type, key] = line.record

    def only(kind: type) -> tuple:
        return tuple(record for record in current.values() if isinstance(record, kind))

    return Crm(
        only(Contact),
        only(Touch),
        only(Opportunity),
        world.aliases,
        sum(isinstance(line.record, Unloadable) for line in all_lines(world, is_later=is_later)),
    )


def all_lines(world: World, *, is_later: bool) -> tuple[Line, ...]:
    """The lines of a world's files, as they stand after the first or the second export."""
    return world.lines + world.later_lines if is_later else world.lines


def entity(record: Record) -> str:
    """Which kind of file a record stands in (a key of HEADERS)."""
    match record:
        case Contact():
            return "contact"
        case Opportunity():
            return "opportunity"
        case Touch():
            return {"marketing": "marketing", "sales": "sales_outreach"}[record.touchpoint_type]
    return record.entity


# --- Writing the files --------------------------------------------------------------------------------------


def _values(record: Record) -> tuple:
    match record:
        case Contact():
            return record.contact_id, record.account_id
        case Touch():
            return record.touchpoint_id, record.channel_name, record.contact_id, record.at
        case Opportunity():
            return record.opportunity_id, record.account_id, record.amount, record.created_at, record.segment
    return record.cells


def _spelled(value: object, spelling: int) -> str:
    """A value as text; each spelling means the same."""
    match value:
        case None:
            return "  " if spelling == 3 else ""
        case datetime():
            aware = value.replace(tzinfo=UTC)
            return (
                f"{value.isoformat()}Z",
                value.isoformat(" "),
                aware.astimezone(timezone(timedelta(hours=2))).isoformat(),
                f"{aware.astimezone(timezone(timedelta(hours=-5, minutes=-30))):%Y-%m-%d %H:%M:%S.%f%z}",
            )[spelling]
        case Decimal():
            return (f"{value:f}", f"{value:E}", f"{value:+.9f}", f" {value:f} ")[spelling]
    return f"\t{value} " if spelling == 3 else str(value)


def _write_csv(path: Path, header: tuple[str, ...], lines: list[Line]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        writer.writerows([_spelled(value, line.spelling) for value in _values(line.record)] for line in lines)


def _write_ragged_csv(path: Path, header: tuple[str, ...], lines: list[Line]) -> None:
    """Writes what a spreadsheet makes of an export: a byte order mark, columns moved and added, blank lines."""
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow([name.upper().replace("_", " ") for name in reversed(header)] + ["Owner", "Notes"])
        for line in lines:
            cells = [_spelled(value, line.spelling) for value in _values(line.record)]
            writer.writerow([*reversed(cells), "Ada Example", "two\nlines, and a comma"])
            if line.spelling == 1:
                handle.write("\n")


def _write_typed_parquet(path: Path, header: tuple[str, ...], lines: list[Line]) -> None:
    """Writes what a database makes of an export: instants with a zone, and amounts that are no text."""
    types = {
        "pipeline_amount": pa.decimal128(38, 9),
        "marketing_touchpoint_date": pa.timestamp("us", "Europe/Berlin"),
        "sales_touchpoint_date": pa.timestamp("us"),
        "Opportunity_Created_Date": pa.timestamp("ns", "UTC"),
    }
    columns = zip(*(_values(line.record) for line in lines), strict=True)
    arrays = [
        pa.array(
            [
                value.replace(tzinfo=UTC) if isinstance(value, datetime) and "sales" not in name else value
                for value in column
            ],
            types.get(name, pa.string()),
        )
        for name, column in zip(header, columns, strict=True)
    ]
    pq.write_table(pa.table(arrays, names=list(header)), path)


def _write_textual_parquet(path: Path, header: tuple[str, ...], lines: list[Line]) -> None:
    columns = zip(*([_spelled(value, line.spelling) for value in _values(line.record)] for line in lines), strict=True)
    pq.write_table(pa.table([pa.array(column, pa.string()) for column in columns], names=list(header)), path)


_WRITERS = {
    "plain": (_write_csv, "csv"),
    "typed": (_write_typed_parquet, "parquet"),
    "ragged": (_write_ragged_csv, "CSV"),
    "textual": (_write_textual_parquet, "parquet"),
    "late": (_write_csv, "csv"),
}


def write_export(folder: Path, worlds: Iterable[World], *, is_later: bool) -> None:
    """Writes the files of all worlds; the second export leaves files alone in which nothing changed."""
    lines = [line for world in worlds for line in all_lines(world, is_later=is_later)]
    for export, day in (WRITTEN_LATER if is_later else WRITTEN).items():
        if is_later and WRITTEN.get(export) == day:
            continue
        write, extension = _WRITERS[export]
        for name, header in HEADERS.items():
            chosen = [line for line in lines if line.export == export and entity(line.record) == name]
            path = folder / f"{export}_{name}_data.{extension}"
            write(path, header, chosen)
            written_at = (datetime(2026, 1, 1, tzinfo=UTC) + day * DAY).timestamp()
            os.utime(path, (written_at, written_at))


def write_aliases(path: Path, worlds: Iterable[World]) -> None:
    """Writes the company seed, with names of another source that must not be taken for the CRM's."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["source", "source_channel", "channel"])
        for number, world in enumerate(worlds):
            writer.writerows(["crm", *names] for names in world.aliases.items())
            writer.writerow(["calendly", f"w{number:03}-Event", f"w{number:03}-Webinar"])
            writer.writerow(["calendly", f"w{number:03}-Old name", f"w{number:03}-Webinar"])
