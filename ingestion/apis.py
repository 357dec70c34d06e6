"""What the clients of all APIs share: how settings are checked, refusals worded, and waiting ended."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests

from ingestion.errors import ThroughlineError
from ingestion.rest import ApiError, HostBoundSession, PatientAdapter, RateLimit
from ingestion.settings import source_setting
from ingestion.warehouse import console

# What may be somebody's e-mail address.
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
HEADERS = {"Accept": "application/json", "User-Agent": "throughline"}


def secret_setting(source: str, name: str, kind: str, meaning: str) -> str:
    """A setting that goes into a request as it is.

    Args:
        source: The source's name.
        name: The setting's.
        kind: What it is, in a word.
        meaning: What to set it to.

    Raises:
        ThroughlineError: It is missing, or could not stand in a header; the HTTP library would quote it.
    """
    text = (source_setting(source, name) or "").strip()
    if not re.fullmatch(r"[!-~]+", text):
        raise ThroughlineError(
            f"SOURCES__{source.upper()}__{name.upper()} {f'holds more than a {kind}' if text else 'is missing'}; set it"
            f" to {meaning}."
        )
    return text


def address_setting(source: str, name: str, default: str) -> str:
    """A setting that is the address of an API, without a slash at its end.

    Raises:
        ThroughlineError: It is none.
    """
    text = (source_setting(source, name) or default).strip()
    if not re.fullmatch(r"https?://([^\s/?#@:\[\]]+|\[[\da-f:]+\])(:\d{1,5})?(/[^\s?#@]*)?", text):
        raise ThroughlineError(
            f"SOURCES__{source.upper()}__{name.upper()} is no address like {default}; correct it, or leave it out for"
            " that one."
        )
    return text.rstrip("/")


def number_setting(source: str, name: str, lowest: int, highest: int, default: int | None) -> int | None:
    """A setting that is a whole number.

    Raises:
        ThroughlineError: It is none, or lies outside of its bounds.
    """
    text = (source_setting(source, name) or "").strip()
    if not text:
        return default
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not lowest <= int(text) <= highest:
        raise ThroughlineError(
            f"SOURCES__{source.upper()}__{name.upper()} is {text!r}; set it to a whole number from {lowest} to"
            f" {highest:,}."
        )
    return int(text)


class RefusalError(ApiError):
    """An answer that is an error, and whose status may be no failure where it was got.

    Attributes:
        status: Its status.
        code: The API's own number of the error; None where it gives none.
        reason: The status and the API's own words.
    """

    def __init__(self, response: requests.Response, *hidden: str) -> None:
        """Takes the answer, and what may not be shown although the API may repeat it."""
        body = response.json()
        words = ": ".join(str(body[key]) for key in ("title", "error", "reason", "message") if body.get(key))
        details = next((body[key] for key in ("details", "errors") if isinstance(body.get(key), list)), [])
        known = f" ({'; '.join(map(_detail, details))})" if details else ""
        text = f"{response.status_code} {words}{known}".strip()
        for secret in filter(None, hidden):
            text = text.replace(secret, "…")
        self.status = response.status_code
        self.code = body.get("code")
        self.reason = _ADDRESS.sub("…", text)[:300].rstrip(". ")
        parts = urlsplit(response.url)
        super().__init__(f"{parts.hostname} answered {parts.path} with {self.reason}.")


def _detail(detail: Any) -> str:
    """What is wrong with one parameter."""
    if not isinstance(detail, dict):
        return str(detail)
    return " ".join(str(detail[key]) for key in ("parameter", "field", "message") if detail.get(key))


def place(response: requests.Response) -> str:
    """Where an answer came from, for a sentence."""
    parts = urlsplit(response.url)
    return f"{parts.hostname}{parts.path}"


@contextmanager
def sentences(api: str) -> Iterator[None]:
    """Turns what can still go wrong on the way to an API, such as redirects without end, into a sentence."""
    try:
        yield
    except requests.RequestException as error:
        raise ApiError(f"{api} cannot be asked: {error}.") from None


@contextmanager
def patient_session(
    source: str, limit: int, *, is_limit_fixed: bool, connections: int
) -> Iterator[tuple[HostBoundSession, Callable[[], None]]]:
    """A session for loads, which many threads may share, and what stops all that waits in it, as its end does.

    Args:
        source: Who says that a limit is reached.
        limit: Requests per minute.
        is_limit_fixed: Whether it stays what it is, whatever answers say.
        connections: How many to keep open.
    """
    wait = StoppableWait()
    adapter = PatientAdapter(
        RateLimit(limit, wait=wait),
        is_limit_fixed=is_limit_fixed,
        connections=connections,
        say=lambda sentence: console.print(f"{source}: {sentence}"),
        wait=wait,
    )
    with HostBoundSession(adapter) as session:
        try:
            yield session, wait.stop
        finally:
            wait.stop()


class StoppableWait:
    """Lets seconds pass, in any thread, until somebody stops all that waits."""

    def __init__(self) -> None:
        """Waits as told."""
        self._stopped = threading.Event()

    def __call__(self, seconds: float) -> None:
        """Waits.

        Raises:
            ThroughlineError: It was stopped.
        """
        if self._stopped.wait(seconds):
            raise ThroughlineError("The load was stopped.")

    def stop(self) -> None:
        """Ends the waiting, and lets none begin."""
        self._stopped.set()
