"""Calendly's API v2: the organization of a token, its members, event types, groups, routing forms, meetings, invitees.

Meetings cannot be asked for by their last change. So the first load reads all of them, and each later one those from
some days ago to the open future, and the invitees of those that may have changed.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingestion.calendly_api import API_URL, WORKERS, Api, ApiSettings, RefusalError, number_setting
from ingestion.declarations import Table, document_table
from ingestion.errors import ThroughlineError
from ingestion.landing import Landing, landing
from ingestion.rest import ApiError, NoAnswerError
from ingestion.warehouse import connect, console, has_table

_URI = "json_extract_string(document, '$.uri')"
MEMBERSHIPS = document_table("organization_memberships", "uri", _URI)
EVENT_TYPES = document_table("event_types", "uri", _URI)
GROUPS = document_table("groups", "uri", _URI)
ROUTING_FORMS = document_table("routing_forms", "uri", _URI)
SUBMISSIONS = document_table("routing_form_submissions", "uri", _URI)
EVENTS = document_table("scheduled_events", "uri", _URI)
INVITEES = document_table("invitees", "uri", _URI)
TABLES = (MEMBERSHIPS, EVENT_TYPES, GROUPS, ROUTING_FORMS, SUBMISSIONS, EVENTS, INVITEES)

_BATCH_ROWS = 1_000
_MANY_DAYS = 36_500


def load(warehouse: Path, *, backfill: bool = False) -> None:
    """Loads the organization of the token into raw_calendly; a row that the API no longer has stays.

    Everything is read before anything lands, and the meetings land last: one that is in the warehouse has its invitees
    there.

    Args:
        warehouse: The DuckDB file to load into.
        backfill: Read all history, and the invitees of every meeting, as the first load does.

    Raises:
        ThroughlineError: A setting makes no sense, the API refused something that it must not, or gave no usable
            answer; the warehouse is then as before.
    """
    settings = _Settings.read()
    with landing("calendly", warehouse) as load, _nothing_loaded(), Api.patient(settings.api) as api:
        _, organization = api.me()
        past = _Past.of(warehouse, organization)
        is_whole = backfill or past.is_lost or past.last_load is None
        reader = _Reader(load, api, organization)
        reader.read_surroundings()
        reference = load.started_at
        if past.last_load and reference - past.last_load > settings.lookback:
            # What happened since would never be read otherwise.
            reference = past.last_load
        since = None if is_whole else reference - max(settings.lookback, settings.no_show_lookback)
        meetings = reader.read_meetings(since)
        landed = {} if backfill or past.is_lost else _landed_meetings(warehouse, list(meetings))
        reader.read_invitees(
            [
                uri
                for uri, meeting in meetings.items()
                # Nothing says that a mark of no-show changes the meeting.
                if landed.get(uri) != meeting.state
                or meeting.ended_between(reference - settings.no_show_lookback, load.started_at)
            ]
        )
        load.land([table for table in TABLES if table is not EVENTS], [EVENTS])


@contextmanager
def _nothing_loaded() -> Iterator[None]:
    """Adds to what the API said what that means for a load."""
    try:
        yield
    except NoAnswerError as error:
        raise ThroughlineError(f"{error} Nothing was loaded; load again later.") from None
    except ApiError as error:
        raise ThroughlineError(f"{error} Nothing was loaded.") from None


@dataclass(frozen=True)
class _Settings:
    """SOURCES__CALENDLY__… as they were given, checked."""

    api: ApiSettings
    lookback: timedelta
    no_show_lookback: timedelta

    @classmethod
    def read(cls) -> "_Settings":
        """Reads them.

        Raises:
            ThroughlineError: One is missing or makes no sense.
        """
        return cls(
            ApiSettings.read(),
            timedelta(days=number_setting("lookback_days", 0, _MANY_DAYS, 30)),
            timedelta(days=number_setting("no_show_lookback_days", 0, _MANY_DAYS, 30)),
        )


def check_settings() -> ApiSettings:
    """Makes sure that a load could begin, and returns what the API is asked by.

    Raises:
        ThroughlineError: A setting is missing or makes no sense.
    """
    return _Settings.read().api


@dataclass(frozen=True)
class _Past:
    """What earlier loads of an organization left in the warehouse.

    Attributes:
        last_load: When the last complete one began; None where there was none.
        is_lost: Whether rows that once landed are gone, so that notes on them mean nothing.
    """

    last_load: datetime | None = None
    is_lost: bool = False

    @classmethod
    def of(cls, warehouse: Path, organization: str) -> "_Past":
        """Reads raw_meta.loads; a warehouse without one has no past."""
        if not warehouse.is_file():
            return cls()
        with connect(warehouse, read_only=True) as connection:
            if not has_table(connection, "raw_meta", "loads"):
                return cls()
            (last_load,) = connection.execute(
                "select max(started_at) from raw_meta.loads"
                " where source = 'calendly' and entity = ? and file_version = ?",
                [EVENTS.name, organization],
            ).fetchone()
            landed = connection.execute(
                "select entity from raw_meta.loads where source = 'calendly' and entity in (?, ?)"
                " group by 1 having sum(records_read - records_rejected) > 0",
                [EVENTS.name, INVITEES.name],
            ).fetchall()
            is_lost = any(
                not has_table(connection, "raw_calendly", table)
                or connection.execute(f"select 1 from raw_calendly.{table} limit 1").fetchone() is None
                for (table,) in landed
            )
        return cls(last_load.replace(tzinfo=UTC) if last_load else None, is_lost)


# When a meeting was last changed, and its count of invitees.
_State = tuple[str | None, Any]


def _landed_meetings(warehouse: Path, uris: list[str]) -> dict[str, _State]:
    """Of these meetings, those that the warehouse has, with what would tell a change."""
    if not warehouse.is_file():
        return {}
    with connect(warehouse, read_only=True) as connection:
        if not has_table(connection, "raw_calendly", EVENTS.name):
            return {}
        rows = connection.execute(
            "select uri, json_extract_string(document, '$.updated_at'), json_extract(document, '$.invitees_counter')"
            f" from raw_calendly.{EVENTS.name} where uri in (select unnest(?))",
            [uris],
        ).fetchall()
    return {uri: (updated_at, json.loads(counter) if counter else None) for uri, updated_at, counter in rows}


@dataclass(frozen=True)
class _Meeting:
    """What decides whether a meeting's invitees are read."""

    state: _State
    ends_at: str | None

    @classmethod
    def of(cls, document: dict) -> "_Meeting":
        """Picks it from the API's document."""
        return cls((document.get("updated_at"), document.get("invitees_counter")), document.get("end_time"))

    def ended_between(self, earliest: datetime, latest: datetime) -> bool:
        """Whether its end lies there; one without a readable end may have."""
        try:
            ends_at = datetime.fromisoformat(self.ends_at)
        except (TypeError, ValueError):
            return True
        return earliest <= (ends_at if ends_at.tzinfo else ends_at.replace(tzinfo=UTC)) <= latest


