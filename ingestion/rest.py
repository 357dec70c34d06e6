"""Asking a REST API: one rate limit for all threads, patience with faults, and a token that only one host ever sees."""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue
from dlt.sources.helpers.rest_client.auth import AuthConfigBase
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar

from ingestion.errors import ThroughlineError

WINDOW_SECONDS = 60.0
# Between one attempt and the next, so that there is one more attempt than these.
BACK_OFF_SECONDS = (1.0, 2.0, 4.0, 8.0)
# How often one request may be answered 429 before somebody has to look.
_REFUSALS = 10
# A count of seconds until a reset cannot be longer; a larger number is an instant.
_LONGEST_RESET_SECONDS = 3_600.0
_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_IMPATIENT_SECONDS = 10.0
_BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
# The headers in which tokens travel.
_TOKENS = ("Authorization", "API-KEY")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str | None, int | None]:
    """A URL's scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)


class ApiError(ThroughlineError):
    """What an API answered, or that it did not, as a sentence; what becomes of it is for whoever asked to say."""


class NoAnswerError(ApiError):
    """No usable answer came; whether the request did anything is not known.

    Attributes:
        is_passing: Whether it passes by itself, as a rate limit or a fault of the server does.
    """

    def __init__(self, request: requests.PreparedRequest, how: str, *, is_passing: bool = True) -> None:
        """Takes the request, and how it went: words that follow `gave no usable answer to GET /path`."""
        parts = urlsplit(request.url)
        super().__init__(f"{parts.hostname} gave no usable answer to {request.method} {parts.path} {how}.")
        self.is_passing = is_passing


class RateLimitedError(NoAnswerError):
    """The request came when no more were allowed, and nothing was done."""


@configspec
class HostBoundToken(AuthConfigBase):
    """A token for the host of `base_url`, whichever URL a page of an answer leads to.

    Attributes:
        token: The token, or key.
        base_url: Of the API.
        header: Where it stands; a bearer token stands in Authorization.
    """

    token: TSecretStrValue = None
    base_url: str = None
    header: str = "Authorization"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Adds the token to a request to its own host."""
        if origin(request.url) == origin(self.base_url):
            is_bearer = self.header == "Authorization"
            request.headers[self.header] = f"Bearer {self.token}" if is_bearer else self.token
        return request


