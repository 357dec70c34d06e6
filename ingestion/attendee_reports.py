"""Parsing Zoom's Attendee Report: several tables below each other in one CSV file.

A report has a title, the time it was made, a summary of the webinar (a line of names, a line of values), and then
sections, each a line with its name alone, a header and rows. Columns are found by name, in each section anew: they
differ between sections, between years and by the questions that a host asks.

A line is a section's if its first cell has the section's name and no other cell has text. A row is never that, though
somebody be called Host Details: it has two cells with text at least, a name with a time or with whether they came.

Nothing is left out in silence: each record of a file is a line of the report's structure, its summary, a row, or, if
it stands where no row can, rejected. People whom a half-read report lacks would pass for absent, and those whose first
row it lacks for unregistered. So a file is rejected as a whole if one row of its sections cannot be read, if it can be
seen to end early, or if its rows would mean something else than they say.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise, product
from typing import BinaryIO
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
_TIMES = {"registered_at": "Registration Time", "joined_at": "Join Time", "left_at": "Leave Time"}
# Rows are short of cells that nobody filled, but those of no-shows still say that they have no time in these.
_WHOLE = ("is_attended", "email", "joined_at", "left_at", "session_minutes")
_BLANK = ("", "--", "NA")

_OTHER_REPORT = re.compile(r"(?:webinar )?((?:registration|polls?|q ?& ?a|survey|performance) report)")
_REMEDY = "in Zoom, export Reports > Webinar > Attendee Report"
_NO_TIME = "is no time like 08/09/2026 12:10:00 PM"
# To export it anew would give the same file.
_DATE_REMEDY = "in Zoom, let Profile > Date Format put the month first (mm/dd/yyyy), then export the report again"
_DATE = re.compile(r"\d{1,4}[./-]\d", re.ASCII)
_NO_QUOTATION = "has a quotation mark where none can be"
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_MINUTES = re.compile(r"\d{1,5}(?:\.\d+)?", re.ASCII)
# Enough to tell what a rejected file is; it may be an image.
_SHOWN_BYTES = 1_000
# Within these a report has its summary, and more than those no report has: a parser needs ten times as much memory.
_HEAD_BYTES = 64 << 10
_MOST_BYTES = 256 << 20

Session = tuple[datetime | None, datetime | None]


class NoAttendeeReportError(Exception):
    """A file is no attendee report, or none that can be trusted; the message is the reason to reject it.

    Attributes:
        line: The line that shows it.
        text: What stands there: the record, or how the file begins.
    """

    def __init__(self, reason: str, line: int = 1, text: str = "") -> None:
        """Says why.

        Args:
            reason: The rest of a sentence that the file's name begins.
            line: The line that shows it.
            text: What stands there, if it is known.
        """
        super().__init__(reason)
        self.line = line
        self.text = text


@dataclass
class AttendeeReport:
    """What a file says, each part with the line on which it begins.

    Attributes:
        summary: The cells of `attendee_reports`, times in UTC.
        summary_line: The line of its values.
        rows: The cells of `attendee_report_rows`, times in UTC.
        rejected: What stands where no row can: (line, text, reason).
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


def report_content(stream: BinaryIO) -> bytes:
    """The bytes of a file; of one that does not begin as a report, no more than show what it is.

    Raises:
        NoAttendeeReportError: It begins as one, and is larger than one can be.
    """
    head = stream.read(_HEAD_BYTES)
    if not any(record.is_summary for record in _records(_decoded(head, "ignore"))[0]):
        return head
    content = head + stream.read(_MOST_BYTES + 1 - len(head))
    if len(content) > _MOST_BYTES:
        reason = f"is larger than {_MOST_BYTES >> 20} MB, as no Attendee Report is; {_REMEDY} anew"
        raise NoAttendeeReportError(reason, text=_beginning(head))
    return content


def _beginning(content: bytes) -> str:
    return content[:_SHOWN_BYTES].decode("utf-8", "backslashreplace").replace("\0", "")


def attendee_report(content: bytes, zone: ZoneInfo) -> AttendeeReport:
    """Parses a file.

    A local time that the night of autumn has twice is settled by what the report says besides. A session gets the pair
    of instants that fits its minutes, and of two such pairs the one that lies more within the webinar; the webinar, of
    which two starts are possible, gets the one that holds more of the sessions that are certain. A registration is not
    after its session. What all this leaves open is the later instant.

    Args:
        content: The file's bytes: UTF-8; or, as a spreadsheet may have saved it, UTF-16 with its mark, or Windows-1252,
            which is what a file without a mark is if it is not UTF-8 throughout.
        zone: Of the account: a report has local times and does not say where.

    Raises:
        NoAttendeeReportError: It is something else, or could mislead.
    """
    try:
        return _Parser(*_records(_decoded(content)), zone).report()
    except NoAttendeeReportError as error:
        error.text = error.text or _beginning(content)
        raise


