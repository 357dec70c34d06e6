"""Asking BigMarker's API: the settings of its key, lists over all their pages, and answers as sentences."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

import requests

from ingestion.apis import (
    HEADERS,
    RefusalError,
    address_setting,
    number_setting,
    patient_session,
    place,
    secret_setting,
    sentences,
)
from ingestion.rest import ApiError, HostBoundSession, HostBoundToken, ImpatientAdapter

API_URL = "https://www.bigmarker.com/api/v1"
# BigMarker publishes no limit; a few at once are what a browser would ask.
WORKERS = 4

_REQUESTS_PER_MINUTE = 300
_PAGE_ROWS = 100


@dataclass(frozen=True)
class ApiSettings:
    """The SOURCES__BIGMARKER__… by which the API is asked, checked."""

    api_key: str = field(repr=False)
    base_url: str
    requests_per_minute: int

    @classmethod
    def read(cls) -> "ApiSettings":
        """Reads them.

        Raises:
            ThroughlineError: One is missing or makes no sense.
        """
        return cls(
            secret_setting("bigmarker", "api_key", "key", "a key of the account's API Keys page"),
            address_setting("bigmarker", "base_url", API_URL),
            number_setting("bigmarker", "max_requests_per_minute", 1, 1_000_000, _REQUESTS_PER_MINUTE),
        )


@dataclass(frozen=True)
class Page:
    """A page of a list.

    Attributes:
        elements: What stands on it.
        answer: All that the API answered.
    """

    elements: list[Any]
    answer: dict[str, Any]

    def number(self, name: str) -> int | None:
        """What it says of the list in a number; None if it says nothing readable."""
        try:
            return int(self.answer[name])
        except (KeyError, TypeError, ValueError):
            return None


class Api:
    """The endpoints that somebody asks."""

    def __init__(self, settings: ApiSettings, session: HostBoundSession, stop: Callable[[], None]) -> None:
        """Asks by a session; `stop` ends what waits for the rate limit."""
        self.stop = stop
        self._settings = settings
        self._session = session
        self._auth = HostBoundToken(token=settings.api_key, base_url=settings.base_url, header="API-KEY")

    @classmethod
    @contextmanager
    def patient(cls, settings: ApiSettings) -> Iterator["Api"]:
        """One for loads, which many threads may share; what still waits at the end is stopped."""
        limit = settings.requests_per_minute
        with patient_session("bigmarker", limit, is_limit_fixed=True, connections=WORKERS) as (session, stop):
            yield cls(settings, session, stop)

    @classmethod
    @contextmanager
    def impatient(cls, settings: ApiSettings) -> Iterator["Api"]:
        """One that asks once, for somebody who watches."""
        with HostBoundSession(ImpatientAdapter()) as session:
            yield cls(settings, session, lambda: None)

    def conferences(self) -> Iterator[Page]:
        """The pages of all conferences, past and to come."""
        try:
            yield from self._pages("conferences/", "conferences", {"type": "all"})
        except RefusalError as refusal:
            if refusal.status != 403:
                raise
            raise _denied(refusal.reason) from None

    def registrations(self, conference: str) -> Iterator[Page]:
        """The pages of a conference's registrations."""
        return self._pages(f"conferences/registrations/{quote(conference, safe='')}", "registrations")

    def attendees(self, conference: str) -> Iterator[Page]:
        """The pages of a conference's attendees, each entry a visit of its own."""
        return self._pages(f"conferences/{quote(conference, safe='')}/attendees", "attendees")

    def _pages(self, path: str, name: str, filters: dict[str, str] | None = None) -> Iterator[Page]:
        """The pages of a list, up to the last one that it says it has, else to the first that adds nothing.

        Raises:
            ApiError: It goes on without end: the same elements come, whichever page is asked for.
        """
        seen: dict[str, int] = {}
        for number in count(1):
            page = self._page(path, name, number, filters or {})
            known = seen.setdefault(_digest(page), number)
            if known == number:
                yield page
                if _is_last(page, number):
                    return
            elif known == number - 1 and _may_be_repeated(page, known):
                return
            else:
                raise ApiError(
                    f"{self._settings.base_url}/{path} gives page {known} again for page {number}; see whether"
                    " SOURCES__BIGMARKER__BASE_URL is the address on the account's API Keys page."
                )

    def _page(self, path: str, name: str, number: int, filters: dict[str, str]) -> Page:
        # Some lists know their page by one name and some by the other; what is not known is ignored.
        params = {"page": str(number), "current_page": str(number), "per_page": str(_PAGE_ROWS)} | filters
        with sentences("BigMarker"):
            response = self._session.get(
                f"{self._settings.base_url}/{path}", params=params, headers=HEADERS, auth=self._auth
            )
        self._check(response)
        answer = response.json()
        if not isinstance(answer.get(name), list):
            raise ApiError(f"{place(response)} answered with no list of {name}.")
        return Page(answer[name], answer)

    def _check(self, response: requests.Response) -> None:
        if response.status_code < 400:
            return
        if "API-KEY" not in response.request.headers:
            raise ApiError(f"{place(response)} wants a key, which only the host of SOURCES__BIGMARKER__BASE_URL gets.")
        if response.status_code == 401:
            raise _denied("401")
        raise RefusalError(response, self._settings.api_key)


def _denied(reason: str) -> ApiError:
    return ApiError(
        f"BigMarker does not accept the key ({reason}); set SOURCES__BIGMARKER__API_KEY to a valid one of the account's"
        " API Keys page, which also says whether SOURCES__BIGMARKER__BASE_URL must be set."
    )


def _digest(page: Page) -> str:
    return hashlib.sha256(json.dumps(page.elements).encode()).hexdigest()


def _is_last(page: Page, number: int) -> bool:
    """Whether no page follows."""
    total_pages = page.number("total_pages")
    if not page.elements or total_pages is not None:
        return not page.elements or number >= total_pages
    # How many were asked for is no measure: a server may have a limit of its own.
    return len(page.elements) < (page.number("per_page") or 0)


def _may_be_repeated(page: Page, number: int) -> bool:
    """Whether a page that comes again right away is the last one of its list, and not the beginning of a longer one."""
    is_short = len(page.elements) < (page.number("per_page") or _PAGE_ROWS)
    return page.number("total_pages") is None and (number > 1 or is_short)