class RateLimit:
    """At most so many requests in any window of time, as the server counts them, over all threads.

    A request holds its place from when it is sent until a window after its answer: it reached the server somewhere
    between the two, and so no two clocks need agree.
    """

    def __init__(
        self,
        limit: int,
        *,
        window_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Starts with an empty window.

        Args:
            limit: Requests in a window.
            window_seconds: How long one lasts; left out, a minute.
            clock: Seconds from any beginning.
            wait: Lets that many seconds pass.
        """
        self.limit = limit
        self._window_seconds = WINDOW_SECONDS if window_seconds is None else window_seconds
        self._clock = clock
        self._wait = wait
        self._lock = threading.Lock()
        self._under_way = 0
        self._answered: deque[float] = deque()
        self._paused_until = clock()

    def acquire(self) -> None:
        """Waits for a place."""
        while (seconds := self._delay()) > 0:
            self._wait(seconds)

    def release(self) -> None:
        """Tells that the request is answered, or failed."""
        with self._lock:
            self._under_way -= 1
            self._answered.append(self._clock())

    def pause(self, seconds: float) -> bool:
        """Keeps all threads from sending for a while, and tells whether they were free to until now."""
        with self._lock:
            instant = self._clock()
            was_free = self._paused_until <= instant
            self._paused_until = max(self._paused_until, instant + seconds)
            return was_free

    def _delay(self) -> float:
        """Takes a place and returns 0, or returns the seconds after which to ask again."""
        with self._lock:
            instant = self._clock()
            if instant < self._paused_until:
                return self._paused_until - instant
            while self._answered and self._answered[0] + self._window_seconds <= instant:
                self._answered.popleft()
            if self._under_way + len(self._answered) < self.limit:
                self._under_way += 1
                return 0.0
            # With nothing answered all places are under way, and one of them may fall free at any moment.
            return self._answered[0] + self._window_seconds - instant if self._answered else 0.05


class PatientAdapter(HTTPAdapter):
    """Sends within a rate limit, waits out 429, and asks again where an answer is none.

    What comes back is JSON, a redirect, or 401. An API with several limits overrides what concerns them.
    """

    def __init__(
        self,
        rate: RateLimit,
        *,
        is_limit_fixed: bool,
        connections: int,
        say: Callable[[str], None],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Makes a pool of connections.

        Args:
            rate: The limit that requests share.
            is_limit_fixed: Whether it stays what it is, whatever X-RateLimit-Limit says.
            connections: How many to keep open.
            say: Takes a sentence for the person who waits.
            wait: Lets that many seconds pass.
        """
        super().__init__(pool_connections=2, pool_maxsize=connections)
        self._rate = rate
        self._is_limit_fixed = is_limit_fixed
        self._say = say
        self._wait = wait

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends a request until there is a usable answer.

        Raises:
            NoAnswerError: There was none in as many attempts as there may be.
        """
        kwargs["timeout"] = kwargs.get("timeout") or (_CONNECT_SECONDS, _READ_SECONDS)
        for seconds in BACK_OFF_SECONDS:
            response, fault = self._admitted(request, *args, **kwargs)
            if fault is None:
                return response
            self._wait(seconds)
        response, fault = self._admitted(request, *args, **kwargs)
        if fault is None:
            return response
        raise NoAnswerError(request, f"in {len(BACK_OFF_SECONDS) + 1} attempts, the last time {fault}")

    def rate_of(self, _: requests.PreparedRequest) -> RateLimit:
        """The limit within which a request is sent."""
        return self._rate

    def follow(self, response: requests.Response) -> None:
        """Sets a limit to what an answer says it is."""
        limit = response.headers.get("X-RateLimit-Limit", "")
        if not self._is_limit_fixed and limit.isdecimal() and int(limit):
            self._rate.limit = int(limit)

    def seconds_until_reset(self, response: requests.Response) -> float:
        """How long an answer that is 429 wants one to wait."""
        return _seconds_until_reset(response)

    def _admitted(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> tuple[requests.Response | None, str | None]:
        """An answer that is no 429, or what is wrong with it."""
        for _ in range(_REFUSALS):
            response, fault = self._attempt(request, *args, **kwargs)
            if response is None or response.status_code != 429:
                return response, fault
            seconds = self.seconds_until_reset(response)
            if self.rate_of(request).pause(seconds):
                self._say(f"the rate limit is reached; waiting {seconds:.0f} s.")
        raise RateLimitedError(
            request, f"but 429, {_REFUSALS} times: something else uses up the rate limit of this token"
        )

    def _attempt(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> tuple[requests.Response | None, str | None]:
        """An answer, or what is wrong with it."""
        rate = self.rate_of(request)
        rate.acquire()
        try:
            response = super().send(request, *args, **kwargs)
            # The body is read here, where a connection that drops in the middle is still a fault to mend.
            _ = response.content
        except _BROKEN as error:
            return None, _sentence(error)
        finally:
            rate.release()
        self.follow(response)
        return response, None if response.status_code == 429 else _fault(response)


class ImpatientAdapter(HTTPAdapter):
    """Sends once and waits ten seconds: for somebody who watches, and for what must not happen twice.

    What comes back is JSON, a redirect, 401, or that something is deleted.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends a request.

        Raises:
            NoAnswerError: There was no usable answer.
        """
        kwargs["timeout"] = _IMPATIENT_SECONDS
        try:
            response = super().send(request, *args, **kwargs)
            _ = response.content
        except _BROKEN as error:
            raise NoAnswerError(request, f"but {_sentence(error)}", is_passing=False) from None
        if response.status_code == 429:
            seconds = _seconds_until_reset(response)
            raise RateLimitedError(
                request, f"but 429: the rate limit of this token is used up for another {seconds:.0f} s"
            )
        if fault := _fault(response):
            raise NoAnswerError(request, f"but {fault}", is_passing=response.status_code >= 500)
        return response


class HostBoundSession(requests.Session):
    """A session that many threads may share and that no redirect makes tell its token to anybody else."""

    def __init__(self, adapter: HTTPAdapter) -> None:
        """Sends everything by one adapter."""
        super().__init__()
        self.mount("http://", adapter)
        self.mount("https://", adapter)
        self.cookies = _NoCookies()

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Takes the token off a redirected request that leaves its host; and adds none from a .netrc file."""
        if origin(prepared_request.url) != origin(response.request.url):
            for header in _TOKENS:
                prepared_request.headers.pop(header, None)


class _NoCookies(RequestsCookieJar):
    """Threads that share cookies would share their faults."""

    def set_cookie(self, *_: Any, **__: Any) -> None:
        """Forgets it."""


def _sentence(error: requests.RequestException) -> str:
    """Why nothing came."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return f"no answer at all ({reason or error})"


def _fault(response: requests.Response) -> str | None:
    """What is wrong with an answer that is not 429."""
    if response.status_code >= 500:
        return f"status {response.status_code}"
    is_deleted = response.status_code == 204 and response.request.method == "DELETE"
    if is_deleted or response.status_code == 401 or response.is_redirect or _is_json(response):
        return None
    return f"no JSON (status {response.status_code})"


def _is_json(response: requests.Response) -> bool:
    try:
        return isinstance(response.json(), dict)
    except (json.JSONDecodeError, requests.exceptions.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return False


def retry_at(response: requests.Response) -> datetime | None:
    """When Retry-After lets one ask again, be it a number of seconds, an HTTP date or an ISO instant, in UTC."""
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text, re.ASCII):
        return datetime.now(UTC) + timedelta(seconds=float(text))
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            instant = parse(text)
            return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            pass
    return None


def _seconds_until_reset(response: requests.Response) -> float:
    try:
        seconds = float(response.headers["X-RateLimit-Reset"])
    except (KeyError, ValueError):
        return WINDOW_SECONDS
    # Written so that "nan" fails, too.
    return max(seconds, 1.0) if 0 <= seconds <= _LONGEST_RESET_SECONDS else WINDOW_SECONDS
