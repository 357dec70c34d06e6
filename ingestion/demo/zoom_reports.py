"""The demo's Attendee Reports: what Larkfield exported from Zoom's pages while it did that by hand, slips included."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ingestion.demo.bookings import BERLIN
from ingestion.demo.files import replacing
from ingestion.demo.webinar_crews import Member, crew, held
from ingestion.demo.webinars import WEBINARS, Part, Span, Webinar, parts
from ingestion.demo.world import World

# Reports of the first webinars were exported in the layout of that time.
_OLDER = 4
# Exported once before all registrations were settled, and once after.
_EXPORTED_TWICE = 22
# Of this one somebody also put the list of those who registered into the folder.
_MISTAKEN = 25
_COUNTRIES = ("Germany", "Germany", "Austria", "United Kingdom", "United States of America")
_QUESTION, _ANSWERS = "How do you plan shifts, and cover?", ("On paper", "In a spreadsheet, mostly", "")

# How an approval is called, where it is not called as in the API.
_APPROVALS = {"cancelled": "cancelled by self"}


@dataclass(frozen=True)
class Layout:
    """How Zoom wrote its reports at a time.

    Attributes:
        mark: What a file begins with.
        line_end: What its lines end with.
        title: The first line.
        generated: What stands before the time at which the report was made.
        registrants: What the number of registrants is called.
        user_name: What the column with the name is called.
        newer: Columns that came later, by the column that they follow.
        time: Writes an instant to the second.
        minute: Writes an instant to the minute.
        parted: How the digits of a webinar's number are parted.
    """

    mark: str
    line_end: str
    title: tuple[str, ...]
    generated: str
    registrants: str
    user_name: str
    newer: dict[str, tuple[str, ...]]
    time: Callable[[datetime], str]
    minute: Callable[[datetime], str]
    parted: str


def _on_twelve_hours(local: datetime, seconds: str) -> str:
    hour = (local.hour - 1) % 12 + 1
    return f"{hour}:{local:%M}{seconds} {'AM' if local.hour < 12 else 'PM'}"


# Not by strftime, whose names of months depend on the machine.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _day(local: datetime) -> str:
    return f"{_MONTHS[local.month - 1]} {local:%d, %Y}"


_LAYOUT_OF_2020 = Layout(
    mark="",
    line_end="\n",
    title=("Attendee Report", ""),
    generated="Report Generated:",
    registrants="# Registered",
    user_name="User Name",
    newer={},
    time=lambda local: f"{_day(local)} {local:%H:%M:%S}",
    minute=lambda local: f"{_day(local)} {_on_twelve_hours(local, '')}",
    parted="-",
)
_LAYOUT_OF_2026 = Layout(
    mark="\ufeff",
    line_end="\r\n",
    title=("Attendee Report",),
    generated="Report generated time",
    registrants="# Registrants",
    user_name="User Name (Original Name)",
    newer={
        "Email": ("Phone", _QUESTION),
        "Time in Session (minutes)": ("Is Guest",),
        "Is Guest": ("Source Name",),
    },
    time=lambda local: f"{local:%m/%d/%Y} {_on_twelve_hours(local, f':{local:%S}').zfill(11)}",
    minute=lambda local: f"{local:%m/%d/%Y} {_on_twelve_hours(local, '').zfill(8)}",
    parted=" ",
)


@dataclass(frozen=True)
class Report:
    """One export.

    Attributes:
        name: Of its file.
        webinar: Which it is about.
        days: How long after the webinar it was made.
        is_early: Whether nobody was refused yet when it was made.
    """

    name: str
    webinar: Webinar
    days: int = 1
    is_early: bool = False

    @property
    def layout(self) -> Layout:
        """The layout of its time."""
        return _LAYOUT_OF_2020 if self.webinar.number < _OLDER else _LAYOUT_OF_2026


def _reports() -> Iterator[Report]:
    for webinar in WEBINARS:
        if webinar.is_exported:
            stem = f"attendee_{webinar.platform_id}_{webinar.date:%Y_%m_%d}"
            is_twice = webinar.number == _EXPORTED_TWICE
            yield Report(f"{stem}.csv", webinar, is_early=is_twice)
            if is_twice:
                yield Report(f"{stem} (1).csv", webinar, days=3)


REPORTS = tuple(_reports())


class _Writer:
    """Writes one report, line by line."""

    def __init__(self, world: World, report: Report) -> None:
        self._world = world
        self._report = report
        self._layout = report.layout
        self._people = parts(world)[report.webinar]

    def lines(self) -> Iterator[list[str]]:
        """Yield the cells of each line."""
        yield list(self._layout.title)
        made_at = self._report.webinar.session.ends_at + timedelta(days=self._report.days, minutes=17)
        yield [self._layout.generated, self._made(made_at)]
        yield from self._summary()
        members = list(crew(self._world, self._report.webinar))
        for section, role in (("Host Details", "host"), ("Panelist Details", "panelist")):
            yield from self._table(
                section, ["Attended", "User Name", "Email", *_SESSION], self._crew_rows(members, role)
            )
        columns = ["Attended", "User Name", "First Name", "Last Name", "Email", "Registration Time", "Approval Status"]
        yield from self._table("Attendee Details", [*columns, *_SESSION], self._attendee_rows(members))
        yield ["Other Attended", *self._layout.title[1:]]
        columns = ["User Name", *_SESSION]
        yield columns
        for row in self._callers():
            yield [row[column] for column in columns]

    def _made(self, at: datetime) -> str:
        return (self._layout.minute if self._layout is _LAYOUT_OF_2020 else self._layout.time)(at.astimezone(BERLIN))

    def _time(self, at: datetime) -> str:
        return self._layout.time(at.astimezone(BERLIN))

    def _status(self, part: Part) -> str:
        status = part.registration.status
        return "approved" if self._report.is_early else _APPROVALS.get(status, status)

    def _summary(self) -> Iterator[list[str]]:
        webinar = self._report.webinar
        spans = [span for part in self._people for span in part.spans]
        (whole,) = held(webinar)
        middle = webinar.session.starts_at + (webinar.session.ends_at - webinar.session.starts_at) / 2
        statuses = [self._status(part) for part in self._people if part.registration]
        number = webinar.platform_id
        values = {
            "Topic": webinar.title,
            "Webinar ID": self._layout.parted.join((number[:3], number[3:7], number[7:])),
            "Actual Start Time": self._made(whole.joined_at),
            "Actual Duration (minutes)": f" {_minutes(whole)}",
            self._layout.registrants: f" {statuses.count('approved')}",
            "# Cancelled": f" {sum(status.startswith('cancelled') for status in statuses)}",
            "Unique Viewers": str(sum(bool(part.spans) for part in self._people)),
            "Total Users": str(len(spans)),
            "Max Concurrent Views": str(sum(span.joined_at <= middle < span.left_at for span in spans)),
        }
        yield list(values)
        yield list(values.values())

    def _table(self, section: str, columns: list[str], rows: Iterator[dict[str, str]]) -> Iterator[list[str]]:
        """Yield a section; a row that ends early lacks the cells of the columns that it does not have."""
        yield [section, *self._layout.title[1:]]
        wanted = []
        for column in columns:
            wanted.append(column)
            for newer in self._layout.newer.get(column, ()):
                if section == "Attendee Details" or newer == "Is Guest":
                    wanted.append(newer)
                    wanted += self._layout.newer.get(newer, ()) if section == "Attendee Details" else ()
        yield [self._layout.user_name if column == "User Name" else column for column in wanted]
        for row in rows:
            cells = [row.get(column, "") for column in wanted]
            yield cells if wanted[-1] in row else cells[:-1]

    def _session(self, span: Span, country: str) -> dict[str, str]:
        return {
            "Attended": "Yes",
            "Join Time": self._time(span.joined_at),
            "Leave Time": self._time(span.left_at),
            "Time in Session (minutes)": str(_minutes(span)),
            "Is Guest": "Yes",
            "Country/Region Name": country,
        }

    def _crew_rows(self, members: list[Member], role: str) -> Iterator[dict[str, str]]:
        for member in members:
            for span in member.spans if member.role == role else ():
                names = {"User Name": member.host.name, "Email": member.host.email}
                yield names | self._session(span, "Germany") | {"Is Guest": "No"}

    def _attendee_rows(self, members: list[Member]) -> Iterator[dict[str, str]]:
        yield from self._crew_rows(members, "attendee")
        for part in self._people:
            yield from self._rows_of(part)

    def _rows_of(self, part: Part) -> Iterator[dict[str, str]]:
        """Yield a row for each time that somebody was there, else one if there is a registration."""
        rng = self._world.stream("zoom_reports", part.webinar.number, part.account, part.contact.number)
        country, answer = rng.choice(_COUNTRIES), rng.choice(_ANSWERS)
        name = f"{part.contact.first_name} {part.contact.last_name}"
        person = {"First Name": part.contact.first_name, "Last Name": part.contact.last_name, "Email": part.email}
        registered = {}
        if part.registration:
            registered = {
                "Registration Time": self._time(part.registration.at),
                "Approval Status": self._status(part),
                _QUESTION: answer,
                "Source Name": "newsletter" if rng.random() < 0.2 else "",
            }
        spans = () if part.is_by_phone else part.spans
        for number, span in enumerate(spans):
            # What was asked at registration stands in the first row only.
            names = {"User Name": f"{name} (phone)" if number else name}
            yield person | names | ({} if number else registered) | self._session(span, country)
        if registered and not spans:
            absent = dict.fromkeys(("Join Time", "Leave Time", "Time in Session (minutes)"), "--")
            yield {"Attended": "No", "User Name": name} | person | registered | absent

    def _callers(self) -> Iterator[dict[str, str]]:
        for part in self._people:
            for span in part.spans if part.is_by_phone else ():
                yield {
                    "User Name": f"155501{part.account % 100:02d}{part.contact.number:03d}",
                    "Join Time": self._layout.minute(span.joined_at.astimezone(BERLIN)),
                    "Leave Time": self._layout.minute(span.left_at.astimezone(BERLIN)),
                    "Time in Session (minutes)": str(_minutes(span)),
                    "Country/Region Name": "Germany",
                }


_SESSION = ("Join Time", "Leave Time", "Time in Session (minutes)", "Country/Region Name")


def _minutes(span: Span) -> int:
    """Return how long somebody was there, in minutes begun."""
    return -(-int((span.left_at - span.joined_at).total_seconds()) // 60)


def _registration_report(world: World, webinar: Webinar) -> Iterator[list[str]]:
    """Yield what Zoom exports of those who registered, which says nothing of who came."""
    layout = _LAYOUT_OF_2026
    local = webinar.session.starts_at.astimezone(BERLIN)
    yield ["Registration Report"]
    yield [layout.generated, layout.time(local - timedelta(days=1))]
    yield ["Topic", "Webinar ID", "Scheduled Time", "Duration (minutes)"]
    yield [webinar.title, webinar.platform_id, layout.time(local), "45"]
    yield ["First Name", "Last Name", "Email", "Registration Time", "Approval Status", "Source Name", "Attendance Type"]
    for part in parts(world)[webinar]:
        if part.registration:
            at = layout.time(part.registration.at.astimezone(BERLIN))
            yield [part.contact.first_name, part.contact.last_name, part.email, at, "approved", "", "Webinar"]


def write(world: World, folder: Path) -> None:
    """Write a file for each of REPORTS, and the Registration Report that does not belong there.

    Args:
        world: Who comes.
        folder: Where the files go; it exists.
    """
    for report in REPORTS:
        _write(folder / report.name, report.layout, _Writer(world, report).lines())
    webinar = WEBINARS[_MISTAKEN]
    name = f"registration_{webinar.platform_id}_{webinar.date:%Y_%m_%d}.csv"
    _write(folder / name, _LAYOUT_OF_2026, _registration_report(world, webinar))


def _write(path: Path, layout: Layout, lines: Iterator[list[str]]) -> None:
    with replacing(path) as handle:
        handle.write(layout.mark)
        csv.writer(handle, lineterminator=layout.line_end).writerows(lines)
