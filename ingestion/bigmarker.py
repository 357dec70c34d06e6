"""BigMarker's API v1: the conferences of an account, who registered for them, and who came.

Nothing says when a list last changed. So the first load reads all of them, and each later one those of the conferences
that had not ended for some days when it was last looked.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingestion.api_loads import MANY_DAYS, Past, in_parallel, nothing_loaded, progress, take
from ingestion.apis import RefusalError, number_setting
from ingestion.bigmarker_api import API_URL, WORKERS, Api, ApiSettings, Page
from ingestion.declarations import Table, document_table, key_in_document, text_in_document
from ingestion.findings import counted
from ingestion.landing import Landing, landing
from ingestion.warehouse import connect, console, has_table

# By BigMarker's own id of a person where there is one: an address may change.
_PERSON = text_in_document("bmid"), text_in_document("id"), f"lower({text_in_document('email')})"
_CONFERENCE = "conference_id"
_END = "end_time"

CONFERENCES = document_table("conferences", _CONFERENCE, text_in_document("id"))
REGISTRATIONS = document_table(
    "registrations", "registration_key", key_in_document(_CONFERENCE, *_PERSON), parent=_CONFERENCE
)
# A row is a visit: whoever leaves and comes again has several.
ATTENDEES = document_table(
    "attendees", "session_key", key_in_document(_CONFERENCE, *_PERSON, at="entered_at"), parent=_CONFERENCE
)
ATTENDANCE_LISTS = document_table("attendance_lists", _CONFERENCE, text_in_document("conference_id"))
TABLES = (CONFERENCES, REGISTRATIONS, ATTENDEES, ATTENDANCE_LISTS)

# A conference may last longer than planned, and its list of attendees needs a moment to be complete.
_SETTLING = timedelta(minutes=15)
# No conference that does not say when it ends lasts longer.
_LONGEST = timedelta(days=1)
# What the first page of a list says of the whole.
_LIST_FIELDS = ("total_entries", "total_pages", "per_page")


def load(warehouse: Path, *, backfill: bool = False) -> None:
    """Loads the account of the key into raw_bigmarker; a row that the API no longer has stays.

    Everything is read before anything lands, and the conferences land last: one that is in the warehouse has its
    registrations there, and one that is in `attendance_lists` its attendees.

    Args:
        warehouse: The DuckDB file to load into.
        backfill: Read the lists of all conferences, as the first load does.

    Raises:
        ThroughlineError: A setting makes no sense, the API refused something that it must not, or gave no usable
            answer; the warehouse is then as before.
    """
    settings = _Settings.read()
    with landing("bigmarker", warehouse) as load, nothing_loaded(), Api.patient(settings.api) as api:
        past = Past.of(warehouse, "bigmarker", settings.account, CONFERENCES, TABLES)
        is_whole = backfill or past.is_lost or past.last_load is None
        landed = _Landed() if is_whole else _Landed.of(warehouse)
        reader = _Reader(load, api, settings.account)
        conferences = reader.read_conferences()

        def is_settled(conference: _Conference) -> bool:
            return not is_whole and conference.had_ended_by(past.last_load - settings.lookback)

        reader.read_registrations(
            [one for one in conferences if not (is_settled(one) and one.conference_id in landed.conferences)]
        )
        over = load.started_at - _SETTLING
        reader.read_attendees(
            [
                one
                for one in conferences
                if (one.ends_at is None or one.ends_at <= over) and not (is_settled(one) and landed.has_attendees(one))
            ]
        )
        load.land([REGISTRATIONS, ATTENDEES], [CONFERENCES, ATTENDANCE_LISTS])


@dataclass(frozen=True)
class _Settings:
    """SOURCES__BIGMARKER__… as they were given, checked."""

    api: ApiSettings
    lookback: timedelta

    @classmethod
    def read(cls) -> "_Settings":
        """Reads them.

        Raises:
            ThroughlineError: One is missing or makes no sense.
        """
        return cls(ApiSettings.read(), timedelta(days=number_setting("bigmarker", "lookback_days", 0, MANY_DAYS, 3)))

    @property
    def account(self) -> str:
        """Tells accounts apart, as the API does not say whose key it is: with another one, everything is read.

        It stands in the warehouse, and so it is too short to say anything of the key.
        """
        return hashlib.sha256(f"bigmarker {self.api.api_key}".encode()).hexdigest()[:12]


def check_settings() -> ApiSettings:
    """Makes sure that a load could begin, and returns what the API is asked by.

    Raises:
        ThroughlineError: A setting is missing or makes no sense.
    """
    return _Settings.read().api


@dataclass(frozen=True)
class _Landed:
    """What the warehouse has.

    Attributes:
        conferences: The ids of those whose registrations were read.
        attendance_lists: When those ended, by what was known then, whose attendees were read after the end.
    """

    conferences: frozenset[str] = frozenset()
    attendance_lists: Mapping[str, datetime | None] = field(default_factory=dict)

    @classmethod
    def of(cls, warehouse: Path) -> "_Landed":
        """Reads it."""
        with connect(warehouse, read_only=True) as connection:

            def ends(table: Table) -> dict[str, datetime | None]:
                if not has_table(connection, "raw_bigmarker", table.name):
                    return {}
                rows = connection.execute(
                    f"select {_CONFERENCE}, {text_in_document(_END)} from raw_bigmarker.{table.name}"
                ).fetchall()
                return {name: _instant(text) for name, text in rows}

            return cls(frozenset(ends(CONFERENCES)), ends(ATTENDANCE_LISTS))

    def has_attendees(self, conference: "_Conference") -> bool:
        """Whether its attendees were read after the end, as that is known now."""
        ends_at = self.attendance_lists.get(conference.conference_id)
        return ends_at is not None and conference.had_ended_by(ends_at)


@dataclass(frozen=True)
class _Conference:
    """What decides whether a conference's lists are read.

    Attributes:
        conference_id: Its id, as text.
        ends_at: When it ends, or at the latest; None where nothing readable says so.
        end_text: That in the API's own words, where they are readable.
    """

    conference_id: str
    ends_at: datetime | None
    end_text: str

    @classmethod
    def of(cls, document: Any) -> "_Conference | None":
        """Picks it from the API's document; None if that has no id."""
        conference_id = document.get("id") if isinstance(document, dict) else None
        if not isinstance(conference_id, str | int) or not str(conference_id).strip():
            return None
        starts_at, ends_at = (_instant(document.get(name)) for name in ("start_time", _END))
        latest = ends_at or (starts_at and starts_at + _LONGEST)
        text = document[_END] if ends_at else latest.isoformat() if latest else ""
        return cls(str(conference_id).strip(), latest, text)

    def had_ended_by(self, instant: datetime) -> bool:
        """Whether it certainly had ended then."""
        return self.ends_at is not None and self.ends_at <= instant


