"""Zoom's API over one invented account: tokens, paging, statuses, doubly encoded UUIDs, rate limits, faults on demand.

Documents are given out as they are.
"""

import base64
import hashlib
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ingestion.demo.simulator import Asked, Headers, Simulator

ACCOUNT_ID, CLIENT_ID, CLIENT_SECRET = "simulated-account", "simulated-client", "simulated-secret"

# Requests per second of a Pro account.
PRO_LIMITS = {"Light": 30, "Medium": 20, "Heavy": 10}
_CATEGORIES = (
    (r"^/v2/report/", "Heavy"),
    (r"^/v2/(users$|past_webinars/|webinars/)", "Medium"),
    (r"", "Light"),
)
_PAGE_SECONDS = 900.0

Document = dict[str, Any]


class RefusalError(Exception):
    """An error in Zoom's shape."""

    def __init__(self, status: int, code: int, message: str, **headers: str) -> None:
        """Takes the status, Zoom's own code, the words, and headers whose hyphens are underscores."""
        super().__init__(message)
        self.status = status
        self.body: Document = {"code": code, "message": message}
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def _no_webinar(name: str) -> RefusalError:
    return RefusalError(404, 3001, f"Webinar does not exist: {name}.")


class ZoomSimulator(Simulator):
    """An ASGI app; what it does may be changed while it serves.

    Attributes:
        account: `users` (a list), `webinars` by the user's id, `instances`, `registrants` and `panelists` by the
            webinar's id, `reports` and `participants` by the instance's UUID; to change them, assign others. A user
            without a list of webinars has no plan for them; a webinar without one of registrants wants no registration.
        limits: Requests per window by category.
        window_seconds: How long a second lasts here.
        daily_limit: Heavy requests that may be made at all; None is any number.
        token_seconds: How long a token is good for.
        page_seconds: How long the token of a next page is good for.
        kept_days: How old a report may be; None is any age.
        api_url: What the answer with a token says; None is the simulator itself.
        now: What time it is.
        asked: The requests so far; their paths are as encoded as they came.
    """

    def __init__(
        self,
        account: Document,
        *,
        limits: dict[str, int] | None = None,
        window_seconds: float = 1.0,
        daily_limit: int | None = None,
        token_seconds: float = 3600.0,
        kept_days: int | None = None,
        latency: float = 0.0,
    ) -> None:
        """Serves an account; the arguments are the attributes of these names."""
        super().__init__(self._answers(), latency=latency)
        self.account = account
        self.limits = dict(limits or PRO_LIMITS)
        self.window_seconds = window_seconds
        self.daily_limit = daily_limit
        self.token_seconds = token_seconds
        self.page_seconds = _PAGE_SECONDS
        self.kept_days = kept_days
        self.api_url: str | None = None
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._tokens: dict[str, float] = {}
        self._windows: dict[str, tuple[float, int]] = {}
        self._heavy_requests = 0

    def _answers(self) -> ASGIApp:
        return Starlette(
            routes=[
                Route("/oauth/token", self._token, methods=["POST"]),
                Route("/v2/users", self._users),
                Route("/v2/users/{user}/webinars", self._webinars),
                Route("/v2/webinars/{webinar}/registrants", self._registrants),
                Route("/v2/webinars/{webinar}/panelists", self._panelists),
                Route("/v2/past_webinars/{webinar}/instances", self._instances),
                Route("/v2/report/webinars/{webinar}", self._report),
                Route("/v2/report/webinars/{webinar}/participants", self._participants),
            ],
            exception_handlers={
                RefusalError: _refuse,
                404: lambda request, _: _refuse(
                    request, RefusalError(404, 2300, "This API endpoint is not recognized.")
                ),
            },
        )

    def counts(self) -> Counter[str]:
        """How many requests there were so far, by path."""
        return Counter(asked.path for asked in self.asked)

    def revoke(self) -> None:
        """Makes every token that was given out worthless."""
        self._tokens.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        # With its %2F, which would otherwise part an encoded UUID in two.
        await super().__call__(scope | {"path": scope["raw_path"].decode()}, receive, send)

    def count(self, asked: Asked) -> Headers:
        """Counts a request in the window of its category, and returns the headers that say so."""
        category = _category(asked)
        instant = time.monotonic()
        began, count = self._windows.get(category, (0.0, 0))
        if instant >= began + self.window_seconds:
            began, count = instant, 0
        self._windows[category] = began, count + 1
        self._heavy_requests += category == "Heavy"
        values = {
            "category": category,
            "type": "Daily-limit" if self._is_over_the_day(category) else "QPS",
            "limit": self.daily_limit if self._is_over_the_day(category) else self.limits[category],
            "remaining": max(self.limits[category] - count - 1, 0),
        }
        return [(f"x-ratelimit-{name}".encode(), str(value).encode()) for name, value in values.items()]

    def _is_over_the_day(self, category: str) -> bool:
        return category == "Heavy" and self.daily_limit is not None and self._heavy_requests > self.daily_limit

    def refusal(self, asked: Asked, request: Request) -> Response | None:
        """What is said to a request that comes too soon, or without a good token."""
        refusal = self._limit(_category(asked)) or (None if asked.path == "/oauth/token" else self._stranger(asked))
        return refusal and _refuse(request, refusal)

    def _limit(self, category: str) -> RefusalError | None:
        if self._is_over_the_day(category):
            midnight = (self.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0)
            return RefusalError(
                429,
                429,
                f"You have exceeded the daily rate limit ({self.daily_limit}) of Heavy API requests.",
                retry_after=f"{midnight:%Y-%m-%dT%H:%M:%SZ}",
            )
        if self._windows[category][1] > self.limits[category]:
            return RefusalError(429, 429, "You have exceeded the per-second rate limit of this API.")
        return None

    def _stranger(self, asked: Asked) -> RefusalError | None:
        scheme, _, token = (asked.authorization or "").partition(" ")
        if scheme != "Bearer" or token not in self._tokens:
            return RefusalError(401, 124, "Invalid access token.")
        if self._tokens[token] <= time.monotonic():
            return RefusalError(401, 124, "Access token is expired.")
        return None

    async def _token(self, request: Request) -> Response:
        credentials = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        form = dict(parse_qsl((await request.body()).decode()))
        if request.headers.get("authorization") != f"Basic {credentials}":
            return JSONResponse({"reason": "Invalid client_id or client_secret", "error": "invalid_client"}, 401)
        if form.get("grant_type") != "account_credentials":
            return JSONResponse({"reason": "unsupported grant type", "error": "unsupported_grant_type"}, 400)
        if form.get("account_id") != ACCOUNT_ID:
            return JSONResponse({"reason": "Bad Request", "error": "invalid_request"}, 400)
        token = f"simulated-{secrets.token_hex(16)}"
        self._tokens[token] = time.monotonic() + self.token_seconds
        return JSONResponse(
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": int(self.token_seconds),
                "scope": "user:read:admin webinar:read:admin report:read:admin",
                "api_url": self.api_url or str(request.base_url).rstrip("/"),
            }
        )

    async def _users(self, request: Request) -> Response:
        status = request.query_params.get("status", "active")
        if status not in ("active", "inactive", "pending"):
            raise RefusalError(400, 300, "Invalid status.")
        users = [user for user in self._all("users", []) if user.get("status", "active") == status]
        return self._page(request, "users", users)

    async def _webinars(self, request: Request) -> Response:
        user = unquote(request.path_params["user"])
        if user not in {known.get("id") for known in self._all("users", [])}:
            # An app of an account is nobody in particular, so that there is no `me`.
            raise RefusalError(404, 1001, f"User does not exist: {user}.")
        if user not in self._all("webinars"):
            raise RefusalError(400, 200, "Webinar plan is missing. Enable webinars for this user once subscribed.")
        return self._page(request, "webinars", self._all("webinars")[user])

    async def _registrants(self, request: Request) -> Response:
        webinar = self._known_webinar(request)
        if webinar not in self._all("registrants"):
            raise RefusalError(400, 404, f"Registration has not been enabled for this webinar: {webinar}.")
        status = request.query_params.get("status", "approved")
        if status not in ("approved", "pending", "denied"):
            raise RefusalError(400, 300, "Invalid status.")
        registrants = self._all("registrants")[webinar]
        chosen = [one for one in registrants if not isinstance(one, dict) or one.get("status", "approved") == status]
        return self._page(request, "registrants", chosen)

    async def _panelists(self, request: Request) -> Response:
        panelists = self._all("panelists").get(self._known_webinar(request), [])
        return JSONResponse({"total_records": len(panelists), "panelists": panelists})

    async def _instances(self, request: Request) -> Response:
        return JSONResponse({"webinars": self._all("instances").get(self._known_webinar(request), [])})

    async def _report(self, request: Request) -> Response:
        return JSONResponse(self._all("reports")[self._reported(request)])

    async def _participants(self, request: Request) -> Response:
        participants = self._all("participants").get(self._reported(request), [])
        if "registrant_id" not in request.query_params.get("include_fields", "").split(","):
            participants = [
                {name: value for name, value in one.items() if name != "registrant_id"} for one in participants
            ]
        return self._page(request, "participants", participants)

    def _all(self, name: str, default: Any = None) -> Any:
        return self.account.get(name, {} if default is None else default)

    def _known_webinar(self, request: Request) -> str:
        webinar = unquote(request.path_params["webinar"])
        listed = {str(one.get("id")) for webinars in self._all("webinars").values() for one in webinars}
        if webinar not in listed and webinar not in self._all("instances"):
            raise _no_webinar(webinar)
        return webinar

    def _reported(self, request: Request) -> str:
        """The UUID of the instance that is meant: by a webinar's number it is the latest one."""
        name = unquote(request.path_params["webinar"])
        if "%" in name:
            name = unquote(name)
        elif name.startswith("/") or "//" in name:
            raise _no_webinar(name)
        instances = self._all("instances").get(name, [])
        uuid = max(instances, key=lambda one: one["start_time"])["uuid"] if instances else name
        report = self._all("reports").get(uuid)
        if report is None:
            raise _no_webinar(name)
        began = datetime.fromisoformat(report["start_time"])
        if self.kept_days is not None and began < self.now() - timedelta(days=self.kept_days):
            raise RefusalError(400, 12702, "Can not access a webinar that is older than six months.")
        return uuid

    def _page(self, request: Request, key: str, documents: list[Document]) -> Response:
        """One page; the token of the next is good for its own list with the same filters, and for a while."""
        query = dict(request.query_params)
        token = query.pop("next_page_token", "")
        text = query.get("page_size", "30")
        if not re.fullmatch(r"\d{1,3}", text) or not 1 <= int(text) <= 300:
            raise RefusalError(400, 300, "The page size must be from 1 to 300.")
        scope = hashlib.sha256(json.dumps([request.url.path, sorted(query.items())]).encode()).hexdigest()[:12]
        start = self._offset(token, scope) if token else 0
        end = start + int(text)
        expiry = time.monotonic() + self.page_seconds
        following = base64.urlsafe_b64encode(f"{scope}:{end}:{expiry}".encode()).decode()
        page = {
            "page_size": int(text),
            "total_records": len(documents),
            "next_page_token": following if end < len(documents) else "",
        }
        return JSONResponse(page | {key: documents[start:end]})

    def _offset(self, token: str, scope: str) -> int:
        try:
            own, offset, expiry = base64.urlsafe_b64decode(token).decode().split(":")
            if own == scope and float(expiry) > time.monotonic():
                return int(offset)
        except ValueError:
            pass
        raise RefusalError(400, 300, "The next page token is either invalid or has expired.")


def _category(asked: Asked) -> str:
    return next(name for pattern, name in _CATEGORIES if re.search(pattern, asked.path))


def _refuse(_: Request, refusal: RefusalError) -> Response:
    return JSONResponse(refusal.body, refusal.status, refusal.headers)
