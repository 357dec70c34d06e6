"""Attendee Reports, the CSV files that people export from Zoom's pages, for what the API no longer gives or never gave.

They land as two tables: what each file's summary says, and the rows of its four sections.
"""

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from ingestion.attendee_reports import NoAttendeeReportError, attendee_report, report_content
from ingestion.declarations import BOOLEAN, DECIMAL, EMAIL, TIMESTAMP, Column, Table
from ingestion.file_loads import known_versions, reading, say_known
from ingestion.files import Batch, SourceFile, list_files, sentences, shown
from ingestion.landing import Landing
from ingestion.local_times import required_zone
from ingestion.warehouse import console

# What nobody's attendance depends on costs nobody's, if it cannot be read: what a summary counts is to compare with,
# and a session has its times besides its minutes.
_FIGURE = replace(DECIMAL, complaint=None)
_HINT = replace(BOOLEAN, complaint=None)

ATTENDEE_REPORTS = Table(
    name="attendee_reports",
    key="report_key",
    is_replaced=True,
    columns=(
        Column("report_key", computed="file_name"),
        Column("topic"),
        Column("webinar_id", is_required=True),
        Column("generated_at", TIMESTAMP),
        Column("started_at", TIMESTAMP, is_required=True),
        Column("duration_minutes", _FIGURE),
        Column("registrant_count", _FIGURE),
        Column("cancelled_count", _FIGURE),
        Column("unique_viewer_count", _FIGURE),
        Column("user_count", _FIGURE),
        Column("max_concurrent_view_count", _FIGURE),
    ),
)
ATTENDEE_REPORT_ROWS = Table(
    name="attendee_report_rows",
    key="row_key",
    # A report has no identifiers of rows: one that is exported anew would count beside the old one.
    is_replaced=True,
    columns=(
        Column("row_key", computed="file_name || ':' || line"),
        Column("report_key", computed="file_name"),
        Column("section", is_required=True),
        Column("is_attended", BOOLEAN, is_required=True),
        Column("user_name"),
        Column("first_name"),
        Column("last_name"),
        Column("email", EMAIL),
        Column("registered_at", TIMESTAMP),
        Column("approval_status"),
        Column("joined_at", TIMESTAMP),
        Column("left_at", TIMESTAMP),
        Column("session_minutes", _FIGURE),
        Column("is_guest", _HINT),
        Column("source_name"),
        Column("country"),
    ),
)
TABLES = (ATTENDEE_REPORTS, ATTENDEE_REPORT_ROWS)
EXTENSIONS = (".csv",)


def time_zone() -> ZoneInfo:
    """The zone of the account, in which the times of its reports are.

    Raises:
        ThroughlineError: The setting is missing or is none.
    """
    return required_zone(
        "zoom",
        "an Attendee Report says nowhere in which zone its times are: set it to that of the Zoom account",
    )


def read(load: Landing, url: str, warehouse: Path, *, reread: bool = False) -> None:
    """Reads the new and changed files of a folder into a landing, each for itself: it has keys of its own.

    A file that is no attendee report, or not a whole one, is a rejected record, and the others are read.

    Args:
        load: The landing, which the caller ends.
        url: A folder or an s3:// prefix.
        warehouse: What says which files were read before.
        reread: Read these again, too.

    Raises:
        ThroughlineError: The time zone is missing or is none; the folder cannot be listed, or a file not be opened.
    """
    zone = time_zone()
    files = [replace(file, version=f"{file.version}:{zone.key}") for file in list_files("zoom", url, EXTENSIONS)]
    if not files:
        console.print(f"zoom: {shown(url)} holds no *.csv yet.")
    known = [] if reread else [known_versions("zoom", table, warehouse) for table in TABLES]
    unread = [file for file in files if any(versions.get(file.name) != file.version for versions in known) or reread]
    say_known("zoom", len(files) - len(unread))
    with reading(load, unread) as begin:
        for file in unread:
            progress = begin(file)
            _add(load, file, zone)
            progress(file.size)


def _add(load: Landing, file: SourceFile, zone: ZoneInfo) -> None:
    """Adds what a file says to both tables, so that it takes the place of what it said before in both."""
    try:
        with sentences(file), file.open() as stream:
            content = report_content(stream)
        report = attendee_report(content, zone)
        summaries, rows, rejected, faults = [(report.summary_line, report.summary)], report.rows, report.rejected, []
    except NoAttendeeReportError as error:
        summaries, rows, rejected, faults = [], [], [], [(error.line, error.text, str(error))]
    for table, records, malformed in (
        (ATTENDEE_REPORTS, summaries, faults),
        (ATTENDEE_REPORT_ROWS, rows, rejected),
    ):
        number = load.add_file(table, file.name, version=file.version, modified_at=file.modified_at)
        cells = {name: pa.array([record.get(name) for _, record in records], pa.string()) for name in table.cells}
        lines = pa.array([line for line, _ in records], pa.int64())
        load.add_batch(table, number, Batch(cells, lines, malformed))