class _Reader:
    """Hands what the API answers to a landing."""

    def __init__(self, load: Landing, api: Api, organization: str) -> None:
        self._load = load
        self._api = api
        self._organization = organization

    def _take(self, table: Table, documents: Iterable[Any], path: str | None = None) -> None:
        """Hands over documents, no more than some at a time; without any, that nothing was there is noted."""
        texts = map(json.dumps, documents)
        chunk = list(islice(texts, _BATCH_ROWS))
        while True:
            # Named by the API's own address, so that what comes by way of a proxy has the same name.
            address = f"{API_URL}/{path or table.name}"
            self._load.read_documents(table, address, chunk, version=self._organization)
            if not (chunk := list(islice(texts, _BATCH_ROWS))):
                return

    def read_surroundings(self) -> None:
        """Reads all but the meetings and their invitees; what the organization's plan lacks is passed over."""
        for table in (MEMBERSHIPS, EVENT_TYPES, GROUPS):
            with self._passing_over(table.name):
                self._take(table, self._api.collection(table.name, organization=self._organization))
        with self._passing_over(ROUTING_FORMS.name):
            forms = list(self._api.collection(ROUTING_FORMS.name, organization=self._organization))
            self._take(ROUTING_FORMS, forms)
            uris = [form["uri"] for form in forms if isinstance(form, dict) and isinstance(form.get("uri"), str)]
            with self._passing_over(SUBMISSIONS.name):
                for uri in uris:
                    with self._passing_over(f"{SUBMISSIONS.name} of a form", status=404):
                        self._take(SUBMISSIONS, self._api.collection(SUBMISSIONS.name, form=uri))

    @contextmanager
    def _passing_over(self, name: str, status: int = 403) -> Iterator[None]:
        try:
            yield
        except RefusalError as refusal:
            if refusal.status != status:
                raise
            console.print(f"calendly: {name} cannot be read ({refusal.reason}); the others are.")

    def read_meetings(self, since: datetime | None) -> dict[str, _Meeting]:
        """Reads the meetings that start at or after an instant, whatever their status, and returns them by URI."""
        earliest = {} if since is None else {"min_start_time": f"{since:%Y-%m-%dT%H:%M:%S.%fZ}"}
        meetings = {}

        def noticed() -> Iterator[Any]:
            for document in self._api.collection(
                EVENTS.name, organization=self._organization, sort="start_time:asc", **earliest
            ):
                if isinstance(document, dict) and isinstance(document.get("uri"), str):
                    meetings[document["uri"]] = _Meeting.of(document)
                yield document

        try:
            with console.status("calendly: reading scheduled events"):
                self._take(EVENTS, noticed())
        except RefusalError as refusal:
            if refusal.status != 403:
                raise
            raise ThroughlineError(
                "The token of SOURCES__CALENDLY__API_TOKEN may not read the organization's scheduled events"
                f" ({refusal.reason}); it must be that of an admin or owner. Nothing was loaded."
            ) from None
        return meetings

    def read_invitees(self, meetings: list[str]) -> None:
        """Reads the invitees of meetings, several at once."""
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        erased = 0
        if not console.is_terminal:
            console.print(f"calendly: reading the invitees of {len(meetings):,} scheduled events")
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task("calendly: invitees of scheduled events", total=len(meetings))

            def noticed() -> Iterator[Any]:
                nonlocal erased
                for invitees in _in_parallel(self._api.invitees, meetings, self._api.stop):
                    progress.advance(bar)
                    erased += invitees is None
                    yield from invitees or ()

            self._take(INVITEES, noticed(), "scheduled_events/invitees")
        if erased:
            console.print(
                f"calendly: scheduled events erased meanwhile (404): {erased:,}; what the warehouse has of their"
                " invitees stays."
            )


def _in_parallel(work: Callable[[str], Any], items: Iterable[str], stop: Callable[[], None]) -> Iterator[Any]:
    """The results in the order of the items, with no more of them waiting than keep all threads at work."""
    remaining = iter(items)
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            under_way: deque[Future] = deque(pool.submit(work, item) for item in islice(remaining, 8 * WORKERS))
            while under_way:
                result = under_way.popleft().result()
                under_way.extend(pool.submit(work, item) for item in islice(remaining, 1))
                yield result
        except BaseException:
            # Otherwise those that wait for the rate limit would be waited for.
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
