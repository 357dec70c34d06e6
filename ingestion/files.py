"""Finding the files of a source and reading them, as text cells with their line, in batches.

CSV, Parquet and arrays of JSON records all end as columns of text, so that one set of SQL expressions checks and types
them (`landing`).
"""

import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError
from dlt.common.configuration.exceptions import ConfigFieldMissingException, InvalidNativeValue
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs.exceptions import NativeValueError
from dlt.common.storages.configuration import FilesystemConfiguration
from dlt.common.storages.fsspec_filesystem import MTIME_DISPATCH, fsspec_from_config
from fsspec.implementations.local import LocalFileSystem

from ingestion.errors import ThroughlineError
from ingestion.settings import local_folder

# Larger ones are slower: Python's garbage collector goes through all cells that wait.
_BATCH_ROWS = 5_000
EXPORTS = (".csv", ".parquet")

# A cell may hold a long note; the module's default of 128 KiB would fail the whole file on it.
csv.field_size_limit(1 << 30)

_BETWEEN_ELEMENTS = re.compile(r"[\s,]*")
_SURROGATE = re.compile("[\ud800-\udfff]")

_SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons"}
# A spreadsheet's hint of its separator, a title and when the export was made may stand above the header, but no data.
_HEADER_LINES = 20


class Opener(Protocol):
    """The one thing that a file asks of the place where it lies."""

    def open(self, path: str, mode: str) -> BinaryIO:
        """Opens a path for reading bytes."""


@dataclass(frozen=True)
class SourceFile:
    """One file of a source as it stood when the load began.

    Attributes:
        name: The file's name without its folder.
        address: Its name in full: an absolute path or a URL.
        path: The path inside its file system.
        size: In bytes.
        modified_at: UTC.
        version: Changes whenever the content may have changed: the size with the object's ETag, or with the
            modification time where there is none.
        filesystem: Where it lies.
    """

    name: str
    address: str
    path: str
    size: int
    modified_at: datetime
    version: str
    filesystem: Opener

    def open(self) -> BinaryIO:
        """Opens the file for reading bytes."""
        return self.filesystem.open(self.path, "rb")


@dataclass(frozen=True)
class Batch:
    """Some records of a file, in its order.

    Attributes:
        cells: One text column for each wanted column, null where the file has no such column.
        lines: The line (CSV) or row (Parquet) at which each record begins, from 1.
        malformed: Records that have no columns: (line, text, reason).
    """

    cells: dict[str, pa.Array]
    lines: pa.Array
    malformed: list[tuple[int, str, str]]


def list_files(
    source: str, url: str, extensions: Sequence[str] = EXPORTS, *, is_deep: bool = False
) -> list[SourceFile]:
    """The files in a folder or under an s3:// prefix, oldest first, ties by name.

    Args:
        source: Its name in the settings; credentials are SOURCES__<SOURCE>__CREDENTIALS__….
        url: The value of its BUCKET_URL.
        extensions: What their names end in, lower-case.
        is_deep: Whether folders in the folder are looked through, too.

    Raises:
        ThroughlineError: The place cannot be listed.
    """
    prefix = f"SOURCES__{source.upper()}__"
    setting = f"{prefix}BUCKET_URL"
    if "://" in url and not url.startswith(("file://", "s3://")):
        raise ThroughlineError(f"{setting} names {shown(url)}, which is neither a folder nor an s3:// prefix.")
    try:
        if url.startswith("s3://"):
            configuration = resolve_configuration(FilesystemConfiguration(bucket_url=url), sections=("sources", source))
            filesystem, root = fsspec_from_config(configuration)
        else:
            # Not by dlt, which makes a URL of the path and does not find what it had to escape in it.
            filesystem = LocalFileSystem()
            root = str(local_folder(url))
        filesystem.invalidate_cache()
        if is_deep:
            filesystem.ls(root)  # which fails where there is nothing; find does not
        entries = filesystem.find(root, detail=True).values() if is_deep else filesystem.ls(root, detail=True)
    except FileNotFoundError:
        raise ThroughlineError(f"{setting} names {shown(url)}, which does not exist; correct the setting.") from None
    except (ConfigFieldMissingException, InvalidNativeValue):
        raise ThroughlineError(
            f"{setting} names {shown(url)}, without usable credentials; set {prefix}CREDENTIALS__AWS_ACCESS_KEY_ID and"
            f" {prefix}CREDENTIALS__AWS_SECRET_ACCESS_KEY."
        ) from None
    except (OSError, ValueError, BotoCoreError, NativeValueError) as error:
        raise ThroughlineError(f"{setting} names {shown(url)}, which cannot be listed: {error}") from error
    modification_time = MTIME_DISPATCH[url.partition("://")[0] if "://" in url else "file"]
    files = []
    for entry in entries:
        name = entry["name"].rstrip("/").rsplit("/", 1)[-1]
        if entry.get("islink") and (target := Path(entry["name"]).resolve()).exists():
            entry = filesystem.info(str(target)) | {"name": entry["name"]}
        # What a Mac or an open spreadsheet leaves beside a file bears its name behind such a sign.
        if entry["type"] != "file" or not name.lower().endswith(tuple(extensions)) or name.startswith((".", "~$")):
            continue
        modified_at = modification_time(entry).astimezone(UTC)
        files.append(
            SourceFile(
                name=name,
                address=f"s3://{entry['name']}" if url.startswith("s3://") else entry["name"],
                path=entry["name"],
                size=int(entry["size"]),
                modified_at=modified_at,
                version=f"{entry['size']}:{entry.get('ETag') or entry.get('mtime') or modified_at.isoformat()}",
                filesystem=filesystem,
            )
        )
    return sorted(files, key=lambda file: (file.modified_at, file.address))


