"""Reading files of JSON documents: JSON Lines that may still grow, or whole documents, pretty-printed or not."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa

from ingestion.files import Batch, SourceFile, array_elements, printable, sentences
from ingestion.receipts import opened

# Whichever comes first: a document may have 3 KiB or, unpacked, 16 MiB.
_BATCH_ROWS = 5_000
_BATCH_CHARACTERS = 32 << 20
_CHUNK_BYTES = 1 << 20
_SPACE = re.compile(r"\s*")
_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Position:
    """How far a file of JSON Lines was read: its whole lines, their bytes, and the SHA-256 of these in hexadecimal."""

    lines: int = 0
    bytes: int = 0
    digest: str = ""


class DocumentFile:
    """A file of JSON documents on the way to the warehouse.

    Attributes:
        position: How far it is read; None where it cannot be read on, because it is not JSON Lines.
        begins_at: The number of lines that were read before.
        is_waiting: Whether the last line has no end yet and makes no document, so that it waits for its rest.
    """

    def __init__(self, file: SourceFile, known: Position | None = None) -> None:
        """Finds out where to begin.

        Args:
            file: What to read.
            known: How far it was read before. It is read on only if what was read is still its beginning.

        Raises:
            ThroughlineError: The file cannot be read.
        """
        self.file = file
        self.position: Position | None = None
        self.begins_at = 0
        self.is_waiting = False
        self._digest = hashlib.sha256()
        if known and 0 < known.bytes <= file.size and self._begins_as(known):
            self.position = known
            self.begins_at = known.lines

    def _begins_as(self, known: Position) -> bool:
        with sentences(self.file), self.file.open() as stream:
            left = known.bytes
            while left and (chunk := stream.read(min(left, _CHUNK_BYTES))):
                self._digest.update(chunk)
                left -= len(chunk)
        if self._digest.hexdigest() == known.digest:
            return True
        self._digest = hashlib.sha256()
        return False

    def batches(self, progress: Callable[[int], None]) -> Iterator[Batch]:
        """The documents as text, in a column `document`, each with the line at which it begins.

        Of a document that the receiver kept, `received_at` is when it came; of others it is null.

        Args:
            progress: Called with the bytes read so far.

        Raises:
            ThroughlineError: The file cannot be read.
        """
        with sentences(self.file), self.file.open() as stream:
            for batch in _batches(self._records(stream)):
                yield batch
                progress(stream.tell())

    def _records(self, stream: BinaryIO) -> Iterator[tuple[int, str, str]]:
        """The line, the text and the reason to reject it, if there is one, of each record."""
        if self.position or self._is_json_lines(stream):
            yield from self._lines(stream)
        else:
            yield from _whole_documents(stream.read())

    def _is_json_lines(self, stream: BinaryIO) -> bool:
        """Whether one of the lines is a document, and the file as a whole is none."""
        # The first line of a file that has just been begun may be torn.
        is_begun = not stream.readline().endswith(b"\n") and self.file.name.lower().endswith(_LINES)
        stream.seek(0)
        first = next((line for line in stream if line.strip()), b"")
        stream.seek(0)
        if is_begun or _is_document(first):
            return True
        content = stream.read()
        stream.seek(0)
        try:
            json.JSONDecoder().raw_decode(_decoded(content).lstrip())
        except (ValueError, RecursionError):
            return any(map(_is_document, content.splitlines()))
        return False

    def _lines(self, stream: BinaryIO) -> Iterator[tuple[int, str, str]]:
        lines, size = (self.position.lines, self.position.bytes) if self.position else (0, 0)
        if size:
            stream.seek(size - 1)
            # What follows a line that was read without its end belongs to that line.
            lines -= stream.read(1) != b"\n"
        for raw in stream:
            # A writer may be in the middle of it.
            if not raw.endswith(b"\n") and not _is_document(raw):
                self.is_waiting = bool(raw.strip())
                break
            lines += 1
            size += len(raw)
            self._digest.update(raw)
            if not raw.strip():
                continue
            try:
                text = raw.decode("utf-8-sig" if lines == 1 else "utf-8").strip()
            except UnicodeDecodeError:
                yield lines, raw.decode("utf-8", "backslashreplace").strip(), "is not valid UTF-8"
                continue
            yield from _unpacked(lines, text)
        self.position = Position(lines, size, self._digest.hexdigest())


def _batches(records: Iterable[tuple[int, str, str]]) -> Iterator[Batch]:
    """Records by the batch; those that the receiver kept are taken out of their wrapping."""
    lines, documents, instants, malformed = [], [], [], []
    size = 0
    for line, text, reason in records:
        if not reason:
            text, received_at, reason = opened(text)
        if reason:
            malformed.append((line, text, reason))
        else:
            lines.append(line)
            documents.append(text)
            instants.append(received_at)
        size += len(text)
        if len(lines) + len(malformed) == _BATCH_ROWS or size > _BATCH_CHARACTERS:
            yield _batch(lines, documents, instants, malformed)
            lines, documents, instants, malformed = [], [], [], []
            size = 0
    if lines or malformed:
        yield _batch(lines, documents, instants, malformed)


def _batch(
    lines: list[int], documents: list[str], instants: list[str | None], malformed: list[tuple[int, str, str]]
) -> Batch:
    cells = {"document": pa.array(documents, pa.string()), "received_at": pa.array(instants, pa.string())}
    return Batch(cells, pa.array(lines, pa.int64()), malformed)


def _decoded(content: bytes) -> str:
    return content.decode("utf-8-sig", "backslashreplace")


def _is_document(line: bytes) -> bool:
    """Whether a line is an object or an array of JSON."""
    text = _decoded(line).strip()
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    # What a pretty-printed document has on a line of its own.
    return text not in ("{}", "[]")


def _unpacked(line: int, text: str) -> Iterator[tuple[int, str, str]]:
    """A document, or each of those in an array."""
    if not text.startswith("["):
        yield line, text, ""
        return
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        yield line, text, "is no readable JSON"
        return
    for inner, _, element in array_elements(text):
        yield line + inner - 1, element, ""


def _whole_documents(content: bytes) -> Iterator[tuple[int, str, str]]:
    """The documents of a file, one after the other; one that is unreadable ends with the file."""
    text = _decoded(content)
    decoder = json.JSONDecoder()
    line, begin, end = 1, 0, 0
    while (start := _SPACE.match(text, end).end()) < len(text):
        line += text.count("\n", begin, start)
        begin = start
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            yield line, printable(text[start:]), f"is no readable JSON: {error}"
            return
        yield from _unpacked(line, text[start:end])
