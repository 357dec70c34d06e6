"""The lines that `throughline receive` writes: when a delivery came, headers that matter, and its body as it came."""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ingestion.files import printable

_MARK = '"received_at"'

# What a body of 1 MiB, the most that is received, may unpack to; a real delivery has 3 KiB.
_UNPACKED_BYTES = 16 << 20

# As zlib counts: a gzip header; a zlib header, or, as some senders have it, none.
_WINDOW_BITS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}


def line_of(body: bytes, headers: Mapping[str, str], received_at: datetime) -> str:
    """The line, without its end, in which a delivery is kept.

    Args:
        body: As it came.
        headers: Those to keep, by their lower-case names.
        received_at: With its offset.
    """
    receipt = {"received_at": f"{received_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", "headers": dict(headers)}
    try:
        # A NUL is no character that a person could look at, or every database hold.
        text = None if b"\0" in body else body.decode()
    except UnicodeDecodeError:
        text = None
    receipt |= {"body_base64": base64.b64encode(body).decode()} if text is None else {"body": text}
    return json.dumps(receipt, ensure_ascii=False, separators=(",", ":"))


class Opened(NamedTuple):
    """What stands in a line.

    Attributes:
        text: The document; of a line that cannot be opened what lets a person see what came.
        received_at: When it was received, as the receiver wrote it; None if nobody says.
        reason: Why there is no document in it, if there is none.
    """

    text: str
    received_at: str | None = None
    reason: str = ""


def opened(text: str) -> Opened:
    """Takes a delivery out of the line in which the receiver keeps it; any other line is the document itself.

    Args:
        text: The line.
    """
    # A bare document is not parsed here: that is dearer than all that is done to it besides.
    if _MARK not in text:
        return Opened(text)
    try:
        receipt = json.loads(text)
    except (ValueError, RecursionError):
        return Opened(text)
    if not _is_receipt(receipt):
        return Opened(text)
    try:
        body = _body(receipt)
    except _UnreadableError as error:
        return Opened(text, reason=str(error))
    try:
        document = body.decode()
    except UnicodeDecodeError:
        return Opened(body.decode(errors="backslashreplace"), reason="is not valid UTF-8")
    if not document.strip():
        return Opened(text, reason="has an empty body")
    return Opened(document, printable(receipt["received_at"]))


class _UnreadableError(Exception):
    """A sentence about a body that cannot be made out."""


def _is_receipt(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("received_at"), str)
        and isinstance(value.get("headers"), dict)
        and ("body" in value) != ("body_base64" in value)
        and isinstance(value.get("body", value.get("body_base64")), str)
    )


def _body(receipt: dict[str, Any]) -> bytes:
    """The body's bytes, unpacked if they came compressed."""
    if "body" in receipt:
        try:
            body = receipt["body"].encode()
        except UnicodeEncodeError:
            raise _UnreadableError("is not valid UTF-8") from None
    else:
        try:
            body = base64.b64decode(receipt["body_base64"], validate=True)
        except ValueError:
            raise _UnreadableError("has a body that is no readable base64") from None
    for encoding in _encodings(receipt["headers"]):
        unpacked = _unpacked(body, _WINDOW_BITS[encoding])
        if unpacked is None and "body" not in receipt:
            raise _UnreadableError(f"has a body that is no readable {encoding}, or of more than 16 MiB")
        # A text is none that is compressed: whatever brought it has unpacked it, and left the header.
        body = body if unpacked is None else unpacked
    return body


def _encodings(headers: dict[str, Any]) -> Iterator[str]:
    """How the body was compressed, the last first; what is not known here is left as it came."""
    named = str(headers.get("content-encoding") or "").lower().split(",")
    return (name.strip() for name in reversed(named) if name.strip() in _WINDOW_BITS)


def _unpacked(body: bytes, window_bits: tuple[int, ...]) -> bytes | None:
    for bits in window_bits:
        stream = zlib.decompressobj(bits)
        try:
            content = stream.decompress(body, _UNPACKED_BYTES)
        except zlib.error:
            continue
        if stream.eof and not stream.unused_data:
            return content
    return None
