"""Calendly's API v2 over one invented organization: paging, filters, rate limit, errors, and faults on demand.

Documents are given out as they are, with the URIs that Calendly would give them, whatever host this one has; only the
links to other pages name the simulator itself.
"""

import asyncio
import base64
import hashlib
import json
import math
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

TOKEN = "simulated-token"

Document = dict[str, Any]


class RefusalError(Exception):
    """An error in Calendly's shape."""

    def __init__(self, status: int, title: str, message: str, /, **details: str) -> None:
        """Takes the status, the words, and for each faulty parameter what is wrong with it."""
        super().__init__(message)
        self.status = status
        self.body: Document = {"title": title, "message": message}
        if details:
            self.body["details"] = [{"parameter": name, "message": words} for name, words in details.items()]


def _invalid(**details: str) -> RefusalError:
    return RefusalError(400, "Invalid Argument", "The supplied parameters are invalid.", **details)


def _denied(message: str = "You do not have permission to access this resource.") -> RefusalError:
    return RefusalError(403, "Permission Denied", message)


NOT_FOUND = RefusalError(404, "Resource Not Found", "The server could not find the requested resource.")


@dataclass(frozen=True)
class Fault:
    """An answer other than the right one.

    Attributes:
        status: Its status.
        body: Its text, JSON or not.
        headers: Further headers.
        is_dropped: Whether the connection ends in the middle of the body.
    """

    status: int = 500
    body: str = '{"title":"Internal Server Error","message":"The server encountered an unexpected condition."}'
    headers: Mapping[str, str] = field(default_factory=dict)
    is_dropped: bool = False


HTML = Fault(200, "<!doctype html><title>Just a moment</title>", {"content-type": "text/html"})
DROPPED = Fault(200, '{"collection":[', is_dropped=True)


@dataclass(frozen=True)
class Asked:
    """A request as it came.

    Attributes:
        path: Without the query.
        query: Its parameters.
        authorization: The header; None if there was none.
        host: The header.
        instant: Of the monotonic clock, in seconds.
    """

    path: str
    query: dict[str, str]
    authorization: str | None
    host: str
    instant: float


