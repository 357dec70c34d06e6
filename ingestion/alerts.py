"""Telling somebody that something failed: one message to a webhook in Slack's format, if one is set."""

import re
from contextlib import suppress
from pathlib import Path

import requests

from ingestion.errors import ThroughlineError
from ingestion.warehouse import console, working_folder

_SECONDS = 10


def alert(warehouse: Path, subject: str, text: str) -> None:
    """Posts a text to ALERTS__WEBHOOK_URL, unless that was the last one on its subject but for numbers in it.

    Without that setting nothing is posted. It never raises: what is to be told matters more than that it could not be.

    Args:
        warehouse: What the text is about.
        subject: What is done there; each is told of by itself, and its last text is kept beside the warehouse.
        text: One sentence or more, without personal data.
    """
    import dlt

    try:
        url = dlt.secrets.get("alerts.webhook_url", str)
        if not url or _gist(text) == _last_gist(warehouse, subject):
            return
        requests.post(url, json={"text": text}, timeout=_SECONDS).raise_for_status()
        # On a full disk it is told again rather than not at all.
        with suppress(OSError):
            _memory(warehouse, subject).write_text(_gist(text), encoding="utf-8")
    except Exception as error:
        # The error's own text may show the address, which is a secret.
        response = getattr(error, "response", None)
        reason = type(error).__name__ if response is None else f"status {response.status_code}"
        console.print(f"The message to ALERTS__WEBHOOK_URL could not be delivered ({reason}).", style="red")


def all_is_well(warehouse: Path, subject: str) -> None:
    """Forgets the last text on something, so that the same failure is told again when it comes again."""
    with suppress(OSError, ThroughlineError):
        _memory(warehouse, subject).unlink(missing_ok=True)


def _gist(text: str) -> str:
    """A text without its numbers: five rows that fail a test are no other failure than six."""
    return re.sub(r"\d+", "#", text)


def _last_gist(warehouse: Path, subject: str) -> str | None:
    path = _memory(warehouse, subject)
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _memory(warehouse: Path, subject: str) -> Path:
    return working_folder(warehouse) / f"alert.{subject}.txt"
