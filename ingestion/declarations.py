"""How a source module declares the tables that its files fill, and the columns that every source shares."""

from dataclasses import dataclass

from ingestion.currencies import CURRENCIES

_TIME = r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(?:[Zz]|([+-](?:0\d|1[0-4])(?::?[0-5]\d)?))?)?"
# Times that are, or that an offset may carry, outside of the years 1 to 9999, which Python cannot represent.
_BEYOND = r"^(0000|0001-01-01.*\+|9999-12-31.*-)"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?"
_AMOUNT = "try_cast({text} as decimal(38, 9))"


@dataclass(frozen=True)
class Kind:
    """What a column holds.

    Attributes:
        sql_type: Its type in the warehouse.
        expression: SQL that makes it of `{text}`, a trimmed cell; null where the cell is none of this kind.
        complaint: What such a cell is said to be; None if it is no fault and reads as blank.
    """

    sql_type: str
    expression: str = "{text}"
    complaint: str | None = "is no text"

    def typed(self, text: str) -> str:
        """The expression for one trimmed cell; a str.replace, since regular expressions have braces of their own."""
        return self.expression.replace("{text}", text)


TEXT = Kind("varchar")
EMAIL = Kind("varchar", "lower({text})")
TIMESTAMP = Kind(
    "timestamp",
    f"case when regexp_full_match({{text}}, '{_TIME}') and not regexp_matches({{text}}, '{_BEYOND}')"
    " then try_cast("
    # Put together anew because the cast knows fewer spellings than ISO 8601. Without a zone it is UTC.
    f"trim(regexp_replace({{text}}, '^{_TIME}$', '\\1 \\2\\3')) as timestamptz) at time zone 'UTC' end",
    "is no readable time",
)
# A clock of our own that is wrong by decades costs no delivery.
RECEIPT = Kind(
    "timestamp",
    f"case when {{text}} between '2000' and '2100' then {TIMESTAMP.expression} end",
    complaint=None,
)
DATE = Kind(
    "date",
    # Spreadsheets and Parquet give a date the time of midnight.
    "try_cast(regexp_extract({text}, '^((?:19|20)\\d\\d-\\d\\d-\\d\\d)([T ]00:00(:00(\\.0+)?)?Z?)?$', 1) as date)",
    "is no date like 2026-06-30",
)
# Amounts below 10^15 leave sums and shares of them room in the 128 bits of a decimal.
DECIMAL = Kind(
    "decimal(38, 9)",
    f"case when regexp_full_match({{text}}, '{_NUMBER}') and abs({_AMOUNT}) < 1000000000000000 then {_AMOUNT} end",
    "is no number like 1234.5 below 10^15",
)
COST = Kind(
    "decimal(38, 9)",
    f"case when regexp_full_match({{text}}, '{_NUMBER}') and {_AMOUNT} >= 0 and {_AMOUNT} < 1000000000000000"
    f" then {_AMOUNT} end",
    "is no number from 0 to below 10^15",
)
CURRENCY = Kind(
    "varchar",
    f"case when upper({{text}}) in ({', '.join(repr(code) for code in CURRENCIES)}) then upper({{text}}) end",
    "is no ISO 4217 currency code",
)
BOOLEAN = Kind(
    "boolean",
    "case when lower({text}) in ('true', 'yes', 't', 'y', '1') then true"
    " when lower({text}) in ('false', 'no', 'f', 'n', '0') then false end",
    "is neither true nor false",
)
# Minified, so that the same document in another layout is the same text.
DOCUMENT = Kind("json", "case when json_valid({text}) then json({text}) end", "is no readable JSON")

_LOCAL_FORMATS = [
    f"{day} {clock}" for day in ("%Y-%m-%d", "%m/%d/%Y") for clock in ("%I:%M %p", "%I:%M:%S %p", "%H:%M", "%H:%M:%S")
]


def local_time(time_zone: str) -> Kind:
    """A time of day in a zone, as people's exports write it: `2025-03-03 11:00 am`, `3/3/2025 11:00 AM`, or 24 hours.

    Of the two instants that a repeated hour of autumn may be it is the later one; a time that spring skips counts from
    the offset before the change.
    """
    local = f"try_strptime({{text}}, {_LOCAL_FORMATS})"
    return Kind(
        "timestamp",
        f"case when {local} >= timestamp '1900-01-01' then {local} at time zone '{time_zone}' at time zone 'UTC' end",
        "is no time like 2025-03-03 11:00 am",
    )


@dataclass(frozen=True)
class Column:
    """A column of a raw table, read from a cell or computed from the others.

    Attributes:
        name: Its name in the warehouse.
        kind: What it holds.
        is_required: Whether a record without it is rejected.
        is_optional: Whether a file may lack the column; it then reads as blank.
        header: The cell's name in the header, normalized, where it is not the column's name.
        default: What a blank cell means, as a text.
        computed: SQL instead of a cell, over the columns that are read, the computed ones before it, `file_name`,
            `file_number` and `file_modified_at`.
    """

    name: str
    kind: Kind = TEXT
    is_required: bool = False
    is_optional: bool = False
    header: str | None = None
    default: str | None = None
    computed: str | None = None