def matching(files: list[SourceFile], pattern: str, json_pattern: str | None = None) -> list[SourceFile]:
    """The files whose name fits a shell pattern, as `fits` says."""
    return [file for file in files if fits(file.name, pattern, json_pattern)]


def fits(name: str, pattern: str, json_pattern: str | None = None) -> bool:
    """Whether a file's name without its extension fits a shell pattern, in any case; JSON files have their own."""
    wanted = json_pattern if _is_json(name) else pattern
    return bool(wanted) and fnmatch(name.lower().rsplit(".", 1)[0], wanted)


def shown(url: str) -> str:
    """An address as messages may show it: without what could be a password or a signature."""
    return re.sub(r"(?<=://)[^/@]*@", "", url).partition("?")[0]


def normalized(header: str) -> str:
    """A header cell as a column name: lower-case, words joined by underscores."""
    return re.sub(r"[\s\-]+", "_", header.strip().lower())


@dataclass(frozen=True)
class CsvLayout:
    """How a file of separated cells is to be read.

    Attributes:
        header: The names of its columns, normalized.
        line: The line on which the header stands, from 1.
        separator: What stands between two cells.
    """

    header: tuple[str, ...] = ()
    line: int = 1
    separator: str = ","


def check_header(file: SourceFile, required: list[str], *, has_any_separator: bool = False) -> None:
    """Reads no more than a file's header and makes sure that each required column stands in it once.

    JSON has no header: each record is looked at for itself.

    Args:
        file: The file.
        required: The columns.
        has_any_separator: Whether a CSV file's separator and header are looked for; else it has commas, and the header
            is its first line with text.

    Raises:
        ThroughlineError: The file is unreadable, or its header lacks or repeats a required column.
    """
    if _is_json(file.name):
        return
    separated_by = ""
    with sentences(file), file.open() as stream:
        if stream.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise ThroughlineError(f"{file.name} is UTF-16; nothing was loaded. Export it as CSV in UTF-8.")
        stream.seek(0)
        if _is_parquet(file):
            header = _parquet_header(pq.ParquetFile(stream))
        elif has_any_separator:
            layout = _found_layout(stream, required)
            header = list(layout.header)
            separated_by = f", separated by {_SEPARATORS[layout.separator]}" * (len(header) > 1)
        else:
            header = list(_first_layout(stream).header)
    if missing := [repr(column) for column in required if column not in header]:
        raise ThroughlineError(
            f"{file.name} has no column{'s' * (len(missing) > 1)} {', '.join(missing)}"
            f" (it has: {printable(', '.join(header)) or 'no header at all'}{separated_by});"
            f" nothing was loaded. Export the file again with {'them' if len(missing) > 1 else 'that column'}."
        )
    for column in required:
        if header.count(column) > 1:
            raise ThroughlineError(
                f"{file.name} has the column {column!r} {header.count(column)} times; nothing was loaded."
                " Export the file again with that column once."
            )


def read_batches(
    file: SourceFile,
    columns: list[str],
    progress: Callable[[int], None],
    *,
    header_with: Sequence[str] = (),
) -> Iterator[Batch]:
    """Reads a file's records as text.

    Args:
        file: A CSV (UTF-8) or Parquet file that passed `check_header`, or one with a JSON array of records.
        columns: The wanted columns; others are left out.
        progress: Called with the bytes read so far.
        header_with: The columns by which a CSV file's separator and header are found; left out, it has commas, and the
            header is its first line with text.

    Raises:
        ThroughlineError: The file cannot be read to its end.
    """
    with sentences(file), file.open() as stream:
        if _is_parquet(file):
            reader = _read_parquet(stream, columns)
        elif _is_json(file.name):
            reader = _read_json(stream, columns)
        else:
            reader = _read_csv(stream, columns, header_with)
        with closing(reader) as batches:
            for batch in batches:
                yield batch
                progress(stream.tell())
    progress(file.size)


