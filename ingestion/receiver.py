"""Receiving Calendly's webhooks: a signature is checked, the delivery is put on stable storage, and then answered.

What a delivery holds is not looked at: an answer other than 2xx for content that is disliked would in the end have
Calendly disable the subscription for everybody. It is loaded, or rejected with a reason, by `load calendly_webhooks`.

At most 200 connections are served at once, and a request may have 1 MiB that comes within 30 s. So slow or hostile
clients can hold 200 MiB of bodies, and the lines that are made of those whose signature is right. Connections that
never send anything, TLS, and who may connect at all are the business of a proxy in front.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingestion.delivery_log import DeliveryLog
from ingestion.errors import ThroughlineError
from ingestion.receipts import line_of
from ingestion.receiver_figures import Figures, tell
from ingestion.receiver_openapi import WEBHOOK_PATH, openapi
from ingestion.settings import local_folder, now, source_setting
from ingestion.signatures import HEADER, verify
from ingestion.signing_keys import SETTING, KeyRing, secrets_path

BODY_BYTES = 1 << 20

_BODY_SECONDS = 30
_CONNECTIONS = 200
# Under way when the process is asked to end: longer than a delivery takes, shorter than a supervisor waits.
_FAREWELL_SECONDS = 10
_RETRY_SECONDS = 30
_SUMMARY_SECONDS = 60
_KEPT_HEADERS = (HEADER.lower(), "content-type", "content-encoding")
# Instead of Starlette's words.
_MESSAGES = {404: "There is nothing at this address.", 405: "This address does not answer this method."}
_PREFIX = "SOURCES__CALENDLY_WEBHOOKS__"
# What to do if a refused delivery was Calendly's.
_ANEW = "If it is Calendly's, have it signed with a new key: `throughline subscribe --url … --replace`."
_REMEDIES = {
    "unsigned": _ANEW,
    "bad_signature": _ANEW,
    "stale_signature": f"If it is Calendly's, check this machine's clock, then {_PREFIX}SIGNATURE_TOLERANCE_SECONDS.",
}
_TOLERANCE_SECONDS = 180.0


def serve(host: str, port: int, *, insecure: bool = False) -> None:
    """Receives until it is interrupted; what is under way is then answered first.

    Args:
        host: The address to listen on.
        port: The port to listen on; 0 for any that is free.
        insecure: Take deliveries unsigned, which only makes sense without signing keys.

    Raises:
        ThroughlineError: A setting is missing or wrong, the folder cannot be written, or the port is taken.
    """
    folder = _dump_folder()
    ring = _key_ring(insecure)
    tolerance = _tolerance()
    receiver = Receiver(folder, ring, tolerance)
    # A clock that cannot be read should be said before a delivery needs it.
    now()
    try:
        torn = receiver.log.prepare()
    except OSError as error:
        raise ThroughlineError(
            f"{folder} cannot be written ({error.strerror}); correct {_PREFIX}BUCKET_URL, or the folder."
        ) from None
    for path in torn:
        tell(f"{path} had a torn last line, which now has an end: a receiver died while it wrote.")
    with listener(host, port) as bound:
        place = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}{WEBHOOK_PATH}"
        keys = ring.keys() if ring else []
        trust = f"signed with {'the key' if len(keys) == 1 else f'one of {len(keys)} keys'} at most {tolerance:g} s ago"
        tell(f"Receiving at {place} into {folder}, {trust if ring else 'UNSIGNED, from anybody'} (stop with Ctrl+C).")
        with suppress(KeyboardInterrupt):
            server(receiver.app).run(sockets=[bound])


def server(app: Starlette) -> uvicorn.Server:
    """The HTTP server for an app, with the limits that this module's text names."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            # A warning for each request that is no HTTP would let anybody fill the log.
            log_level="error",
            access_log=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=_FAREWELL_SECONDS,
        )
    )


