"""Asking Zoom's API: tokens of an account's app, lists over all their pages, a rate limit for each category."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from ingestion.apis import HEADERS, RefusalError, StoppableWait, address_setting, place, secret_setting, sentences
from ingestion.rest import (
    ApiError,
    HostBoundSession,
    ImpatientAdapter,
    PatientAdapter,
    RateLimit,
    RateLimitedError,
    origin,
    retry_at,
)
from ingestion.settings import source_setting
from ingestion.warehouse import console

API_URL = "https://api.zoom.us/v2"
OAUTH_URL = "https://zoom.us/oauth/token"
# Reports allow ten requests a second, so that more threads would only wait.
WORKERS = 4

_APP = "of a server-to-server OAuth app of the Zoom account"
_PAGE_ROWS = "300"
_SECONDS_OF_A_TOKEN = 3_600.0
# Of a token's time, so that a request does not arrive after its end.
_MARGIN_SECONDS = 60.0
# Requests per second of a Pro account, until an answer says otherwise, and what belongs to which category.
_LIMITS = {"light": 30, "medium": 20, "heavy": 10}
_CATEGORIES = (
    (re.compile(r"/report/webinars/.*/participants$"), "heavy"),
    (re.compile(r"/report/webinars/"), "heavy"),
    (re.compile(r"/registrants$"), "medium"),
    (re.compile(r"/panelists$"), "medium"),
    (re.compile(r"/instances$"), "medium"),
    (re.compile(r"/users$"), "medium"),
    (re.compile(r""), "light"),
)
_WINDOW_SECONDS = 1.0
# What a token may be sent to; nothing else may stand in such an address, which others would read differently.
_ZOOMS = re.compile(r"https://([a-z0-9-]+\.)*zoom\.us(:[0-9]{1,5})?", re.IGNORECASE)
_HERE = re.compile(r"https?://(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]{1,5})?")
# Longer waits are those for another day.
_LONGEST_WAIT_SECONDS = 300.0
# Zoom's codes where a token is good, and its app may not do what it is used for.
_LACKS_SCOPE = (104, 4711)


@dataclass(frozen=True)
class ApiSettings:
    """The SOURCES__ZOOM__… by which the API is asked, checked."""

    account_id: str
    client_id: str
    client_secret: str = field(repr=False)
    base_url: str | None
    oauth_url: str

    @classmethod
    def read(cls) -> "ApiSettings | None":
        """Reads them; None if none of those that say who asks is set.

        Raises:
            ThroughlineError: One is missing or makes no sense.
        """
        meanings = {"account_id": "account id", "client_id": "client id", "client_secret": "client secret"}
        if not any(source_setting("zoom", name) for name in meanings):
            return None
        who = [secret_setting("zoom", name, words, f"the {words} {_APP}") for name, words in meanings.items()]
        base_url = address_setting("zoom", "base_url", API_URL) if source_setting("zoom", "base_url") else None
        return cls(*who, base_url, address_setting("zoom", "oauth_url", OAUTH_URL))

    @property
    def account(self) -> str:
        """Tells one account's loads from another's, without saying which it is."""
        return sha256(self.account_id.encode()).hexdigest()[:16]


class _Token:
    """An access token of the app: asked for when there is none, and again before it ends; kept in memory only."""

    def __init__(
        self, settings: ApiSettings, session: HostBoundSession, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._session = session
        self._lock = threading.Lock()
        self._text = ""
        self._good_until = 0.0
        self._api_url: str | None = None

    def __repr__(self) -> str:
        return "<a token>"

    def current(self) -> str:
        """The token, if need be a new one.

        Raises:
            ApiError: There was none to be had.
        """
        with self._lock:
            if not self._text or self._clock() >= self._good_until:
                self._ask()
            return self._text

    def after(self, refused: str) -> str:
        """The token to use after one was refused: another, unless some other thread has asked for one already."""
        with self._lock:
            if self._text == refused:
                self._ask()
            return self._text

    def base_url(self) -> str:
        """Where the API is: as the settings say, else as the answer with the token says, which may be another region.

        A token goes to no host but Zoom's own, or to this machine if that is where the token came from.
        """
        if self._settings.base_url:
            return self._settings.base_url
        self.current()
        url = (self._api_url or "").rstrip("/")
        is_here = _HERE.fullmatch(url) is not None and origin(url) == origin(self._settings.oauth_url)
        return f"{url}/v2" if _ZOOMS.fullmatch(url) or is_here else API_URL

    def _ask(self) -> None:
        settings = self._settings
        asked_at = self._clock()
        with sentences("Zoom"):
            # Not by dlt's client, which has logs of what it sends; and a redirect could lead anywhere.
            response = self._session.post(
                settings.oauth_url,
                data={"grant_type": "account_credentials", "account_id": settings.account_id},
                auth=(settings.client_id, settings.client_secret),
                headers=HEADERS,
                allow_redirects=False,
            )
        if response.is_redirect:
            raise ApiError(f"{place(response)} leads elsewhere; see whether SOURCES__ZOOM__OAUTH_URL is right.")
        if response.status_code >= 300:
            reason = RefusalError(response, settings.client_secret, settings.client_id, settings.account_id).reason
            raise ApiError(
                f"Zoom gives the app no token ({reason}); see whether SOURCES__ZOOM__ACCOUNT_ID,"
                " SOURCES__ZOOM__CLIENT_ID and SOURCES__ZOOM__CLIENT_SECRET are those of an active server-to-server"
                " OAuth app."
            )
        body = response.json()
        text, api_url = body.get("access_token"), body.get("api_url")
        if not isinstance(text, str) or not re.fullmatch(r"[!-~]+", text):
            raise ApiError(
                f"{place(response)} answered without a token; see whether SOURCES__ZOOM__OAUTH_URL is right."
            )
        seconds = body.get("expires_in")
        seconds = float(seconds) if isinstance(seconds, int | float) else _SECONDS_OF_A_TOKEN
        self._text = text
        self._api_url = api_url if isinstance(api_url, str) else None
        self._good_until = asked_at + max(seconds - _MARGIN_SECONDS, seconds / 2)


class _Bearer(AuthBase):
    """Adds the token to a request, as it is at that moment."""

    def __init__(self, token: _Token) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.current()}"
        return request


class _CategoryAdapter(PatientAdapter):
    """Sends each request within the limit of its category; a token that is refused is replaced, once."""

    def __init__(self, token: _Token, *, say: Callable[[str], None], wait: Callable[[float], None]) -> None:
        self._limits = {
            name: RateLimit(limit, window_seconds=_WINDOW_SECONDS, wait=wait) for name, limit in _LIMITS.items()
        }
        super().__init__(self._limits["light"], is_limit_fixed=True, connections=WORKERS, say=say, wait=wait)
        self._token = token
        # What answers said of a kind of request.
        self._category_of: dict[re.Pattern, str] = {}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends a request, and again with another token if the first was refused: it may have ended on the way."""
        response = super().send(request, *args, **kwargs)
        scheme, _, refused = request.headers.get("Authorization", "").partition(" ")
        if response.status_code != 401 or scheme != "Bearer":
            return response
        request.headers["Authorization"] = f"Bearer {self._token.after(refused)}"
        return super().send(request, *args, **kwargs)

    def rate_of(self, request: requests.PreparedRequest) -> RateLimit:
        """The limit of the category to which a request belongs."""
        kind, category = _kind(request)
        return self._limits[self._category_of.get(kind, category)]

    def follow(self, response: requests.Response) -> None:
        """Notes what an answer says of its category, and of the requests that this one allows in a second."""
        kind, _ = _kind(response.request)
        named = response.headers.get("X-RateLimit-Category", "").lower()
        limit = response.headers.get("X-RateLimit-Limit", "")
        if named in self._limits:
            self._category_of[kind] = named
            if _is_per_second(response) and limit.isdecimal() and int(limit):
                self._limits[named].limit = int(limit)

    def seconds_until_reset(self, response: requests.Response) -> float:
        """Seconds until the instant of Retry-After; without one, the next second.

        Raises:
            RateLimitedError: It is a limit of the day, which nobody waits out.
        """
        instant = retry_at(response)
        if instant is None and not _is_per_second(response):
            raise RateLimitedError(response.request, "but 429: the account's requests of this day are used up")
        seconds = (instant - datetime.now(UTC)).total_seconds() if instant else _WINDOW_SECONDS
        if seconds > _LONGEST_WAIT_SECONDS:
            raise RateLimitedError(
                response.request, f"but 429: no more requests are allowed until {instant:%Y-%m-%d %H:%M} UTC"
            )
        return max(seconds, _WINDOW_SECONDS)


