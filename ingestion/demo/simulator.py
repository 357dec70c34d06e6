"""What the simulators of all APIs share: requests remembered, faults on demand, and an address of this machine."""

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

# Pairs of names and values, as ASGI has them.
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Fault:
    """An answer other than the right one.

    Attributes:
        status: Its status.
        body: Its text, JSON or not.
        headers: Further headers.
        is_dropped: Whether the connection ends in the middle of the body.
        is_done: Whether what was asked for is done nevertheless.
    """

    status: int = 500
    body: str = '{"title":"Internal Server Error","message":"The server encountered an unexpected condition."}'
    headers: Mapping[str, str] = field(default_factory=dict)
    is_dropped: bool = False
    is_done: bool = False

    async def answer(self, send: Send) -> None:
        """Sends it."""
        body = self.body.encode()
        headers = {"content-type": "application/json"} | dict(self.headers)
        headers["content-length"] = str(len(body) + self.is_dropped)
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": pairs})
        # One byte short of what was announced, the server can only close the connection.
        await send({"type": "http.response.body", "body": body, "more_body": self.is_dropped})


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
        method: GET, POST or DELETE.
        headers: All headers, by their names in lower case.
    """

    path: str
    query: dict[str, str]
    authorization: str | None
    host: str
    instant: float
    method: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Simulator:
    """An ASGI app that remembers what it is asked; what it does may be changed while it serves.

    Attributes:
        app: Answers what is neither refused nor a fault.
        latency: Seconds before each answer.
        asked: The requests so far.
        statuses: What they were answered with, in the order of the answers.
        before_answer: Called with each request before it is answered.
    """

    def __init__(self, app: ASGIApp, *, latency: float = 0.0) -> None:
        """Answers by an app."""
        self.app = app
        self.latency = latency
        self.asked: list[Asked] = []
        self.statuses: list[int] = []
        self.before_answer: Callable[[Asked], None] = lambda _: None
        self._faults: list[tuple[re.Pattern, list[Fault]]] = []

    def fail(self, pattern: str, *faults: Fault) -> None:
        """Answers the next requests whose path has the pattern in it, one for each fault, with these."""
        self._faults.append((re.compile(pattern), list(faults)))

    def asked_for(self, pattern: str) -> list[Asked]:
        """The requests so far whose path has the pattern in it."""
        return [asked for asked in self.asked if re.search(pattern, asked.path)]

    def count(self, asked: Asked) -> Headers:
        """Counts a request against the rate limit, and returns the headers that say so; here there is none."""
        return []

    def refusal(self, asked: Asked, request: Request) -> Response | None:
        """The answer to a request that may not be made at all; None to one that may."""
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        request = Request(scope, receive)
        asked = Asked(
            request.url.path,
            dict(request.query_params),
            request.headers.get("authorization"),
            request.headers.get("host", ""),
            time.monotonic(),
            request.method,
            dict(request.headers),
        )
        self.asked.append(asked)
        self.before_answer(asked)
        if self.latency:
            await asyncio.sleep(self.latency)
        limits = self.count(asked)
        fault = self._fault(asked.path)

        async def send_with_limits(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.statuses.append(message["status"])
                names = {name for name, _ in message["headers"]}
                message["headers"] += [pair for pair in limits if pair[0] not in names]
            await send(message)

        async def keep_silent(_: Any) -> None:
            pass

        if fault:
            if fault.is_done:
                await self.app(scope, receive, keep_silent)
            await fault.answer(send_with_limits)
        elif refusal := self.refusal(asked, request):
            await refusal(scope, receive, send_with_limits)
        else:
            await self.app(scope, receive, send_with_limits)

    def _fault(self, path: str) -> Fault | None:
        for pattern, faults in self._faults:
            if faults and pattern.search(path):
                return faults.pop(0)
        return None


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