class Receiver:
    """The service.

    Attributes:
        app: It as an ASGI app, which is to be served with its lifespan.
        log: Where deliveries go.
    """

    def __init__(self, folder: Path, ring: KeyRing | None, tolerance: float = _TOLERANCE_SECONDS) -> None:
        """Opens nothing yet.

        Args:
            folder: Where deliveries are written.
            ring: The signing keys; None to take deliveries unsigned.
            tolerance: The seconds by which a signature may be older or newer than now.
        """
        self._ring = ring
        self._tolerance = tolerance
        self._figures = Figures(folder)
        self._openapi = openapi(is_signed=ring is not None, body_bytes=BODY_BYTES)
        self.log = DeliveryLog(folder, self._figures.committed)
        self.app = Starlette(
            routes=[
                Route(WEBHOOK_PATH, self._deliver, methods=["POST"]),
                Route("/healthz", self._health),
                Route("/metrics", self._metrics),
                Route("/openapi.json", self._describe),
            ],
            exception_handlers={HTTPException: _refused},
            lifespan=self._lifespan,
        )
        # A redirection is a failure to Calendly.
        self.app.router.redirect_slashes = False

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        summaries = asyncio.create_task(self._summarize())
        yield
        summaries.cancel()
        await self.log.close()
        self._figures.tell_minute()

    async def _summarize(self) -> None:
        while True:
            await asyncio.sleep(_SUMMARY_SECONDS)
            self._figures.tell_minute()

    async def _deliver(self, request: Request) -> Response:
        try:
            body = await _body(request)
        except HTTPException as refusal:
            self._figures.count("too_large" if refusal.status_code == 413 else "too_slow", sentence=_told(refusal))
            raise
        except ClientDisconnect:
            self._figures.count("broken_off")
            # Nobody is there to read it.
            return Response(status_code=400)
        at = now()
        skew = self._verified(request.headers, body, at)
        try:
            await self.log.append(_line(at, request.headers, body))
        except OSError:
            self._figures.count("not_written")
            raise _unavailable() from None
        self._figures.stored(at, skew)
        return JSONResponse({"status": "stored"})

    def _verified(self, headers: Headers, body: bytes, at: datetime) -> float | None:
        """How many seconds ago a body was signed; None if signatures are not asked for.

        Raises:
            HTTPException: It is not to be trusted.
        """
        if self._ring is None:
            return None
        header = _joined(headers, HEADER)
        verification = verify(header, body, self._keys(self._ring), at, self._tolerance)
        if verification.outcome == "verified":
            return verification.skew
        if verification.outcome == "stale":
            outcome, refusal = "stale_signature", _stale(verification.skew or 0.0, self._tolerance)
        elif header is None:
            outcome, refusal = "unsigned", HTTPException(401, f"The header {HEADER} is missing.")
        else:
            outcome, refusal = "bad_signature", HTTPException(401, "The signature was made with none of the keys.")
        self._figures.count(outcome, verification.skew, f"{_told(refusal)} {_REMEDIES[outcome]}")
        raise refusal

    @staticmethod
    def _keys(ring: KeyRing) -> list[str]:
        try:
            return ring.keys()
        except ThroughlineError as error:
            tell(str(error))
            return ring.keys()

    async def _health(self, _: Request) -> Response:
        if self._figures.failure:
            # An empty line is nothing to a load. Without it, nobody would know before the next delivery.
            with suppress(OSError):
                await self.log.append(b"\n")
        if self._figures.failure:
            raise _unavailable()
        stored_at = self._figures.last_stored_at
        return JSONResponse({"status": "ok", "last_stored_at": _iso(stored_at) if stored_at else None})

    async def _metrics(self, _: Request) -> Response:
        return Response(self._figures.text(), media_type=CONTENT_TYPE_LATEST)

    async def _describe(self, _: Request) -> Response:
        return JSONResponse(self._openapi)


async def _body(request: Request) -> bytes:
    """The bytes of a body as they came.

    Raises:
        HTTPException: They are too many, or did not come in time.
        ClientDisconnect: They did not come to their end.
    """
    too_large = HTTPException(413, f"The body is longer than {BODY_BYTES} bytes.")
    if int(request.headers.get("content-length", 0)) > BODY_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES:
                    raise too_large
    except TimeoutError:
        raise HTTPException(
            408, f"The body did not come within {_BODY_SECONDS} seconds.", {"Connection": "close"}
        ) from None
    return bytes(body)


def _line(at: datetime, headers: Headers, body: bytes) -> bytes:
    """A delivery as the line that a load reads."""
    kept = {name: value for name in _KEPT_HEADERS if (value := _joined(headers, name)) is not None}
    return line_of(body, kept, at).encode() + b"\n"


def _joined(headers: Headers, name: str) -> str | None:
    """A header, all of them where it came more than once, as HTTP joins them."""
    return ", ".join(headers.getlist(name)) if name in headers else None


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S.%fZ}"


def _stale(skew: float, tolerance: float) -> HTTPException:
    place = "ago" if skew > 0 else "ahead of this clock"
    return HTTPException(401, f"The signature was made {abs(skew):.0f} s {place}, and {tolerance:g} s are tolerated.")


def _unavailable() -> HTTPException:
    message = "Deliveries cannot be written at the moment; send it again."
    return HTTPException(503, message, {"Retry-After": str(_RETRY_SECONDS)})


async def _refused(_: Request, refusal: HTTPException) -> Response:
    message = _MESSAGES.get(refusal.status_code, refusal.detail)
    return JSONResponse({"message": message}, refusal.status_code, refusal.headers)


def _told(refusal: HTTPException) -> str:
    """What is said the first time that something is refused for a reason."""
    return f"A delivery was refused. {refusal.detail}"


def _dump_folder() -> Path:
    url = source_setting("calendly_webhooks", "bucket_url")
    if not url:
        raise ThroughlineError(f"Set {_PREFIX}BUCKET_URL to the folder into which deliveries are to be written.")
    folder = local_folder(url)
    if not folder:
        scheme = url.partition("://")[0]
        raise ThroughlineError(
            f"{_PREFIX}BUCKET_URL names a place of {scheme}://, but `throughline receive` writes into a folder of this"
            " machine: name one."
        )
    return folder


def _key_ring(insecure: bool) -> KeyRing | None:
    ring = KeyRing()
    if ring.keys() and insecure:
        raise ThroughlineError(
            f"There are signing keys, and --insecure would not ask for them: leave it out, or take them out"
            f" of {SETTING if os.environ.get(SETTING) else secrets_path()}."
        )
    if not ring.keys() and not insecure:
        raise ThroughlineError(
            f"There is no signing key, so that anybody could send deliveries. Make one with `throughline subscribe`, or"
            f" set {SETTING}; --insecure takes deliveries unsigned."
        )
    return None if insecure else ring


def _tolerance() -> float:
    setting = f"{_PREFIX}SIGNATURE_TOLERANCE_SECONDS"
    text = source_setting("calendly_webhooks", "signature_tolerance_seconds")
    if text is None:
        return _TOLERANCE_SECONDS
    try:
        tolerance = float(text)
    except ValueError:
        tolerance = -1.0
    if not 0 < tolerance < float("inf"):
        raise ThroughlineError(f"{setting} is {text!r}; write a number of seconds, like 180.")
    return tolerance


def listener(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that what is sent from now on is answered.

    Raises:
        ThroughlineError: The address is not this machine's, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once only where the protocol is named; otherwise each answer takes 40 ms more.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(2048)
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ThroughlineError(
            f"{host}:{port} cannot be listened on ({reason}); choose another --host or --port."
        ) from None
    return bound