class CalendlySimulator:
    """An ASGI app; what it does may be changed while it serves.

    Attributes:
        organization: The documents, as Calendly's API returns them; to change them, assign others.
        lacking: Paths' first segments that the plan does not have: 403.
        is_admin: Whether the token may read the organization's scheduled events.
        token: The one that is accepted.
        requests_per_minute: What X-RateLimit-Limit says.
        window_seconds: How long such a minute lasts here.
        latency: Seconds before each answer.
        asked: The requests so far.
        statuses: What they were answered with, in the order of the answers.
        before_answer: Called with each request before it is answered.
    """

    def __init__(
        self,
        organization: Document,
        *,
        token: str = TOKEN,
        requests_per_minute: int = 500,
        window_seconds: float = 60.0,
        latency: float = 0.0,
        lacking: tuple[str, ...] = (),
        is_admin: bool = True,
    ) -> None:
        """Serves an organization; the arguments are the attributes of these names."""
        self.organization = organization
        self.token = token
        self.requests_per_minute = requests_per_minute
        self.window_seconds = window_seconds
        self.latency = latency
        self.lacking = lacking
        self.is_admin = is_admin
        self.asked: list[Asked] = []
        self.statuses: list[int] = []
        self.before_answer: Callable[[Asked], None] = lambda _: None
        self._faults: list[tuple[re.Pattern, list[Fault]]] = []
        self._window = (0.0, 0)
        self._app: ASGIApp = Starlette(
            routes=[
                Route("/users/me", self._me),
                Route("/organization_memberships", self._list("organization_memberships", "organization")),
                Route("/event_types", self._list("event_types", "organization")),
                Route("/groups", self._list("groups", "organization")),
                Route("/routing_forms", self._list("routing_forms", "organization")),
                Route("/routing_form_submissions", self._list("routing_form_submissions", "form")),
                Route("/scheduled_events", self._scheduled_events),
                Route("/scheduled_events/{event}/invitees", self._invitees),
            ],
            exception_handlers={RefusalError: _refuse, 404: lambda request, _: _refuse(request, NOT_FOUND)},
        )

    @property
    def organization(self) -> Document:
        """The documents."""
        return self._organization

    @organization.setter
    def organization(self, organization: Document) -> None:
        invitees: dict[str, list[Document]] = {
            _name(event["uri"]): [] for event in organization.get("scheduled_events", ())
        }
        for invitee in organization.get("invitees", ()):
            invitees.setdefault(_name(invitee["event"]), []).append(invitee)
        self._organization, self._invitees_of = organization, invitees

    def fail(self, pattern: str, *faults: Fault) -> None:
        """Answers the next requests whose path has the pattern in it, one for each fault, with these."""
        self._faults.append((re.compile(pattern), list(faults)))

    def asked_for(self, pattern: str) -> list[Asked]:
        """The requests so far whose path has the pattern in it."""
        return [asked for asked in self.asked if re.search(pattern, asked.path)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        request = Request(scope, receive)
        asked = Asked(
            request.url.path,
            dict(request.query_params),
            request.headers.get("authorization"),
            request.headers.get("host", ""),
            time.monotonic(),
        )
        self.asked.append(asked)
        self.before_answer(asked)
        if self.latency:
            await asyncio.sleep(self.latency)
        limits = self._count()
        fault = self._fault(asked.path)

        async def send_with_limits(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.statuses.append(message["status"])
                names = {name for name, _ in message["headers"]}
                message["headers"] += [pair for pair in limits if pair[0] not in names]
            await send(message)

        if fault:
            await _answer(fault, send_with_limits)
        elif refusal := self._refusal(asked, limits):
            await _refuse(request, refusal)(scope, receive, send_with_limits)
        else:
            await self._app(scope, receive, send_with_limits)

    def _count(self) -> list[tuple[bytes, bytes]]:
        """Counts a request in its window and returns the headers that say so."""
        instant = time.monotonic()
        began, count = self._window
        if instant >= began + self.window_seconds:
            began, count = instant, 0
        self._window = began, count + 1
        values = {
            "limit": self.requests_per_minute,
            "remaining": max(self.requests_per_minute - count - 1, 0),
            "reset": math.ceil(began + self.window_seconds - instant),
        }
        return [(f"x-ratelimit-{name}".encode(), str(value).encode()) for name, value in values.items()]

    def _fault(self, path: str) -> Fault | None:
        for pattern, faults in self._faults:
            if faults and pattern.search(path):
                return faults.pop(0)
        return None

    def _refusal(self, asked: Asked, limits: list[tuple[bytes, bytes]]) -> RefusalError | None:
        if asked.authorization != f"Bearer {self.token}":
            return RefusalError(401, "Unauthenticated", "The access token is invalid")
        if self._window[1] > self.requests_per_minute:
            return RefusalError(429, "Too Many Requests", "The rate limit is exceeded.")
        if asked.path.split("/")[1] in self.lacking:
            return _denied("Please upgrade to a paid Calendly account.")
        return None

    async def _me(self, _: Request) -> Response:
        return JSONResponse({"resource": self.organization["users_me"]})

    def _list(self, name: str, scope: str) -> Callable:
        field_name = {"form": "routing_form"}.get(scope, scope)

        async def answer(request: Request) -> Response:
            wanted = _required(request, scope)
            if scope == "organization":
                self._check_organization(wanted)
            elif wanted not in {form["uri"] for form in self.organization.get("routing_forms", ())}:
                raise NOT_FOUND
            documents = [
                document
                for document in self.organization.get(name, ())
                # An event type names its owner, and not its organization.
                if document.get(field_name, wanted) == wanted
            ]
            fields = ("name",) if name == "event_types" else ("created_at",)
            return self._page(request, _sorted(request, documents, fields))

        return answer

    async def _scheduled_events(self, request: Request) -> Response:
        query = request.query_params
        me = self.organization["users_me"]
        if "organization" in query:
            self._check_organization(_required(request, "organization"))
            if not self.is_admin and query.get("user") != me["uri"]:
                raise _denied()
        elif "user" not in query:
            raise _invalid(organization="must be a valid URI")
        elif query["user"] != me["uri"]:
            raise _denied(
                "Please also specify organization when requesting events for a user within your organization."
            )
        status = _status(request)
        earliest, latest = (_instant(request, f"{end}_start_time") for end in ("min", "max"))
        documents = [
            document
            for document in self.organization.get("scheduled_events", ())
            if (earliest is None or _parsed(document["start_time"]) >= earliest)
            and (latest is None or _parsed(document["start_time"]) <= latest)
            and status in (None, document["status"])
            and ("user" not in query or query["user"] in {host["user"] for host in document["event_memberships"]})
        ]
        return self._page(request, _sorted(request, documents, ("start_time",)))

    async def _invitees(self, request: Request) -> Response:
        name = request.path_params["event"]
        if name not in self._invitees_of:
            raise NOT_FOUND
        status, email = _status(request), request.query_params.get("email")
        documents = [
            invitee
            for invitee in self._invitees_of[name]
            if status in (None, invitee["status"]) and email in (None, invitee["email"])
        ]
        return self._page(request, _sorted(request, documents, ("created_at",)))

    def _check_organization(self, uri: str) -> None:
        if uri != self.organization["users_me"]["current_organization"]:
            raise _denied()

    def _page(self, request: Request, documents: list[Document]) -> Response:
        """One page; a token is good for its own list with the same filters only, and holds a mere offset.

        So a row that comes or goes while somebody pages is repeated or left out, as Calendly rules out neither.
        """
        query = dict(request.query_params)
        token = query.pop("page_token", None)
        text = query.get("count", "20")
        if not re.fullmatch(r"\d{1,3}", text) or not 1 <= int(text) <= 100:
            raise _invalid(count="must be between 1 and 100")
        count = int(text)
        scope = hashlib.sha256(json.dumps([request.url.path, sorted(query.items())]).encode()).hexdigest()[:12]
        start = 0 if token is None else _offset(token, scope)
        rows = documents[start : start + count]
        pagination: Document = {"count": len(rows)}
        for name, offset in (("next", start + count), ("previous", start - count)):
            is_there = offset < len(documents) if name == "next" else start > 0
            other = base64.urlsafe_b64encode(f"{scope}{max(offset, 0)}".encode()).decode() if is_there else None
            link = f"{request.base_url}{request.url.path[1:]}?{urlencode({**query, 'page_token': other})}"
            pagination |= {f"{name}_page": link if other else None, f"{name}_page_token": other}
        return JSONResponse({"collection": rows, "pagination": pagination})


def _name(uri: str) -> str:
    """The id of the scheduled event at the end of its URI."""
    return uri.rsplit("/", 1)[-1]


def _required(request: Request, name: str) -> str:
    value = request.query_params.get(name, "")
    if not value.startswith("https://"):
        raise _invalid(**{name: "must be a valid URI"})
    return value


def _status(request: Request) -> str | None:
    status = request.query_params.get("status")
    if status not in (None, "active", "canceled"):
        raise _invalid(status="must be one of active, canceled")
    return status


def _instant(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    try:
        return None if text is None else _parsed(text)
    except ValueError:
        raise _invalid(**{name: "must be a valid UTC time"}) from None


def _parsed(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _sorted(request: Request, documents: list[Document], fields: tuple[str, ...]) -> list[Document]:
    order = request.query_params.get("sort", f"{fields[0]}:asc")
    name, _, direction = order.partition(":")
    if name not in fields or direction not in ("asc", "desc"):
        raise _invalid(sort=f"must be one of {', '.join(fields)} with asc or desc")
    return sorted(documents, key=lambda document: document[name] or "", reverse=direction == "desc")


def _offset(token: str, scope: str) -> int:
    try:
        text = base64.urlsafe_b64decode(token).decode()
    except ValueError:
        text = ""
    if not re.fullmatch(rf"{scope}\d+", text):
        raise _invalid(page_token="is invalid")
    return int(text.removeprefix(scope))


def _refuse(_: Request, refusal: RefusalError) -> Response:
    return JSONResponse(refusal.body, refusal.status)


async def _answer(fault: Fault, send: Send) -> None:
    body = fault.body.encode()
    headers = {"content-type": "application/json"} | dict(fault.headers)
    headers["content-length"] = str(len(body) + fault.is_dropped)
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": fault.status, "headers": pairs})
    # One byte short of what was announced, the server can only close the connection.
    await send({"type": "http.response.body", "body": body, "more_body": fault.is_dropped})


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serves an app from a thread, on a free port of this machine only, and yields its address."""
    # asyncio sends at once only where the protocol is named; otherwise each answer takes 40 ms more.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def simulated(folder: Path) -> Iterator[dict[str, str]]:
    """Serves the organization in a demo's folder and yields the settings by which a load finds it.

    Args:
        folder: Where `calendly/organization.json` lies.
    """
    organization = json.loads((folder / "calendly" / "organization.json").read_text(encoding="utf-8"))
    with serving(CalendlySimulator(organization, requests_per_minute=1_000_000)) as base_url:
        # A company's proxy would not find this machine.
        direct = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1")))
        yield {
            "SOURCES__CALENDLY__BASE_URL": base_url,
            "SOURCES__CALENDLY__API_TOKEN": TOKEN,
            "NO_PROXY": direct,
            "no_proxy": direct,
        }
