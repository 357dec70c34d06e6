"""Asking Calendly's API: the settings of its token, lists over all their pages, and answers as sentences."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests
from dlt.common.jsonpath import compile_path
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import BaseNextUrlPaginator

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

API_URL = "https://api.calendly.com"
WORKERS = 16

_LIMIT_BEFORE_THE_FIRST_ANSWER = 500
_PAGE_ROWS = 100
_COLLECTION = compile_path("collection")


@dataclass(frozen=True)
class ApiSettings:
    """The SOURCES__CALENDLY__… by which the API is asked, checked."""

    api_token: str = field(repr=False)
    base_url: str
    requests_per_minute: int | None

    @classmethod
    def read(cls) -> "ApiSettings":
        """Reads them.

        Raises:
            ThroughlineError: One is missing or makes no sense.
        """
        token = secret_setting(
            "calendly",
            "api_token",
            "token",
            "a personal access token of an admin or owner of the Calendly organization",
        )
        base_url = address_setting("calendly", "base_url", API_URL)
        return cls(token, base_url, number_setting("calendly", "max_requests_per_minute", 1, 1_000_000, None))


class _NextPage(BaseNextUrlPaginator):
    """Follows pagination.next_page as given."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        """Finds the next page; an answer that is no page of a list is refused, whatever its status."""
        body = response.json()
        pagination = body.get("pagination")
        if not isinstance(body.get("collection"), list) or not isinstance(pagination, dict):
            raise ApiError(f"{place(response)} answered with no list.")
        next_page = pagination.get("next_page")
        if next_page in self._seen or not isinstance(next_page, str | None):
            raise ApiError(f"{place(response)} names a next page that leads nowhere.")
        self._seen.add(next_page)
        self._next_reference = next_page


class Api:
    """The endpoints that somebody asks."""

    def __init__(self, settings: ApiSettings, session: HostBoundSession, stop: Callable[[], None]) -> None:
        """Asks by a session; `stop` ends what waits for the rate limit."""
        self.stop = stop
        self._settings = settings
        self._session = session
        self._auth = HostBoundToken(token=settings.api_token, base_url=settings.base_url)
        self._client = RESTClient(
            settings.base_url, headers=HEADERS, auth=self._auth, data_selector=_COLLECTION, session=session
        )

    @classmethod
    @contextmanager
    def patient(cls, settings: ApiSettings) -> Iterator["Api"]:
        """One for loads, which many threads may share; what still waits at the end is stopped."""
        limit = settings.requests_per_minute
        with patient_session(
            "calendly",
            limit or _LIMIT_BEFORE_THE_FIRST_ANSWER,
            is_limit_fixed=limit is not None,
            connections=WORKERS,
        ) as (session, stop):
            yield cls(settings, session, stop)

    @classmethod
    @contextmanager
    def impatient(cls, settings: ApiSettings) -> Iterator["Api"]:
        """One that asks once: for somebody who watches, and for what must not be done twice."""
        with HostBoundSession(ImpatientAdapter()) as session:
            yield cls(settings, session, lambda: None)

    def me(self) -> tuple[str, str]:
        """The URIs of the token's user and of their organization."""
        with sentences("Calendly"):
            response = self._client.get("users/me", hooks={"response": [self._check]})
        user = response.json().get("resource")
        uris = [user.get(name) if isinstance(user, dict) else None for name in ("uri", "current_organization")]
        if not all(isinstance(uri, str) and uri for uri in uris):
            raise ApiError(
                f"{place(response)} names no organization; see whether SOURCES__CALENDLY__BASE_URL is right."
            )
        return uris[0], uris[1]

    def page(self, path: str, **filters: str) -> list[Any]:
        """The elements on the first page of a list."""
        return next(self._pages(path, filters), [])

    def collection(self, path: str, **filters: str) -> Iterator[Any]:
        """The elements of a list, over all its pages."""
        for page in self._pages(path, {"count": str(_PAGE_ROWS)} | filters):
            yield from page

    def _pages(self, path: str, filters: dict[str, str]) -> Iterator[list[Any]]:
        pages = self._client.paginate(path, params=filters, paginator=_NextPage(), hooks={"response": [self._check]})
        with sentences("Calendly"):
            yield from pages

    def invitees(self, event: str) -> list[Any] | None:
        """The invitees of a scheduled event by its URI; None if there is no such event any more."""
        try:
            return list(self.collection(f"scheduled_events/{_name(event)}/invitees", sort="created_at:asc"))
        except RefusalError as refusal:
            if refusal.status != 404:
                raise
            return None

    def create(self, path: str, document: dict[str, Any], *, hidden: str) -> None:
        """Makes something.

        Args:
            path: The list that it will stand in.
            document: What it is to be.
            hidden: What of the document is a secret.

        Raises:
            RefusalError: It was refused, and nothing made.
            NoAnswerError: Nobody knows whether it was made.
        """
        self._write("POST", path, hidden, json=document)

    def delete(self, path: str, uri: str) -> None:
        """Deletes an element of a list; one that is not there any more is no failure.

        Raises:
            RefusalError: It was refused.
            NoAnswerError: Nobody knows whether it is deleted.
        """
        try:
            self._write("DELETE", f"{path}/{_name(uri)}")
        except RefusalError as refusal:
            if refusal.status != 404:
                raise

    def _write(self, method: str, path: str, *hidden: str, json: dict[str, Any] | None = None) -> None:
        # Not by dlt's client, which has logs of what it sends; and a redirect would make another request of it.
        url = f"{self._settings.base_url}/{path}"
        with sentences("Calendly"):
            response = self._session.request(
                method, url, json=json, headers=HEADERS, auth=self._auth, allow_redirects=False
            )
        self._check(response, hidden=hidden)
        if response.is_redirect:
            raise ApiError(f"{place(response)} leads elsewhere; see whether SOURCES__CALENDLY__BASE_URL is right.")

    def _check(self, response: requests.Response, *_: Any, hidden: tuple[str, ...] = (), **__: Any) -> None:
        if response.status_code == 401:
            if "Authorization" not in response.request.headers:
                raise ApiError(
                    f"{place(response)} wants a token, which only the host of SOURCES__CALENDLY__BASE_URL gets."
                )
            raise ApiError(
                "Calendly does not accept the token (401); set SOURCES__CALENDLY__API_TOKEN to a valid personal access"
                " token of an admin or owner of the organization."
            )
        if response.status_code >= 400:
            raise RefusalError(response, self._settings.api_token, *hidden)


def _name(uri: str) -> str:
    """The last part of a URI: Calendly's own examples write the same one with different hosts and paths before it."""
    return quote(uri.rstrip("/").rsplit("/", 1)[-1], safe="")