@contextmanager
def sentences(file: SourceFile) -> Iterator[None]:
    """Turns what can go wrong while a file is read into a sentence that names it."""
    try:
        yield
    except (OSError, BotoCoreError, csv.Error, pa.ArrowException) as error:
        raise ThroughlineError(
            f"{file.name} cannot be read ({error}); nothing was loaded. Export the file again."
        ) from error


def _is_parquet(file: SourceFile) -> bool:
    return file.name.lower().endswith(".parquet")


def _is_json(name: str) -> bool:
    return name.lower().endswith(".json")


@contextmanager
def _text_lines(stream: BinaryIO, first_line: int = 1) -> Iterator[Iterator[str]]:
    """The lines of a file in UTF-8 from one on, with their ends."""
    # Bytes that are no UTF-8 become surrogates, so that one bad record does not stop the file.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        for _ in range(first_line - 1):
            next(text, None)
        yield text
    finally:
        # Left to itself, a wrapper closes the stream, whose position the caller still asks for.
        text.detach()


def csv_rows(stream: BinaryIO, delimiter: str = ",", first_line: int = 1) -> Iterator[tuple[int, list[str], str]]:
    """The records of a CSV file: the line each begins on, its cells, and its text where quotes made no cells of it.

    Blank lines are none. Quotes are taken strictly: a stray one must not swallow the lines that follow it in silence.

    Args:
        stream: The file.
        delimiter: What stands between two cells.
        first_line: The line to begin with.

    Raises:
        csv.Error: A quotation mark is never closed.
    """
    record: list[str] = []
    is_at_end = False
    with _text_lines(stream, first_line) as text:

        def lines() -> Iterator[str]:
            nonlocal is_at_end
            for line in text:
                record.append(line)
                yield line
            is_at_end = True

        reader = csv.reader(lines(), delimiter=delimiter, strict=True)
        line = first_line
        while True:
            record.clear()
            try:
                row = next(reader)
                if len(row) > 1 or "".join(row).strip():
                    yield line, row, ""
            except StopIteration:
                return
            except csv.Error as error:
                if is_at_end:
                    raise csv.Error(f"the quotation mark that line {line} opens is never closed") from error
                yield line, [], "".join(record)
            line = reader.line_num + first_line


def tab_rows(stream: BinaryIO, first_line: int = 1) -> Iterator[tuple[int, list[str], str]]:
    """The records of a file with tabs, as `csv_rows` has them, but that each is one line.

    Billing systems write a name like `5" Screens` into such files as it is. A lone quotation mark must cost neither the
    lines that follow nor the file, so none reaches beyond the end of its line.
    """
    with _text_lines(stream, first_line) as lines:
        for number, line in enumerate(lines, first_line):
            row = _line_cells(line, "\t")
            if row is None:
                yield number, [], line
            elif len(row) > 1 or "".join(row).strip():
                yield number, row, ""


def _line_cells(line: str, separator: str) -> list[str] | None:
    """The cells of a line by itself; None where quotes make none of it."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return None


def _first_layout(stream: BinaryIO) -> CsvLayout:
    """The layout of a file with commas: its header is the first line with text."""
    line, header, _ = next(csv_rows(stream), (1, [], ""))
    return CsvLayout(tuple(map(normalized, header)), line)


def _found_layout(stream: BinaryIO, required: Sequence[str]) -> CsvLayout:
    """The layout with the first line that, under some separator, is a header with all required columns.

    Where none is, it is the one with most of them, for the message that says what is missing.
    """
    with _text_lines(stream) as lines:
        layouts = [
            CsvLayout(tuple(map(normalized, _line_cells(line, separator) or [])), number, separator)
            for number, line in enumerate(itertools.islice(lines, _HEADER_LINES), 1)
            for separator in _SEPARATORS
        ]
    return max(
        (layout for layout in layouts if any(layout.header)),
        key=lambda layout: (len(set(required).intersection(layout.header)), -layout.line, len(layout.header)),
        default=CsvLayout(),
    )


def _read_csv(stream: BinaryIO, columns: list[str], header_with: Sequence[str]) -> Iterator[Batch]:
    layout = _found_layout(stream, header_with) if header_with else _first_layout(stream)
    stream.seek(0)
    is_by_line = layout.separator == "\t"
    rows = tab_rows(stream, layout.line) if is_by_line else csv_rows(stream, layout.separator, layout.line)
    next(rows, None)
    header = layout.header
    width = len(header)
    positions = {column: header.index(column) for column in columns if column in header}
    while chunk := list(itertools.islice(rows, _BATCH_ROWS)):
        # Trailing commas are harmless; any other difference means that cells are not where the header says.
        fitting = [
            (line, row) for line, row, _ in chunk if len(row) == width or (len(row) > width and not any(row[width:]))
        ]
        malformed = []
        if len(fitting) < len(chunk):
            kept = {line for line, _ in fitting}
            malformed = [
                (line, printable(text), "has a quotation mark where none can be")
                if text
                else (line, as_text(row), f"has {len(row)} cell{'s' * (len(row) != 1)} where the header has {width}")
                for line, row, text in chunk
                if line not in kept
            ]
        try:
            batch = _csv_batch(fitting, positions, columns, malformed)
        except UnicodeEncodeError:
            malformed += [(line, as_text(row), "is not valid UTF-8") for line, row in fitting if not is_utf8(row)]
            batch = _csv_batch([item for item in fitting if is_utf8(item[1])], positions, columns, malformed)
        yield batch


def _csv_batch(
    records: list[tuple[int, list[str]]],
    positions: dict[str, int],
    columns: list[str],
    malformed: list[tuple[int, str, str]],
) -> Batch:
    cells = {
        column: pa.array([row[positions[column]] for _, row in records], pa.string())
        if column in positions
        else pa.nulls(len(records), pa.string())
        for column in columns
    }
    return Batch(cells, pa.array([line for line, _ in records], pa.int64()), malformed)


def is_utf8(row: list[str]) -> bool:
    """Whether a record's bytes were all UTF-8."""
    return not any(_SURROGATE.search(cell) for cell in row)


