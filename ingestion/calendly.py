"""Calendly's API v2: the organization of a token, its members, event types, groups, routing forms, meetings, invitees.

Meetings cannot be asked for by their last change. So the first load reads all of them, and each later one those from
some days ago to the open future, and the invitees of those that may have changed.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingestion.api_loads import MANY_DAYS, Past, in_parallel, nothing_loaded, progress, take
from ingestion.apis import RefusalError, number_setting
from ingestion.calendly_api import API_URL, WORKERS, Api, ApiSettings
from ingestion.declarations import Table, document_table
from ingestion.errors import ThroughlineError
from ingestion.landing import Landing, landing
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
    with landing("calendly", warehouse) as load, nothing_loaded(), Api.patient(settings.api) as api:
        _, organization = api.me()
        past = Past.of(warehouse, "calendly", organization, EVENTS, (EVENTS, INVITEES))
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
            timedelta(days=number_setting("calendly", "lookback_days", 0, MANY_DAYS, 30)),
            timedelta(days=number_setting("calendly", "no_show_lookback_days", 0, MANY_DAYS, 30)),
        )


def check_settings() -> ApiSettings:
    """Makes sure that a load could begin, and returns what the API is asked by.

    Raises:
        ThroughlineError: A setting is missing or makes no sense.
    """
    return _Settings.read().api


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
        """Hands documents over to the landing."""
        take(self._load, table, f"{API_URL}/{path or table.name}", documents, version=self._organization)

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
        erased = 0
        doing = f"reading the invitees of {len(meetings):,} scheduled events"
        with progress("calendly", "invitees of scheduled events", len(meetings), doing=doing) as advance:

            def noticed() -> Iterator[Any]:
                nonlocal erased
                for invitees in in_parallel(self._api.invitees, meetings, self._api.stop, workers=WORKERS):
                    advance()
                    erased += invitees is None
                    yield from invitees or ()

            self._take(INVITEES, noticed(), "scheduled_events/invitees")
        if erased:
            console.print(
                f"calendly: scheduled events erased meanwhile (404): {erased:,}; what the warehouse has of their"
                " invitees stays."
            )