def _is_per_second(response: requests.Response) -> bool:
    """Whether the limit of which an answer speaks is not one of the day."""
    return response.headers.get("X-RateLimit-Type", "QPS").upper() == "QPS"


def _kind(request: requests.PreparedRequest) -> tuple[re.Pattern, str]:
    """What a request is, and its category as Zoom documents it."""
    path = urlsplit(request.url).path
    return next((pattern, category) for pattern, category in _CATEGORIES if pattern.search(path))


class _ExpiredPageError(ApiError):
    """A list took longer than the token of its next page is good for."""


class _NextPageToken(BasePaginator):
    """Asks for the page of next_page_token, until that is blank."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key
        self._token = ""
        self._seen: set[tuple[str, bytes]] = set()

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        """Finds the next page; an answer that is no page of the list is refused, whatever its status."""
        body = response.json()
        token = body.get("next_page_token") or ""
        if not isinstance(body.get(self._key), list) or not isinstance(token, str):
            raise ApiError(f"{place(response)} answered with no list of {self._key}.")
        page = token, sha256(response.content).digest()
        if token and page in self._seen:
            raise ApiError(f"{place(response)} names a next page that leads nowhere.")
        self._seen.add(page)
        self._token = token
        self._has_next_page = bool(token)

    def update_request(self, request: requests.Request) -> None:
        """Sets the token of the next page."""
        request.params = {**(request.params or {}), "next_page_token": self._token}


class Api:
    """The endpoints that a load, or somebody who looks whether it could begin, asks."""

    def __init__(self, token: _Token, session: HostBoundSession, stop: Callable[[], None]) -> None:
        """Asks by a session; `stop` ends what waits for a rate limit."""
        self.stop = stop
        self._token = token
        self._base_url = token.base_url()
        self._client = RESTClient(self._base_url, headers=HEADERS, auth=_Bearer(token), session=session)

    @classmethod
    @contextmanager
    def patient(cls, settings: ApiSettings) -> Iterator["Api"]:
        """One for loads, which many threads may share; what still waits at the end is stopped."""
        wait = StoppableWait()

        def say(sentence: str) -> None:
            console.print(f"zoom: {sentence}")

        def adapter(token: _Token) -> HTTPAdapter:
            return _CategoryAdapter(token, say=say, wait=wait)

        limit = RateLimit(_LIMITS["light"], window_seconds=_WINDOW_SECONDS, wait=wait)
        tokens = PatientAdapter(limit, is_limit_fixed=True, connections=1, say=say, wait=wait)
        try:
            with cls._asking(settings, tokens, adapter, wait.stop) as api:
                yield api
        finally:
            wait.stop()

    @classmethod
    @contextmanager
    def impatient(cls, settings: ApiSettings) -> Iterator["Api"]:
        """One that asks once: for somebody who watches."""
        with cls._asking(settings, ImpatientAdapter(), lambda _: ImpatientAdapter(), lambda: None) as api:
            yield api

    @classmethod
    @contextmanager
    def _asking(
        cls,
        settings: ApiSettings,
        tokens: HTTPAdapter,
        adapter: Callable[[_Token], HTTPAdapter],
        stop: Callable[[], None],
    ) -> Iterator["Api"]:
        with HostBoundSession(tokens) as session_of_tokens:
            token = _Token(settings, session_of_tokens)
            with HostBoundSession(adapter(token)) as session:
                yield cls(token, session, stop)

    def users(self, status: str = "active") -> list[Any]:
        """The account's users of a status: active or inactive."""
        return self._collection("users", "users", status=status)

    def webinars(self, user: str) -> list[Any]:
        """The webinars of a user by the user's id: those to come, and past ones for as long as Zoom lists them."""
        return self._collection(f"users/{quote(user, safe='')}/webinars", "webinars")

    def instances(self, webinar: str) -> list[Any]:
        """Each time that a webinar took place."""
        return self._collection(f"past_webinars/{quote(webinar, safe='')}/instances", "webinars", page_size=None)

    def registrants(self, webinar: str, status: str) -> list[Any]:
        """Who registered for a webinar and is approved, pending or denied."""
        return self._collection(f"webinars/{quote(webinar, safe='')}/registrants", "registrants", status=status)

    def panelists(self, webinar: str) -> list[Any]:
        """The panelists of a webinar."""
        return self._collection(f"webinars/{quote(webinar, safe='')}/panelists", "panelists", page_size=None)

    def report(self, uuid: str) -> dict[str, Any]:
        """What Zoom reports of one time that a webinar took place."""
        url = f"{self._base_url}/report/webinars/{_encoded(uuid)}"
        with sentences("Zoom"):
            return self._client.get(url, hooks={"response": [self._check]}).json()

    def participants(self, uuid: str) -> list[Any]:
        """The sessions of those who were there that time."""
        path = f"report/webinars/{_encoded(uuid)}/participants"
        return self._collection(path, "participants", include_fields="registrant_id")

    def _collection(self, path: str, key: str, *, page_size: str | None = _PAGE_ROWS, **filters: str) -> list[Any]:
        """The elements of a list over all its pages; from the beginning again if it took too long for its tokens."""
        params = filters | ({"page_size": page_size} if page_size else {})
        try:
            return self._pages(path, key, params)
        except _ExpiredPageError:
            return self._pages(path, key, params)

    def _pages(self, path: str, key: str, params: dict[str, str]) -> list[Any]:
        pages = self._client.paginate(
            f"{self._base_url}/{path}",
            params=params,
            paginator=_NextPageToken(key),
            data_selector=key,
            hooks={"response": [self._check]},
        )
        with sentences("Zoom"):
            return [document for page in pages for document in page]

    def _check(self, response: requests.Response, *_: Any, **__: Any) -> None:
        if response.is_redirect or response.status_code < 300:
            return
        has_token = "Authorization" in response.request.headers
        if response.status_code == 401:
            raise ApiError(
                "Zoom does not accept the token that it gave the app (401); see whether the app of"
                " SOURCES__ZOOM__CLIENT_ID is active."
                if has_token
                else f"{place(response)} wants a token, which only the host of SOURCES__ZOOM__BASE_URL gets."
            )
        refusal = RefusalError(response, self._token.current() if has_token else "")
        if refusal.code in _LACKS_SCOPE:
            raise ApiError(
                f"{place(response)} needs a scope that the app of SOURCES__ZOOM__CLIENT_ID does not have"
                f" ({refusal.reason}); add it to the app."
            )
        if "next_page_token=" in response.request.url and "token" in refusal.reason:
            raise _ExpiredPageError(str(refusal))
        raise refusal


def _encoded(uuid: str) -> str:
    """A UUID as a part of a path; Zoom wants one with slashes in certain places encoded twice."""
    once = quote(uuid, safe="")
    return quote(once, safe="") if uuid.startswith("/") or "//" in uuid else once
