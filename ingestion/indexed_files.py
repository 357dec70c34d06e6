"""Files behind an https:// prefix that cannot be listed: a file_index.json beside them says what is there."""

import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import BinaryIO
from urllib.parse import quote

from dlt.sources.helpers import requests

from ingestion.errors import ThroughlineError
from ingestion.files import SourceFile, shown
from ingestion.warehouse import console

_AT_ONCE = 8
_ATTEMPTS = 4
# Some servers refuse the agents of libraries.
_HEADERS = {"User-Agent": "throughline"}


class _Content:
    """What an answer held, opened like a file."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def open(self, path: str, mode: str) -> BinaryIO:
        return io.BytesIO(self._content)


def list_indexed_files(source: str, url: str, extensions: Sequence[str]) -> list[SourceFile]:
    """The files that `<url>/file_index.json` names, oldest first, ties by name; they are small and read at once.

    The index is `{"files": […]}`, each a name or an object with a name or an url. A file that it names and that
    answers 403 or 404 is not there yet: a notice says so.

    Args:
        source: Its name in the settings.
        url: The value of its BUCKET_URL, beginning with https:// (or http://).
        extensions: What the wanted names end in, lower-case.

    Raises:
        ThroughlineError: The index is missing or is none, or a file cannot be fetched.
    """
    prefix = url.rstrip("/")
    session = requests.Client(raise_for_status=False, request_max_attempts=_ATTEMPTS).session
    with _sentences(source, url):
        wanted = _indexed(session, source, url, extensions)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            addresses = [f"{prefix}/{quote(name)}" for name in wanted]
            answers = list(pool.map(lambda address: session.get(address, headers=_HEADERS), addresses))
    files = []
    for name, address, answer in zip(wanted, addresses, answers, strict=True):
        if answer.status_code in (403, 404):
            console.print(
                f"{source}: {name} stands in the index and answers {answer.status_code}; it is not there yet."
            )
            continue
        if answer.status_code != 200:
            raise ThroughlineError(
                f"{shown(address)} answers {answer.status_code}; nothing was loaded. Try again later."
            )
        files.append(
            SourceFile(
                name=name,
                address=shown(address),
                path=address,
                size=len(answer.content),
                modified_at=_modified_at(answer, name),
                version=f"{len(answer.content)}:{hashlib.sha256(answer.content).hexdigest()}",
                filesystem=_Content(answer.content),
            )
        )
    return sorted(files, key=lambda file: (file.modified_at, file.name))


def indexed_names(source: str, url: str, extensions: Sequence[str], *, seconds: float) -> list[str]:
    """The names that `<url>/file_index.json` lists, asked for once; whether these files are there is not seen.

    Args:
        source: Its name in the settings.
        url: The value of its BUCKET_URL.
        extensions: What the wanted names end in, lower-case.
        seconds: How long to wait for an answer.

    Raises:
        ThroughlineError: The index is missing or is none, or nobody answers.
    """
    client = requests.Client(raise_for_status=False, request_max_attempts=1, request_timeout=seconds)
    with _sentences(source, url):
        return _indexed(client.session, source, url, extensions)


@contextmanager
def _sentences(source: str, url: str) -> Iterator[None]:
    try:
        yield
    except requests.RequestException as error:
        raise ThroughlineError(
            f"{_setting(source)} names {shown(url)}, which cannot be reached ({type(error).__name__})."
        ) from None


def _setting(source: str) -> str:
    return f"SOURCES__{source.upper()}__BUCKET_URL"


def _indexed(session: requests.Session, source: str, url: str, extensions: Sequence[str]) -> list[str]:
    prefix = url.rstrip("/")
    answer = session.get(f"{prefix}/file_index.json", headers=_HEADERS)
    if answer.status_code != 200:
        raise ThroughlineError(
            f"{_setting(source)} names {shown(url)}, where file_index.json answers {answer.status_code}; put one there,"
            " or correct the setting."
        )
    names = _names(answer)
    if names is None:
        raise ThroughlineError(
            f'{shown(prefix)}/file_index.json is no index; it must be {{"files": ["spend_data_2026-01-15.json", …]}}.'
        )
    return [name for name in dict.fromkeys(names) if name.lower().endswith(tuple(extensions))]


def _names(answer: requests.Response) -> list[str] | None:
    try:
        entries = answer.json()["files"]
        names = [entry if isinstance(entry, str) else entry.get("name") or entry["url"] for entry in entries]
        return [name.rsplit("/", 1)[-1] for name in names]
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _modified_at(answer: requests.Response, name: str) -> datetime:
    """When the server says that a file changed, else the day in its name."""
    day = re.search(r"\d{4}-\d\d-\d\d", name)
    for reading, text in ((parsedate_to_datetime, answer.headers.get("Last-Modified")), (_midnight, day and day[0])):
        with suppress(ValueError, TypeError, OverflowError):
            return reading(text).astimezone(UTC)
    return datetime.fromtimestamp(0, UTC)


def _midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