def _decoded(content: bytes, errors: str = "strict") -> str:
    """A file as text.

    What Windows-1252 does not define is replaced. In a file that says it is UTF-8, other bytes stay as surrogates, so
    that they cost nothing where nobody reads them.

    Args:
        content: The file's bytes.
        errors: What to do about UTF-16 that is damaged, or cut off.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return content.decode("utf-16", errors).replace("\0", "")
        except UnicodeDecodeError:
            raise NoAttendeeReportError(f"is no readable UTF-16; {_REMEDY} anew") from None
    if content.startswith(codecs.BOM_UTF8):
        return content.decode("utf-8-sig", "surrogateescape").replace("\0", "")
    try:
        return content.decode("utf-8").replace("\0", "")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace").replace("\0", "")


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
        self._headed: set[str] = set()
        self._unread: list[tuple[_Record, str]] = []

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
        self._check_rows()
        self._check_end()
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
            text = ",".join(record.cells[1:]).strip(" ,")
            made = instants(text, self._zone)
            if made:
                self._report.structure.append(record.line)
                self._report.summary["generated_at"] = made[-1].isoformat()
            elif _DATE.match(text):
                # Other dates of a file that puts days first may be readable, as other days than they are.
                reason = f"has a {record.names[0].title()} that {_NO_TIME}; {_DATE_REMEDY}"
                raise NoAttendeeReportError(reason, record.line, record.text)
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
        if not cells["started_at"]:
            raise NoAttendeeReportError(f"has no Actual Start Time in its summary; {_REMEDY} anew")
        self._starts = instants(cells["started_at"], self._zone)
        if not self._starts:
            raise NoAttendeeReportError(f"has an Actual Start Time that {_NO_TIME}; {_DATE_REMEDY}")
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
            self._read_row(record, self._section, is_last=not following)

    @property
    def _awaits_header(self) -> bool:
        return self._section is not None and not self._section.width

    def _read_header(self, record: _Record, section: _Section) -> None:
        if record.broken:
            raise NoAttendeeReportError(f"{_NO_QUOTATION}, in the header of {section.title}; {_REMEDY} anew")
        if record.is_sparse:
            self._reject(record, f"stands before the header of {section.title}")
            return
        missing = [name.title() for name in _NEEDED[section.name] if name not in record.names]
        if missing:
            raise NoAttendeeReportError(f"has no column {', '.join(missing)} in {section.title}; {_REMEDY} anew")
        self._section = replace(section, positions=_positions(record, _COLUMNS), width=len(record.names))
        self._headed.add(section.name)
        self._report.structure.append(record.line)

    def _read_row(self, record: _Record, section: _Section, *, is_last: bool) -> None:
        cells = _kept(record, section.positions)
        if section.name == "other":
            # It has no such column: whoever stands in it came.
            cells["is_attended"] = "yes"
        times = {name: instants(cells.get(name) or "", self._zone) for name in _TIMES}
        unread = [title for name, title in _TIMES.items() if cells.get(name) and not times[name]]
        if complaint := _complaint(record, section, cells, is_last=is_last):
            self._unread.append((record, complaint))
        elif unread:
            self._unread.append((record, f"has a {' and a '.join(unread)} that {_NO_TIME}"))
        else:
            sessions = _sessions(times["joined_at"], times["left_at"], _minutes(cells.get("session_minutes")))
            self._rows.append(_Row(record.line, {"section": section.name, **cells}, times["registered_at"], sessions))

    def _reject(self, record: _Record, reason: str) -> None:
        self._report.rejected.append((record.line, record.text, _NO_QUOTATION if record.broken else reason))

    def _check_rows(self) -> None:
        """Makes sure that each row could be read."""
        if not self._unread:
            return
        record, complaint = self._unread[0]
        place = f"{count} of its rows, first in line" if (count := len(self._unread)) > 1 else "line"
        remedy = _DATE_REMEDY if complaint.endswith(_NO_TIME) else f"{_REMEDY} anew"
        raise NoAttendeeReportError(
            f"cannot be read in {place} {record.line}, which {complaint}; {remedy}", record.line, record.text
        )

    def _check_end(self) -> None:
        """Makes sure that the file does not end before those who came.

        A file that ends among them looks whole: no figure of a summary equals the number of rows. But somebody is there
        if anybody viewed it; and who counts as a user and is neither host nor panelist is there, too.
        """
        if "attendee" not in self._headed:
            raise NoAttendeeReportError(
                f"has no section Attendee Details with the names of its columns, as if it were cut off; {_REMEDY} anew"
            )
        came = Counter(row.cells["section"] for row in self._rows if (row.cells["is_attended"] or "").lower() == "yes")
        viewers, users = (_count(self._report.summary.get(name)) for name in ("unique_viewer_count", "user_count"))
        is_anybody_missing = viewers or users > came["host"] + came["panelist"]
        if is_anybody_missing and not came["attendee"] + came["other"]:
            raise NoAttendeeReportError(
                "counts people who came and names none in Attendee Details or Other Attended, as if it were cut off;"
                f" {_REMEDY} anew"
            )

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


def _complaint(record: _Record, section: _Section, cells: dict[str, str | None], *, is_last: bool) -> str:
    """Why a row cannot be read, whatever its times, as the rest of a sentence; nothing if it can.

    Args:
        record: The row.
        section: Where it stands.
        cells: Its cells of known columns.
        is_last: Whether the file ends with it, and so perhaps within it.
    """
    found, width = len(record.names), section.width
    if record.broken:
        return _NO_QUOTATION
    if found > width:
        return f"has {found} cells where the header of {section.title} has {width}"
    if record.is_sparse:
        return "has text in one cell only"
    if is_last and len(record.cells) <= max(section.positions.get(name, 0) for name in _WHOLE):
        return f"ends the file after {len(record.cells)} of {width} cells"
    if not is_utf8([cell for cell in cells.values() if cell]):
        return "is not valid UTF-8"
    if (cells["is_attended"] or "").lower() not in ("yes", "no"):
        return "has neither Yes nor No in Attended"
    return ""


def _count(text: str | None) -> int:
    found = _COUNT.match((text or "").replace(",", ""))
    return int(found[0]) if found else 0


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