def _instant(text: Any) -> datetime | None:
    """An instant of the API; without an offset it is UTC."""
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None


class _Reader:
    """Hands what the API answers to a landing."""

    def __init__(self, load: Landing, api: Api, account: str) -> None:
        self._load = load
        self._api = api
        self._account = account

    def _take(self, table: Table, documents: Iterable[Any], path: str) -> None:
        take(self._load, table, f"{API_URL}/conferences{path}", documents, version=self._account)

    def read_conferences(self) -> list[_Conference]:
        """Reads all conferences and returns those that have an id."""
        known = {}

        def noticed() -> Iterator[Any]:
            for page in self._api.conferences():
                for document in page.elements:
                    if conference := _Conference.of(document):
                        known[conference.conference_id] = conference
                    yield document

        with console.status("bigmarker: reading conferences"):
            self._take(CONFERENCES, noticed(), "")
        return list(known.values())

    def read_registrations(self, conferences: list[_Conference]) -> None:
        """Reads who registered for conferences."""

        def read() -> Iterator[tuple[str, Any]]:
            for conference, pages in self._lists("registrations", self._api.registrations, conferences):
                yield from ((conference.conference_id, one) for page in pages for one in page.elements)

        self._take(REGISTRATIONS, read(), "/registrations")

    def read_attendees(self, conferences: list[_Conference]) -> None:
        """Reads who came to conferences, and notes of which that is all."""
        complete = []

        def read() -> Iterator[tuple[str, Any]]:
            for conference, pages in self._lists("attendees", self._api.attendees, conferences):
                if conference.ends_at:
                    said = {name: pages[0].answer[name] for name in _LIST_FIELDS if name in pages[0].answer}
                    # One that is postponed later on is not over, and its list is not that of those who came.
                    complete.append({_CONFERENCE: conference.conference_id, _END: conference.end_text} | said)
                yield from ((conference.conference_id, one) for page in pages for one in page.elements)

        self._take(ATTENDEES, read(), "/attendees")
        self._take(ATTENDANCE_LISTS, complete, "/attendees")

    def _lists(
        self, name: str, ask: Callable[[str], Iterator[Page]], conferences: list[_Conference]
    ) -> Iterator[tuple[_Conference, list[Page]]]:
        """The pages of a list of each conference, several lists at once; one that may not be read is passed over."""
        passed_over: Counter[str] = Counter()

        def pages(conference: _Conference) -> tuple[_Conference, list[Page] | RefusalError]:
            try:
                return conference, list(ask(conference.conference_id))
            except RefusalError as refusal:
                if refusal.status not in (403, 404):
                    raise
                return conference, refusal

        doing = f"reading the {name} of {counted(len(conferences), 'conference')}"
        with progress("bigmarker", f"{name} of conferences", len(conferences), doing=doing) as advance:
            for conference, answer in in_parallel(pages, conferences, self._api.stop, workers=WORKERS):
                advance()
                if isinstance(answer, RefusalError):
                    passed_over[answer.reason] += 1
                else:
                    yield conference, answer
        for reason, count in passed_over.items():
            these = counted(count, "conference")
            console.print(f"bigmarker: {name} of {these} cannot be read ({reason}); the others are.")
