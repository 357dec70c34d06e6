"""How a source module declares the tables that its files fill, and the columns that every source shares."""

from dataclasses import dataclass
from enum import Enum

_TIME = r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(?:[Zz]|([+-](?:0\d|1[0-4])(?::?[0-5]\d)?))?)?"
# Times that are, or that an offset may carry, outside of the years 1 to 9999, which Python cannot represent.
_BEYOND = r"^(0000|0001-01-01.*\+|9999-12-31.*-)"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?"
_AMOUNT = "try_cast({text} as decimal(38, 9))"


class Kind(Enum):
    """What a column holds.

    Attributes:
        sql_type: Its type in the warehouse.
        expression: SQL that makes it of `{text}`, a trimmed cell; null where the cell is none of this kind.
        complaint: What such a cell is said to be.
    """

    TEXT = ("varchar", "{text}", "is no text")
    EMAIL = ("varchar", "lower({text})", "is no text")
    TIMESTAMP = (
        "timestamp",
        f"case when regexp_full_match({{text}}, '{_TIME}') and not regexp_matches({{text}}, '{_BEYOND}')"
        " then try_cast("
        # Put together anew because the cast knows fewer spellings than ISO 8601. Without a zone it is UTC.
        f"trim(regexp_replace({{text}}, '^{_TIME}$', '\\1 \\2\\3')) as timestamptz) at time zone 'UTC' end",
        "is no readable time",
    )
    # Amounts below 10^15 leave sums and shares of them room in the 128 bits of a decimal.
    DECIMAL = (
        "decimal(38, 9)",
        f"case when regexp_full_match({{text}}, '{_NUMBER}') and abs({_AMOUNT}) < 1000000000000000 then {_AMOUNT} end",
        "is no number below 10^15",
    )

    def __init__(self, sql_type: str, expression: str, complaint: str) -> None:
        """Names the parts of a member's value."""
        self.sql_type = sql_type
        self.expression = expression
        self.complaint = complaint

    def typed(self, text: str) -> str:
        """The expression for one trimmed cell; a str.replace, since regular expressions have braces of their own."""
        return self.expression.replace("{text}", text)


@dataclass(frozen=True)
class Column:
    """A column that a file is asked for.

    Attributes:
        name: As in the header, lower-case; also its name in the warehouse.
        kind: What it holds.
        is_required: Whether a record with a blank cell here is rejected.
        is_optional: Whether a file may lack the column; it then reads as blank.
    """

    name: str
    kind: Kind = Kind.TEXT
    is_required: bool = False
    is_optional: bool = False


@dataclass(frozen=True)
class FileTable:
    """A raw table and the files that fill it.

    Attributes:
        name: The table's name in raw_<source>.
        pattern: Shell pattern of the files' names without extension.
        key: The column that identifies a record. Of several rows with one key the later file's wins, then the later
            line's.
        columns: What is read, the key among them.
    """

    name: str
    pattern: str
    key: str
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def sql_types(self) -> dict[str, str]:
        """The columns of the raw table with their types, lineage included."""
        return {column.name: column.kind.sql_type for column in self.columns} | LINEAGE


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
    "started_at": "timestamp",
    "finished_at": "timestamp",
    "records_read": "bigint",
    **{f"records_{outcome}": "bigint" for outcome in OUTCOMES},
}
