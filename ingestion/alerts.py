"""Telling somebody that a refresh failed: one message to a webhook in Slack's format, if one is set."""

from contextlib import suppress
from pathlib import Path

import requests

from ingestion.warehouse import console, working_folder

_SECONDS = 10


def alert(warehouse: Path, text: str) -> None:
    """Posts a text to ALERTS__WEBHOOK_URL, unless it is what was posted last; without that setting nothing is posted.

    It never raises: what is to be told matters more than that it could not be.

    Args:
        warehouse: What the text is about; the last one for each is kept beside it.
        text: One sentence or more, without personal data.
    """
    import dlt

    url = dlt.secrets.get("alerts.webhook_url", str)
    last = _last_text(warehouse)
    if not url or (last.is_file() and last.read_text(encoding="utf-8") == text):
        return
    try:
        requests.post(url, json={"text": text}, timeout=_SECONDS).raise_for_status()
    except requests.RequestException as error:
        # The error's own text would show the address, which is a secret.
        reason = f"status {error.response.status_code}" if error.response is not None else type(error).__name__
        console.print(f"The message to ALERTS__WEBHOOK_URL could not be delivered ({reason}).", style="red")
        return
    # On a full disk it is told again rather than not at all.
    with suppress(OSError):
        last.write_text(text, encoding="utf-8")


def all_is_well(warehouse: Path) -> None:
    """Forgets the last text, so that the same failure is told again when it comes again."""
    _last_text(warehouse).unlink(missing_ok=True)


def _last_text(warehouse: Path) -> Path:
    return working_folder(warehouse) / "alert.txt"
