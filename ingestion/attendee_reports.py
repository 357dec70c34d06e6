"""Parsing Zoom's Attendee Report: several tables below each other in one CSV file.

A report has a title, the time it was made, a summary of the webinar (a line of names, a line of values), and then
sections, each a line with its name alone, a header and rows. Columns are found by name, in each section anew: they
differ between sections, between years and by the questions that a host asks.

A line is a section's if its first cell has the section's name and no other cell has text. A row is never that, though
somebody be called Host Details: it has two cells with text at least, a name with a time or with whether they came.

Nothing is left out in silence: each record of a file is a line of the report's structure, its summary, a row, or
rejected. A file whose rows would mean something else than they say is rejected as a whole, since people whom a
half-read report lacks would pass for absent.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise, product
from zoneinfo import ZoneInfo

from ingestion.files import as_text, csv_rows, is_utf8, printable
from ingestion.local_times import instants

_TITLE = "attendee report"
_GENERATED = ("report generated", "report generated time")
_SECTIONS = {
    "host details": "host",
    "panelist details": "panelist",
    "attendee details": "attendee",
    "other attended": "other",
}
# What a summary must say, and what else it may.
_SUMMARY = {"topic": "topic", "webinar id": "webinar_id", "actual start time": "started_at"}
_FIGURES = {
    "actual duration (minutes)": "duration_minutes",
    "# registered": "registrant_count",
    "# registrants": "registrant_count",
    "# cancelled": "cancelled_count",
    "# canceled": "cancelled_count",
    "unique viewers": "unique_viewer_count",
    "total users": "user_count",
    "max concurrent views": "max_concurrent_view_count",
}
_COLUMNS = {
    "attended": "is_attended",
    "user name": "user_name",
    "user name (original name)": "user_name",
    "first name": "first_name",
    "last name": "last_name",
    "email": "email",
    "registration time": "registered_at",
    "approval status": "approval_status",
    "join time": "joined_at",
    "leave time": "left_at",
    "time in session (minutes)": "session_minutes",
    "is guest": "is_guest",
    "source name": "source_name",
    "country/region name": "country",
}
# Without these a section's rows say nothing of who came.
_NEEDED = {
    "host": ("attended", "email"),
    "panelist": ("attended", "email"),
    "attendee": ("attended", "email", "join time", "leave time"),
    "other": ("join time", "leave time"),
}
_TIMES = ("registered_at", "joined_at", "left_at")
_BLANK = ("", "--", "NA")

_OTHER_REPORT = re.compile(r"(?:webinar )?((?:registration|polls?|q ?& ?a|survey|performance) report)")
_REMEDY = "in Zoom, export Reports > Webinar > Attendee Report"
_NO_TIME = "is no time like 08/09/2026 12:10:00 PM"
_MINUTES = re.compile(r"\d{1,5}(?:\.\d+)?", re.ASCII)
# Enough to tell what a rejected file is; it may be an image.
_SHOWN_BYTES = 1_000

Session = tuple[datetime | None, datetime | None]


class NoAttendeeReportError(Exception):
    """A file is no attendee report, or none that can be trusted; the message is the reason to reject it.

    Attributes:
        text: How it begins.
    """

    text = ""


@dataclass
class AttendeeReport:
    """What a file says, each part with the line on which it begins.

    Attributes:
        summary: The cells of `attendee_reports`, times in UTC.
        summary_line: The line of its values.
        rows: The cells of `attendee_report_rows`, times in UTC.
        rejected: What could not be read: (line, text, reason).
        structure: The lines of the title, of the time the report was made, and of names of sections and columns.
    """

    summary: dict[str, str | None] = field(default_factory=dict)
    summary_line: int = 0
    rows: list[tuple[int, dict[str, str | None]]] = field(default_factory=list)
    rejected: list[tuple[int, str, str]] = field(default_factory=list)
    structure: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Record:
    """One record of the CSV file: its cells, or its text where quotation marks made no cells of it."""

    line: int
    cells: list[str]
    broken: str = ""

    @cached_property
    def names(self) -> list[str]:
        """The cells as names of columns, without the blank ones at the end."""
        names = [_name(cell) for cell in self.cells]
        while names and not names[-1]:
            names.pop()
        return names

    @property
    def title(self) -> str:
        """The first cell as a name, if it is the only one with text."""
        names = self.names
        return names[0] if len(names) == 1 else ""

    @property
    def is_sparse(self) -> bool:
        """Whether no more than one cell has text."""
        return sum(map(bool, self.names)) < 2

    @property
    def is_summary(self) -> bool:
        """Whether it is the line of a summary's names."""
        return _SUMMARY.keys() <= set(self.names)

    @property
    def is_header(self) -> bool:
        """Whether it is a section's header: an answer may be the name of one column, but not of two."""
        return len(_COLUMNS.keys() & set(self.names)) > 1

    @property
    def text(self) -> str:
        """What the record says, for those who look at what was rejected."""
        return printable(self.broken) if self.broken else as_text(self.cells)


