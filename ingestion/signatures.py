"""Calendly's webhook signatures: an HMAC-SHA256 over the instant of signing and the body's bytes as they came."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

HEADER = "Calendly-Webhook-Signature"

# More digits are no instant, and Python refuses to read thousands of them.
_INSTANT = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True)
class Verification:
    """What a signature turned out to be.

    Attributes:
        outcome: `verified`; `stale` if it is genuine but too old, or too far ahead of the clock; else `bad`.
        skew: Seconds from the instant of signing to now; None unless the signature is genuine.
    """

    outcome: Literal["verified", "stale", "bad"]
    skew: float | None = None


_BAD = Verification("bad")


def sign(body: bytes, key: str, at: datetime) -> str:
    """The value of the header that Calendly sends with a body.

    Args:
        body: As it is sent.
        key: The signing key of the subscription.
        at: When it is sent, with its offset.
    """
    instant = str(int(at.timestamp()))
    return f"t={instant},v1={_digest(body, key, instant)}"


def verify(header: str | None, body: bytes, keys: Sequence[str], now: datetime, tolerance: float) -> Verification:
    """Whether a body was signed with one of the keys, and lately.

    Args:
        header: What came with the body; where the header came more than once, all values joined by commas.
        body: The bytes as they came, neither decompressed nor decoded.
        keys: All that are accepted: while they are changed, the new one and the one before.
        now: With its offset.
        tolerance: The seconds by which the instant of signing may lie before or after now.
    """
    pairs = [
        (name.strip(), value.strip()) for name, _, value in (part.partition("=") for part in (header or "").split(","))
    ]
    instants = [value for name, value in pairs if name == "t"]
    if len(instants) != 1 or not _INSTANT.fullmatch(instants[0]):
        return _BAD
    # As bytes, because a header may hold what compare_digest refuses in text.
    candidates = [value.encode() for name, value in pairs if name == "v1"]
    is_genuine = False
    for key in keys:
        digest = _digest(body, key, instants[0]).encode()
        for candidate in candidates:
            # Each is compared to its end: how long it takes must not say which was close.
            is_genuine |= hmac.compare_digest(digest, candidate)
    if not is_genuine:
        return _BAD
    skew = now.timestamp() - int(instants[0])
    return Verification("verified" if abs(skew) <= tolerance else "stale", skew)


def _digest(body: bytes, key: str, instant: str) -> str:
    signature = hmac.new(key.encode(), instant.encode() + b".", hashlib.sha256)
    signature.update(body)
    return signature.hexdigest()
