"""What the receiver tells of itself: figures for Prometheus, and few lines for people; nothing from a body or a key."""

import os
import sys
from collections import Counter
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge, Histogram

from ingestion.delivery_log import Commit

# What becomes of a request, in words.
OUTCOMES = {
    "stored": "stored",
    "unsigned": "refused (no signature)",
    "bad_signature": "refused (bad signature)",
    "stale_signature": "refused (stale signature)",
    "too_large": "refused (too large)",
    "too_slow": "refused (too slow)",
    "not_written": "refused (not written)",
    "broken_off": "broken off by the sender",
}

# An fsync takes from a tenth of a millisecond to many seconds on a disk that is busy.
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15)
_DELIVERIES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SKEWS = (0.5, 1, 2, 5, 10, 30, 60, 120, 180, 600, 3600, 86400)


def tell(sentence: str) -> None:
    """Says something on stderr, if somebody still listens there: receiving matters more."""
    with suppress(OSError, ValueError):
        print(sentence, file=sys.stderr, flush=True)


class Figures:
    """Counts what happens, and says it: to Prometheus, and to stderr once a minute at most.

    Attributes:
        registry: Where Prometheus's figures stand; each receiver has its own.
        failure: Why the last attempt to write failed; None if it did not.
        last_stored_at: When the newest delivery that is kept was received.
    """

    def __init__(self, folder: Path) -> None:
        """Begins with nothing.

        Args:
            folder: Where deliveries are written.
        """
        self.registry = CollectorRegistry()
        self.failure: Exception | None = None
        self.last_stored_at: datetime | None = None
        self._folder = folder
        self._told: set[str] = set()
        self._minute: Counter[str] = Counter()
        self._largest_skew: float | None = None

        def named(name: str, words: str) -> dict[str, Any]:
            return {"name": f"throughline_receiver_{name}", "documentation": words, "registry": self.registry}

        self._deliveries = prometheus_client.Counter(
            **named("deliveries", "Requests to the webhook's address, by what became of them."), labelnames=["outcome"]
        )
        for outcome in OUTCOMES:
            self._deliveries.labels(outcome)
        self._bytes = prometheus_client.Counter(**named("stored_bytes", "Bytes written and on stable storage."))
        self._commit_seconds = Histogram(
            **named("commit_seconds", "How long a write took, to stable storage or to its failure."), buckets=_SECONDS
        )
        self._commit_deliveries = Histogram(
            **named("commit_deliveries", "Deliveries that shared one write."), buckets=_DELIVERIES
        )
        self._skew = Gauge(
            **named("signature_skew_seconds", "Age of the last genuine signature; negative if the clock is behind it.")
        )
        self._skews = Histogram(
            **named("signature_age_seconds", "Distance of genuine signatures from this machine's clock."),
            buckets=_SKEWS,
        )
        self._last_stored = Gauge(
            **named("last_stored_timestamp_seconds", "When the newest stored delivery came; 0 before the first.")
        )
        Gauge(**named("free_bytes", "What is free on the disk; -1 if that cannot be said.")).set_function(self._free)
        self._succeeded = Gauge(**named("last_write_succeeded", "1, or 0 after a failed write."))
        self._succeeded.set(1)

    def text(self) -> bytes:
        """All figures in Prometheus's text format."""
        return prometheus_client.generate_latest(self.registry)

    def count(self, outcome: str, skew: float | None = None, sentence: str = "") -> None:
        """Counts a request.

        Args:
            outcome: One of OUTCOMES.
            skew: Seconds since its signature was made, if that is genuine.
            sentence: Is told the first time that this outcome occurs.
        """
        self._deliveries.labels(outcome).inc()
        self._minute[outcome] += 1
        if skew is not None:
            self._skew.set(skew)
            self._skews.observe(abs(skew))
            self._largest_skew = max(skew, self._largest_skew or 0.0, key=abs)
        if sentence and outcome not in self._told:
            self._told.add(outcome)
            tell(sentence)

    def stored(self, at: datetime, skew: float | None) -> None:
        """Counts a delivery that is kept, with the instant at which it came."""
        self.count("stored", skew)
        self.last_stored_at = at
        self._last_stored.set(at.timestamp())

    def committed(self, commit: Commit) -> None:
        """Counts a write, and tells when writing begins to fail and when it works again."""
        self._commit_seconds.observe(commit.seconds)
        if commit.error is None:
            self._bytes.inc(commit.size)
            self._commit_deliveries.observe(commit.lines)
        if commit.error and not self.failure:
            reason = getattr(commit.error, "strerror", None) or type(commit.error).__name__
            tell(
                f"Deliveries cannot be written into {self._folder} ({reason}); they are answered 503, so that Calendly"
                " sends them again. Mend it within a day, after which Calendly gives up."
            )
        elif self.failure and not commit.error:
            tell("Deliveries are written again.")
        self.failure = commit.error
        self._succeeded.set(not commit.error)

    def tell_minute(self) -> None:
        """Tells what happened since it was told last, if anything did."""
        if not self._minute:
            return
        parts = [f"{self._minute[outcome]} {words}" for outcome, words in OUTCOMES.items() if self._minute[outcome]]
        if self._largest_skew is not None:
            parts.append(f"largest skew {self._largest_skew:.0f} s")
        tell(f"in the last minute: {', '.join(parts)}")
        self._minute.clear()
        self._largest_skew = None

    def _free(self) -> float:
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            return -1
        return disk.f_bavail * disk.f_frsize