@dataclass
class _Row:
    """A row before its times are settled: the instants at which it may have been."""

    line: int
    cells: dict[str, str | None]
    registrations: tuple[datetime, ...]
    sessions: list[Session]


def attendee_report(content: bytes, zone: ZoneInfo) -> AttendeeReport:
    """Parses a file.

    A local time that the night of autumn has twice is settled by what the report says besides. A session gets the pair
    of instants that fits its minutes, and of two such pairs the one that lies more within the webinar; the webinar, of
    which two starts are possible, gets the one that holds more of the sessions that are certain. A registration is not
    after its session. What all this leaves open is the later instant.

    Args:
        content: The file's bytes: UTF-8, or UTF-16 with its mark, as a spreadsheet may have saved it.
        zone: Of the account: a report has local times and does not say where.

    Raises:
        NoAttendeeReportError: It is something else, or could mislead.
    """
    try:
        return _Parser(*_records(_decoded(content)), zone).report()
    except NoAttendeeReportError as error:
        error.text = content[:_SHOWN_BYTES].decode("utf-8", "backslashreplace").replace("\0", "")
        raise


def _decoded(content: bytes) -> str:
    """A file as text; bytes that are no UTF-8 stay in it as surrogates, so that they cost one record."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return content.decode("utf-16").replace("\0", "")
        except UnicodeDecodeError:
            raise NoAttendeeReportError(f"is no readable UTF-16; {_REMEDY} anew") from None
    return content.decode("utf-8-sig", "surrogateescape").replace("\0", "")


def _records(text: str) -> tuple[list[_Record], NoAttendeeReportError | None]:
    """The records that have text, and what is wrong if they end before the file does."""
    records = []
    stream = io.BytesIO(text.encode("utf-8", "surrogateescape"))
    try:
        for line, cells, broken in csv_rows(stream, _delimiter(text)):
            if broken or any(map(str.strip, cells)):
                records.append(_Record(line, cells, broken))
    except csv.Error as error:
        return records, NoAttendeeReportError(f"is cut off or damaged: {error}; {_REMEDY} anew")
    return records, None


def _delimiter(text: str) -> str:
    """What parts the cells: a comma, or what a spreadsheet puts in its place in some countries."""
    summary = next((line for line in text.splitlines() if "webinar id" in line.lower()), "")
    return max(",;\t", key=summary.count)


def _name(cell: str) -> str:
    name = " ".join(cell.replace("\ufeff", "").lower().split())
    return name.rstrip(" :") or name


def _value(cell: str) -> str | None:
    text = cell.strip()
    return None if text in _BLANK else text


@dataclass(frozen=True)
class _Section:
    """The section that a row stands in.

    Attributes:
        name: As `attendee_report_rows.section` has it.
        title: As the report has it.
        positions: Where each column stands, once the header has come.
        width: The number of cells that the header has then.
    """

    name: str
    title: str
    positions: dict[str, int] = field(default_factory=dict)
    width: int = 0


class _Parser:
    """One report on the way from records to rows."""

    def __init__(self, records: list[_Record], fault: NoAttendeeReportError | None, zone: ZoneInfo) -> None:
        """Begins.

        Args:
            records: The file's records that have text.
            fault: Why these are not all of them, if they are not.
            zone: Of the local times.
        """
        self._records = records
        self._fault = fault
        self._zone = zone
        self._report = AttendeeReport()
        self._starts: tuple[datetime, ...] = ()
        self._rows: list[_Row] = []
        self._section: _Section | None = None
        self._unknown = ""

    def report(self) -> AttendeeReport:
        """The whole report.

        Raises:
            NoAttendeeReportError: It is none, or could mislead.
        """
        begin = self._summary_position()
        if self._fault:
            raise self._fault
        body = self._records[begin + 2 :]
        if any(record.is_summary for record in body):
            raise NoAttendeeReportError("holds more than one report; put each into a file of its own")
        for record in self._records[:begin]:
            self._read_preamble(record)
        self._read_summary(self._records[begin : begin + 2])
        for record, following in pairwise([*body, None]):
            self._read(record, following)
        self._settle()
        return self._report

    def _summary_position(self) -> int:
        """Where the names of the summary stand, in a file that is an attendee report."""
        position = next((number for number, record in enumerate(self._records) if record.is_summary), None)
        titles = {record.title for record in self._records[:position]}
        if other := next(filter(None, map(_OTHER_REPORT.fullmatch, titles)), None):
            raise NoAttendeeReportError(f"is Zoom's {other[1].title()}; {_REMEDY}")
        is_report = _TITLE in titles or any(_SECTIONS.get(record.title) == "attendee" for record in self._records)
        if position is not None and is_report:
            return position
        if not self._records:
            raise NoAttendeeReportError(f"is empty; {_REMEDY}")
        if any(
            {"registration time", "approval status"} <= set(record.names) and "join time" not in record.names
            for record in self._records
        ):
            raise NoAttendeeReportError(f"is Zoom's Registration Report; {_REMEDY}")
        raise NoAttendeeReportError(
            f"is no Attendee Report of Zoom's, with a line of Topic, Webinar ID and Actual Start Time; {_REMEDY}"
        )

    def _read_preamble(self, record: _Record) -> None:
        if record.title == _TITLE:
            self._report.structure.append(record.line)
        elif record.names and record.names[0] in _GENERATED:
            made = instants(",".join(record.cells[1:]).strip(" ,"), self._zone)
            if made:
                self._report.structure.append(record.line)
                self._report.summary["generated_at"] = made[-1].isoformat()
            else:
                self._reject(record, _NO_TIME)
        else:
            self._reject(record, "stands before the summary")

    def _read_summary(self, lines: Sequence[_Record]) -> None:
        names, values = lines[0], (lines[1:] or [_Record(0, [])])[0]
        found, width = len(values.names), len(names.names)
        if found > width:
            raise NoAttendeeReportError(f"has {found} cells in its summary where the names are {width}; {_REMEDY} anew")
        cells = _kept(values, _positions(names, _SUMMARY | _FIGURES))
        if not is_utf8([cell for cell in cells.values() if cell]):
            raise NoAttendeeReportError(f"is not valid UTF-8; {_REMEDY} anew")
        number = re.sub(r"[\s-]", "", cells["webinar_id"] or "")
        if not re.fullmatch(r"[0-9]+", number):
            raise NoAttendeeReportError(f"has no Webinar ID of digits in its summary; {_REMEDY} anew")
        self._starts = instants(cells["started_at"] or "", self._zone)
        if not self._starts:
            raise NoAttendeeReportError(f"has an Actual Start Time that {_NO_TIME}; {_REMEDY} anew")
        self._report.structure.append(names.line)
        self._report.summary_line = values.line
        self._report.summary |= cells | {"webinar_id": number}

    def _read(self, record: _Record, following: _Record | None) -> None:
        if record.title in _SECTIONS:
            self._section = _Section(_SECTIONS[record.title], record.cells[0].strip())
            self._unknown = ""
            self._report.structure.append(record.line)
        elif record.title and following and following.is_header and not self._awaits_header:
            self._unknown = record.title
            self._reject(record, "is no section of an Attendee Report")
        elif self._unknown:
            self._reject(record, f"stands in {self._unknown!r}, which is no section of an Attendee Report")
        elif not self._section:
            self._reject(record, "stands before the first section")
        elif self._awaits_header:
            self._read_header(record, self._section)
        else:
            self._read_row(record, self._section)

    @property
    def _awaits_header(self) -> bool:
        return self._section is not None and not self._section.width

    def _read_header(self, record: _Record, section: _Section) -> None:
        if record.broken:
            raise NoAttendeeReportError(
                f"has a quotation mark where none can be, in the header of {section.title}; {_REMEDY} anew"
            )
        if record.is_sparse:
            self._reject(record, f"stands before the header of {section.title}")
            return
        missing = [name.title() for name in _NEEDED[section.name] if name not in record.names]
        if missing:
            raise NoAttendeeReportError(f"has no column {', '.join(missing)} in {section.title}; {_REMEDY} anew")
        self._section = replace(section, positions=_positions(record, _COLUMNS), width=len(record.names))
        self._report.structure.append(record.line)

    def _read_row(self, record: _Record, section: _Section) -> None:
        cells = _kept(record, section.positions)
        times = {name: instants(cells.get(name) or "", self._zone) for name in _TIMES}
        if record.is_sparse:
            self._reject(record, "has text in one cell only")
        elif (found := len(record.names)) > section.width:
            self._reject(record, f"has {found} cells where the header of {section.title} has {section.width}")
        elif not is_utf8([cell for cell in cells.values() if cell]):
            self._reject(record, "is not valid UTF-8")
        elif unread := [name for name in _TIMES if cells.get(name) and not times[name]]:
            self._reject(record, "; ".join(f"{name} {_NO_TIME}" for name in unread))
        else:
            if section.name == "other":
                # It has no such column: whoever stands in it came.
                cells["is_attended"] = "yes"
            sessions = _sessions(times["joined_at"], times["left_at"], _minutes(cells.get("session_minutes")))
            self._rows.append(_Row(record.line, {"section": section.name, **cells}, times["registered_at"], sessions))

    def _reject(self, record: _Record, reason: str) -> None:
        reason = "has a quotation mark where none can be" if record.broken else reason
        self._report.rejected.append((record.line, record.text, reason))

    def _settle(self) -> None:
        """Chooses among the instants that local times may be."""
        duration = _minutes(self._report.summary.get("duration_minutes")) or timedelta()
        certain = [row.sessions[0] for row in self._rows if len(row.sessions) == 1]

        def within(session: Session, start: datetime) -> timedelta:
            joined_at, left_at = session
            if not joined_at or not left_at:
                return timedelta()
            return max(timedelta(), min(left_at, start + duration) - max(joined_at, start))

        started_at = max(
            self._starts, key=lambda start: (sum((within(session, start) for session in certain), timedelta()), start)
        )
        self._report.summary["started_at"] = started_at.isoformat()
        for row in self._rows:
            # Of equal ones max takes the first, and the later is to win.
            joined_at, left_at = max(reversed(row.sessions), key=lambda session: within(session, started_at))
            before = [instant for instant in row.registrations if not joined_at or instant <= joined_at]
            registered_at = max(before or row.registrations, default=None)
            times = zip(_TIMES, (registered_at, joined_at, left_at), strict=True)
            settled = {name: time.isoformat() if time else None for name, time in times}
            self._report.rows.append((row.line, row.cells | settled))


def _positions(names: _Record, columns: dict[str, str]) -> dict[str, int]:
    """Where each known column stands; of two with one name the first counts, as a host may ask what Zoom asks."""
    positions: dict[str, int] = {}
    for position, name in enumerate(names.names):
        if name in columns:
            positions.setdefault(columns[name], position)
    return positions


def _kept(record: _Record, positions: dict[str, int]) -> dict[str, str | None]:
    """The cells of known columns; a row may end before its header does."""
    texts = {
        column: record.cells[position].strip() if position < len(record.cells) else ""
        for column, position in positions.items()
    }
    return {column: None if text in _BLANK else text for column, text in texts.items()}


def _minutes(text: str | None) -> timedelta | None:
    return timedelta(minutes=float(text)) if text and _MINUTES.fullmatch(text) else None


def _sessions(joins: Sequence[datetime], leaves: Sequence[datetime], minutes: timedelta | None) -> list[Session]:
    """From when to when somebody may have been there, in order: the pairs that fit the minutes, none that ends early.

    Without minutes the shortest fit. If each pair ends before it begins, it is the report that says so, not the clock.
    """
    pairs = list(product(joins or [None], leaves or [None]))
    whole = [pair for pair in pairs if None not in pair and pair[0] <= pair[1]]
    misfits = [abs(left_at - joined_at - (minutes or timedelta())) for joined_at, left_at in whole]
    return [pair for pair, misfit in zip(whole, misfits, strict=True) if misfit == min(misfits)] or pairs
