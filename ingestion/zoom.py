"""Zoom's webinars: who registered and who came, by its API, from the Attendee Reports that people export, or both.

Zoom lists a webinar until a month or so after it took place, and reports on it for six months. So the warehouse
remembers what the list forgets, and files tell of what was before.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any, TypeVar

from ingestion import zoom_reports
from ingestion.api_loads import MANY_DAYS, Past, in_parallel, nothing_loaded, progress, take
from ingestion.apis import RefusalError, number_setting
from ingestion.declarations import Table, document_table, key_in_document, text_in_document
from ingestion.landing import Landing, landing
from ingestion.rest import ApiError
from ingestion.settings import source_setting
from ingestion.warehouse import connect, console, has_table
from ingestion.zoom_api import API_URL, WORKERS, Api, ApiSettings

WEBINARS = document_table("webinars", "webinar_id", text_in_document("id"))
INSTANCES = document_table("instances", "instance_uuid", text_in_document("uuid"), parent="webinar_id")
REGISTRANTS = document_table(
    "registrants",
    "registrant_key",
    key_in_document("webinar_id", text_in_document("id"), f"lower({text_in_document('email')})"),
    parent="webinar_id",
)
PANELISTS = document_table(
    "panelists",
    "panelist_key",
    key_in_document("webinar_id", text_in_document("id"), f"lower({text_in_document('email')})"),
    parent="webinar_id",
)
# A row is a session: whoever leaves and joins again has several.
PARTICIPANTS = document_table(
    "participants",
    "session_key",
    key_in_document(
        "instance_uuid",
        *(text_in_document(name) for name in ("user_id", "id", "registrant_id", "user_email", "name")),
        at="join_time",
    ),
    parent="instance_uuid",
)
REPORTS = document_table("reports", "instance_uuid", text_in_document("uuid"))
API_TABLES = (WEBINARS, INSTANCES, REGISTRANTS, PANELISTS, PARTICIPANTS, REPORTS)
TABLES = (*API_TABLES, *zoom_reports.TABLES)
# That one is there means that everybody is there of whom it speaks: whoever is not did not come.
_LANDING_LAST = (REPORTS, zoom_reports.ATTENDEE_REPORTS)

# Where each table's documents come from.
_PATHS = {
    WEBINARS.name: "users/webinars",
    INSTANCES.name: "past_webinars/instances",
    REGISTRANTS.name: "webinars/registrants",
    PANELISTS.name: "webinars/panelists",
    PARTICIPANTS.name: "report/webinars/participants",
    REPORTS.name: "report/webinars",
}

# A webinar that takes place once can be started again for so long, and is listed for so long.
_EXPIRY = timedelta(days=30)
# How long Zoom keeps reports: six months, and so long that it surely keeps none.
_SIX_MONTHS, _REPORTS_KEPT = timedelta(days=180), timedelta(days=190)
# Webinars that take place again and again: at no fixed time, and at fixed times.
_RECURRING = (6, 9)
_STATUSES = ("approved", "pending", "denied")

# Zoom's codes for what is not found, or lies more than a year back.
_NOT_FOUND, _TOO_OLD = 3001, 12702
# For a user who has no plan for webinars, is gone, or belongs to another account.
_NO_USER = (200, 1001, 1010)
# For a webinar that wants no registration, whose host is no such user any more, or that is gone.
_NO_WEBINAR = (*_NO_USER, 404, _NOT_FOUND, _TOO_OLD)

# Why there is no report.
_PENDING, _GONE, _EXPIRED, _REFUSED = "pending", "gone", "expired", "refused"

T = TypeVar("T")


def load(warehouse: Path, *, reread: bool = False, backfill: bool = False) -> None:
    """Loads what the account's API and the folder of reports have, whichever are set, into raw_zoom.

    Everything is read before anything lands, and the reports of both kinds land last: one that is in the warehouse has
    its people there. Where a file has changed, a load that is killed leaves more people than the file has, until the
    next load, and never fewer. A row that the API no longer has stays.

    Args:
        warehouse: The DuckDB file to load into.
        reread: Read unchanged report files again, too.
        backfill: Read everything that the API has, as the first load does.

    Raises:
        ThroughlineError: A setting is missing or makes no sense, the API refused something that it must not, or gave no
            usable answer, or files cannot be read; the warehouse is then as before.
    """
    settings, url = _Settings.read(), source_setting("zoom", "bucket_url")
    with landing("zoom", warehouse) as load:
        # The files first: a folder or a zone that is wrong shows at once, and not after thousands of requests.
        if url:
            zoom_reports.read(load, url, warehouse, reread=reread)
        if settings.api:
            with nothing_loaded(), Api.patient(settings.api) as api:
                _read_account(load, api, settings, backfill)
        load.land([table for table in load.tables if table not in _LANDING_LAST], _LANDING_LAST)


@dataclass(frozen=True)
class _Settings:
    """SOURCES__ZOOM__… that concern the API, checked."""

    api: ApiSettings | None
    lookback: timedelta

    @classmethod
    def read(cls) -> "_Settings":
        """Reads them.

        Raises:
            ThroughlineError: One is missing or makes no sense.
        """
        lookback = timedelta(days=number_setting("zoom", "lookback_days", 0, MANY_DAYS, 3))
        return cls(ApiSettings.read(), lookback)


def check_settings() -> ApiSettings | None:
    """Makes sure that a load could begin, and returns what the API is asked by; None if it is not asked.

    Raises:
        ThroughlineError: A setting is missing or makes no sense.
    """
    return _Settings.read().api


def _read_account(load: Landing, api: Api, settings: _Settings, backfill: bool) -> None:
    """Reads what is new, or may have changed, since the last complete load."""
    past = Past.of(load.warehouse, "zoom", settings.api.account, REPORTS, API_TABLES)
    last_load = None if backfill or past.is_lost else past.last_load
    # What was over so long before that load began has not changed since.
    settled_until = last_load and last_load - settings.lookback
    expired_until = last_load and last_load - max(settings.lookback, _EXPIRY)
    reader = _Reader(load, api, settings.api.account)
    webinars = _landed_webinars(load.warehouse)
    reader.read_webinars(webinars)
    reader.read_instances({name: one for name, one in webinars.items() if not one.is_expired(expired_until)})
    reader.read_people([name for name, one in webinars.items() if not one.is_over(settled_until)])
    reader.read_reports(
        {
            uuid: instance
            for webinar in webinars.values()
            for uuid, instance in webinar.instances.items()
            if not instance.is_settled(settled_until)
        },
        is_whole=last_load is None,
    )


@dataclass(frozen=True)
class _Instance:
    """One of the times that a webinar took place.

    Attributes:
        starts_at: When it began; None if that cannot be read.
        ends_at: When it ended, by the report of it that landed; None if none did.
    """

    starts_at: datetime | None
    ends_at: datetime | None = None

    def is_settled(self, until: datetime | None) -> bool:
        """Whether its report landed, and was final by then; None is never."""
        return until is not None and self.ends_at is not None and self.ends_at <= until

    def began_by(self, instant: datetime) -> bool:
        """Whether it certainly had begun then."""
        return self.starts_at is not None and self.starts_at <= instant


@dataclass
class _Webinar:
    """What decides which of a webinar's lists are read.

    Attributes:
        scheduled_at: When the last time that is scheduled begins.
        is_recurring: Whether it takes place more than once.
        is_listed: Whether Zoom lists it still.
        instances: The times that it took place, by UUID.
    """

    scheduled_at: datetime | None = None
    is_recurring: bool = False
    is_listed: bool = False
    instances: dict[str, _Instance] = field(default_factory=dict)

    def schedule(self, documents: list[dict]) -> None:
        """Takes what documents of it say: one, or one for each time of a recurring one."""
        starts = [_instant(document.get("start_time")) for document in documents]
        self.scheduled_at = max(filter(None, starts), default=None)
        self.is_recurring = any(document.get("type") in _RECURRING for document in documents)

    def is_over(self, until: datetime | None) -> bool:
        """Whether nothing of it is later; one without any date is over once it is not listed."""
        if until is None:
            return False
        ends = [instance.ends_at or instance.starts_at for instance in self.instances.values()]
        latest = max(filter(None, (self.scheduled_at, *ends)), default=None)
        return not self.is_listed if latest is None else latest <= until

    def is_expired(self, until: datetime | None) -> bool:
        """Whether it cannot have taken place again."""
        return self.is_over(until) and not (self.is_listed and self.is_recurring)


def _landed_webinars(warehouse: Path) -> dict[str, _Webinar]:
    """The webinars that the warehouse has, by id."""
    webinars: dict[str, _Webinar] = defaultdict(_Webinar)
    if not warehouse.is_file():
        return webinars
    with connect(warehouse, read_only=True) as connection:

        def rows(table: Table, *columns: str) -> list[tuple]:
            if not has_table(connection, "raw_zoom", table.name):
                return []
            return connection.execute(f"select {', '.join(columns)} from raw_zoom.{table.name}").fetchall()

        for name, document in rows(WEBINARS, "webinar_id", "document"):
            webinars[name].schedule([json.loads(document)])
        ends = {uuid: _instant(end) for uuid, end in rows(REPORTS, "instance_uuid", text_in_document("end_time"))}
        for name, uuid, start in rows(INSTANCES, "webinar_id", "instance_uuid", text_in_document("start_time")):
            webinars[name].instances[uuid] = _Instance(_instant(start), ends.get(uuid))
    return webinars


def _instant(text: Any) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _name(document: Any, key: str = "id") -> str | None:
    """What identifies a document; None where nothing does, so that it can only be rejected."""
    name = document.get(key) if isinstance(document, dict) else None
    return str(name).strip() or None if isinstance(name, str | int) else None


class _Reader:
    """Hands what the API answers to a landing."""

    def __init__(self, load: Landing, api: Api, account: str) -> None:
        self._load = load
        self._api = api
        self._account = account
        for table in API_TABLES:
            self._take(table, [])

    def _take(self, table: Table, documents: Iterable[Any]) -> None:
        take(self._load, table, f"{API_URL}/{_PATHS[table.name]}", documents, version=self._account)

    def read_webinars(self, webinars: dict[str, _Webinar]) -> None:
        """Reads what Zoom lists, of users who left, too, and adds it to what is known."""
        users = [_name(user) for status in ("active", "inactive") for user in self._api.users(status)]
        documents, without_plan = [], 0
        for listed in self._each("webinars", "users", list(dict.fromkeys(filter(None, users))), self._webinars):
            documents += listed or ()
            without_plan += listed is None
        if without_plan:
            console.print(f"zoom: users who have no plan for webinars, or are gone: {without_plan:,}.")
        # A recurring webinar stands there once for each time: the next one wins, else the last.
        documents.sort(key=lambda document: _nearness(document, self._load.started_at))
        self._take(WEBINARS, documents)
        listed_of = defaultdict(list)
        for document in documents:
            if name := _name(document):
                listed_of[name].append(document)
        for name, these in listed_of.items():
            webinar = webinars.setdefault(name, _Webinar())
            webinar.schedule(these)
            webinar.is_listed = True

    def read_instances(self, webinars: dict[str, _Webinar]) -> None:
        """Reads when webinars took place, and adds that to what is known."""
        for (name, webinar), instances in zip(
            webinars.items(), self._each("dates", "webinars", list(webinars), self._instances), strict=True
        ):
            self._take(INSTANCES, [(name, instance) for instance in instances])
            for instance in instances:
                if uuid := _name(instance, "uuid"):
                    known = webinar.instances.get(uuid)
                    webinar.instances[uuid] = _Instance(_instant(instance.get("start_time")), known and known.ends_at)

    def read_people(self, webinars: list[str]) -> None:
        """Reads the registrants of webinars, in every status, and the panelists."""
        for name, (registrants, panelists) in zip(
            webinars, self._each("registrants", "webinars", webinars, self._people), strict=True
        ):
            self._take(REGISTRANTS, [(name, registrant) for registrant in registrants])
            self._take(PANELISTS, [(name, panelist) for panelist in panelists])

    def read_reports(self, instances: dict[str, _Instance], *, is_whole: bool) -> None:
        """Reads who was there, of those instances of which there is a report.

        Args:
            instances: By UUID.
            is_whole: Whether everything is read, as far back as Zoom has it.
        """
        lacking: Counter[str] = Counter()
        for (uuid, instance), answer in self._reports(instances, is_whole):
            if isinstance(answer, str):
                # What landed while it could be had stays.
                lacking[answer] += instance.ends_at is None
                continue
            report, sessions = answer
            self._take(PARTICIPANTS, [(uuid, session) for session in sessions])
            self._take(REPORTS, [report])
        if lacking[_PENDING]:
            console.print(f"zoom: webinars without a report so far: {lacking[_PENDING]:,}; later loads ask again.")
        if lacking[_REFUSED]:
            console.print(
                "zoom: webinars whose reports cannot be read, as the host has no plan for webinars any more, or is"
                f" gone: {lacking[_REFUSED]:,}."
            )
        if old := lacking[_GONE] + lacking[_EXPIRED]:
            console.print(
                f"zoom: webinars that are older than the reports that Zoom keeps: {old:,}; Attendee Reports in the"
                " folder of SOURCES__ZOOM__BUCKET_URL can tell who came."
            )

    def _reports(self, instances: dict[str, _Instance], is_whole: bool) -> Iterator[tuple[tuple[str, _Instance], Any]]:
        """Each instance with its report and its sessions, or with why there are none."""
        oldest = self._load.started_at - _REPORTS_KEPT
        recent = [(uuid, instance) for uuid, instance in instances.items() if not instance.began_by(oldest)]
        yield from zip(recent, self._each("participants", "past webinars", recent, self._report), strict=True)
        if not is_whole:
            return
        # Each request is a heavy one, and history is long: what is before one that Zoom keeps no more is not asked for.
        old = [(uuid, instance) for uuid, instance in instances.items() if instance.began_by(oldest)]
        is_kept = True
        for item in sorted(old, key=lambda item: item[1].starts_at, reverse=True):
            answer = self._report(item) if is_kept else _EXPIRED
            is_kept = answer != _EXPIRED
            yield item, answer

    def _each(self, what: str, of: str, items: list[T], work: Callable[[T], Any]) -> Iterator[Any]:
        """The answers for each item, in order, with several asked for at once."""
        if not items:
            return
        doing = f"reading the {what} of {len(items):,} {of}"
        with progress("zoom", f"{what} of {of}", len(items), doing=doing) as advance:
            for answer in in_parallel(work, items, self._api.stop, workers=WORKERS):
                advance()
                yield answer

    def _webinars(self, user: str) -> list[Any] | None:
        with _passing_over(_NO_USER):
            return self._api.webinars(user)
        return None

    def _instances(self, webinar: str) -> list[Any]:
        with _passing_over(_NO_WEBINAR):
            return self._api.instances(webinar)
        return []

    def _people(self, webinar: str) -> tuple[list[Any], list[Any]]:
        registrants, panelists = [], []
        with _passing_over(_NO_WEBINAR):
            for status in _STATUSES:
                registrants += self._api.registrants(webinar, status)
        with _passing_over(_NO_WEBINAR):
            panelists = self._api.panelists(webinar)
        return registrants, panelists

    def _report(self, item: tuple[str, _Instance]) -> tuple[dict, list[Any]] | str:
        """A report and its participants, or why there are none."""
        uuid, instance = item
        try:
            report = self._api.report(uuid)
            if (report.get("uuid") or uuid) != uuid:
                raise ApiError("Zoom answered with the report of another time that the webinar took place.")
            # One that is still running has sessions to come.
            if not _instant(report.get("end_time")):
                return _PENDING
            # One that does not say of which time it is, is of the one that was asked for.
            return report | {"uuid": uuid}, self._api.participants(uuid)
        except RefusalError as refusal:
            is_old = instance.starts_at is not None and instance.starts_at < self._load.started_at - _SIX_MONTHS
            if refusal.code == _TOO_OLD:
                return _EXPIRED
            if is_old and refusal.status in (300, 400, 404):
                return _GONE
            if refusal.code in _NO_USER:
                return _REFUSED
            if refusal.status == 404 or refusal.code == _NOT_FOUND:
                return _PENDING
            raise


@contextmanager
def _passing_over(codes: tuple[int, ...]) -> Iterator[None]:
    """Takes a refusal by 404, or with one of Zoom's codes, for an answer."""
    try:
        yield
    except RefusalError as refusal:
        if refusal.status != 404 and refusal.code not in codes:
            raise


def _nearness(document: Any, instant: datetime) -> tuple[bool, float]:
    """Orders what is said of one webinar: the past, what is far ahead, and last the time that comes next."""
    starts_at = _instant(document.get("start_time")) if isinstance(document, dict) else None
    seconds = (starts_at - instant).total_seconds() if starts_at else -inf
    return seconds >= 0, -seconds if seconds >= 0 else seconds