@dataclass(frozen=True)
class Table:
    """A raw table.

    Attributes:
        name: The table's name in raw_<source>.
        key: The column that identifies a record. Of several rows with one key the later file's wins, then the later
            line's.
        columns: What is landed, the key among them.
        complaints: SQL over the typed columns, each a reason to reject the record or null.
        is_replaced: Whether a row goes when the file that brought it is read again and no longer has it.
        earliest_by: The column whose least value decides first which of several rows with one key wins, the
            warehouse's among them; null is later than any.
        has_last_origin: Whether a row's lineage is the file and line that had it last, so that it changes with them;
            else a row that comes again unchanged keeps what it had.
        refusal: SQL that aggregates the trimmed cells and `line` of a file: why nothing may be loaded, as a sentence
            without its beginning, which is the file's name; null where all is well.
        remark: The same for what the load says of the file and does nevertheless.
    """

    name: str
    key: str
    columns: tuple[Column, ...]
    complaints: tuple[str, ...] = ()
    is_replaced: bool = False
    earliest_by: str | None = None
    has_last_origin: bool = False
    refusal: str | None = None
    remark: str | None = None

    @property
    def cells(self) -> dict[str, Column]:
        """The columns that are read, by the names that their cells have."""
        return {column.header or column.name: column for column in self.columns if column.computed is None}

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def sql_types(self) -> dict[str, str]:
        """The columns of the raw table with their types, lineage included."""
        return {column.name: column.kind.sql_type for column in self.columns} | LINEAGE


@dataclass(frozen=True, kw_only=True)
class FileTable(Table):
    """A raw table and the files that fill it.

    Attributes:
        pattern: Shell pattern of the names, without extension, of the CSV and Parquet files.
        json_pattern: The same of JSON files, each an array of records; None where the source has none.
        reading: The settings by which cells are read: another value makes another version of each file.
        has_any_separator: Whether CSV files may have tabs, commas or semicolons and some lines above their header,
            which is found by the columns that a file must have; else it is the first line with text, with commas.
    """

    pattern: str
    json_pattern: str | None = None
    reading: str = ""
    has_any_separator: bool = False

    @property
    def required_cells(self) -> list[str]:
        """The names of the cells whose column a file must have."""
        return [name for name, column in self.cells.items() if not column.is_optional]


def document_table(
    name: str,
    key: str,
    computed_key: str,
    complaints: tuple[str, ...] = (),
    *,
    parent: str | None = None,
    is_received: bool = False,
) -> Table:
    """A raw table of whole JSON documents.

    Args:
        name: The table's name in raw_<source>.
        key: The column that identifies a document.
        computed_key: SQL that makes the key of `document`, and of the parent.
        complaints: SQL over `document`, each a reason to reject it or null.
        parent: The column that says to what the documents belong, where they do not say it themselves.
        is_received: Whether documents come to us, again and again perhaps: then `received_at` says when each first did.
    """
    key_column = Column(key, is_required=True, computed=computed_key)
    parents = (Column(parent, is_required=True),) if parent else ()
    columns = (key_column, *parents, Column("document", DOCUMENT, is_required=True))
    if not is_received:
        return Table(name, key, columns, complaints)
    return Table(name, key, (*columns, Column("received_at", RECEIPT)), complaints, earliest_by="received_at")


def text_in_document(name: str) -> str:
    """SQL for a field of `document` as a text; null where it is blank."""
    return f"nullif(trim(json_extract_string(document, '$.{name}')), '')"


def key_in_document(parent: str, *persons: str, at: str | None = None) -> str:
    """SQL for a key of several parts, as a JSON array; null where a part is.

    Args:
        parent: The column that says to what the document belongs.
        persons: SQL for what may say who it is about; the first that is not null does.
        at: The field with the time that tells one of several from another.
    """
    parts = [f"coalesce({', '.join(persons)})", *([text_in_document(at)] if at else [])]
    is_whole = " and ".join(f"{part} is not null" for part in parts)
    return f"case when {is_whole} then cast(to_json([{', '.join([parent, *parts])}]) as varchar) end"


# Where a landed row came from, and when this content of it arrived.
LINEAGE = {
    "_source_file": "varchar",
    "_source_line": "bigint",
    "_source_modified_at": "timestamp",
    "_loaded_at": "timestamp",
}

# raw_<source>.rejected_records
REJECTED_RECORDS = {
    "entity": "varchar",
    "source_file": "varchar",
    "source_line": "bigint",
    "source_key": "varchar",
    "record_text": "varchar",
    "reason": "varchar",
    "_loaded_at": "timestamp",
}

OUTCOMES = ("new", "changed", "unchanged", "repeated", "rejected")

# raw_meta.loads
LOADS = {
    "load_id": "varchar",
    "source": "varchar",
    "entity": "varchar",
    "source_file": "varchar",
    "file_version": "varchar",
    "file_modified_at": "timestamp",
    # How far a file that may grow was read: its whole lines, their bytes and the digest of these.
    "lines_read": "bigint",
    "bytes_read": "bigint",
    "bytes_digest": "varchar",
    "started_at": "timestamp",
    "finished_at": "timestamp",
    "records_read": "bigint",
    **{f"records_{outcome}": "bigint" for outcome in OUTCOMES},
}
