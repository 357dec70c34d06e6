"""What `throughline doctor` says: findings, each a sentence with a mark, and how it words instants and counts."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        mark: `ok`, `note` for what a person should know, `act` for what a person must do.
        subject: What it is about.
        text: A sentence; of an `act` it says what to do.
    """

    mark: str
    subject: str
    text: str


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding("ok", subject, text)


def note(subject: str, text: str) -> Finding:
    """Somebody should know."""
    return Finding("note", subject, text)


def act(subject: str, text: str) -> Finding:
    """Somebody must do something."""
    return Finding("act", subject, text)


def ago(instant: datetime, now: datetime) -> str:
    """An instant with its age."""
    return f"{instant:%Y-%m-%d %H:%M} UTC ({span(now - instant)} ago)"


def span(age: timedelta) -> str:
    """How long something is, as roughly as people say it."""
    seconds = max(age.total_seconds(), 0)
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        # Two days are more than one number of hours tells.
        if seconds >= (2 if unit == "day" else 1) * length:
            return counted(int(seconds // length), unit)
    return counted(int(seconds), "second")


def counted(count: int, noun: str) -> str:
    """A number of things."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def size(count: float) -> str:
    """A number of bytes."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