def as_text(row: list[str]) -> str:
    """A record as a line of CSV, for those to whom it is shown."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(row)
    return printable(buffer.getvalue())


def printable(text: str) -> str:
    """A text without what UTF-8 cannot write."""
    return text.encode("utf-8", "backslashreplace").decode()


def array_elements(text: str) -> Iterator[tuple[int, Any, str]]:
    """The elements of a JSON array: the line at which each begins, its value and its text.

    Args:
        text: A whole and valid JSON array.
    """
    decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
    position = text.index("[") + 1
    line = 1 + text.count("\n", 0, position)
    while True:
        start = _BETWEEN_ELEMENTS.match(text, position).end()
        line += text.count("\n", position, start)
        if text[start] == "]":
            return
        value, position = decoder.raw_decode(text, start)
        yield line, value, text[start:position]
        line += text.count("\n", start, position)


def _read_json(stream: BinaryIO, columns: list[str]) -> Iterator[Batch]:
    content = stream.read()
    try:
        text = content.decode("utf-8-sig")
        is_array = isinstance(json.loads(text), list)
        complaint = "is no JSON array of records"
    except (ValueError, RecursionError) as error:
        text, is_array, complaint = content.decode("utf-8", "backslashreplace"), False, f"is no readable JSON: {error}"
    if not is_array:
        yield Batch(
            {column: pa.nulls(0, pa.string()) for column in columns},
            pa.nulls(0, pa.int64()),
            [(1, printable(text), complaint)],
        )
        return
    elements = list(array_elements(text))
    records = [
        (line, {normalized(key): _json_cell(value) for key, value in record.items()})
        for line, record, _ in elements
        if isinstance(record, dict)
    ]
    malformed = [
        (line, printable(element), "is no JSON object")
        for line, record, element in elements
        if not isinstance(record, dict)
    ]
    cells = {column: pa.array([record.get(column) for _, record in records], pa.string()) for column in columns}
    yield Batch(cells, pa.array([line for line, _ in records], pa.int64()), malformed)


def _json_cell(value: Any) -> str | None:
    """A JSON value as the cell of a CSV file would have it; numbers have come as text, so that none loses a digit."""
    return printable(value) if isinstance(value, str) else None if value is None else json.dumps(value)


def _parquet_header(parquet: pq.ParquetFile) -> list[str]:
    return [normalized(name) for name in parquet.schema_arrow.names]


def _read_parquet(stream: BinaryIO, columns: list[str]) -> Iterator[Batch]:
    parquet = pq.ParquetFile(stream)
    names = dict(zip(_parquet_header(parquet), parquet.schema_arrow.names, strict=True))
    line = 1
    for batch in parquet.iter_batches(_BATCH_ROWS, columns=[names[column] for column in columns if column in names]):
        cells = {
            column: _text_column(batch.column(names[column]))
            if column in names
            else pa.nulls(batch.num_rows, pa.string())
            for column in columns
        }
        yield Batch(cells, pa.array(range(line, line + batch.num_rows), pa.int64()), [])
        line += batch.num_rows


def _text_column(column: pa.Array) -> pa.Array:
    """A Parquet column as text; an instant with a zone as its UTC time, which is how one without is read."""
    if pa.types.is_timestamp(column.type) and column.type.tz:
        column = column.cast(pa.timestamp(column.type.unit))
    text = column.cast(pa.string())
    # Not every writer sees to it that its text is UTF-8.
    text.validate(full=True)
    return text
