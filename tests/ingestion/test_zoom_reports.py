"""Zoom's Attendee Report files: the layouts of 2020 and 2026, what else people put there, and their local times."""

import csv
import io
import json
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import query

from ingestion import attendee_reports, zoom_reports
from ingestion.attendee_reports import NoAttendeeReportError, attendee_report
from ingestion.errors import ThroughlineError
from ingestion.landing import landing
from ingestion.local_times import instants

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")

# Quoted throughout, without a byte order mark; two formats of time, a no-show that ends early, somebody who came back.
LAYOUT_OF_2020 = """\
Attendee Report,
Report Generated:,"Apr 09, 2020 8:50 PM"
Topic,Webinar ID,Actual Start Time,Actual Duration (minutes),# Registered,# Cancelled,Unique Viewers,Total Users,\
Max Concurrent Views
Data Day 2020,328-972-500,"Mar 28, 2020 8:07 AM", 548, 461, 0,446,991,0
Host Details,
Attended,User Name,Email,Join Time,Leave Time,Time in Session (minutes),Country/Region Name
Yes,Host A,Host.A@example.com,"Mar 28, 2020 08:07:27","Mar 28, 2020 17:14:45",548,United States of America
Panelist Details,
"Attended","User Name","Email","Join Time","Leave Time","Time in Session (minutes)","Country/Region Name"
"Yes","Speaker A","speaker.a@example.com","Mar 28, 2020 08:30:00","Mar 28, 2020 09:30:00","60","Germany"
"Yes","Speaker A","speaker.a@example.com","Mar 28, 2020 09:31:00","Mar 28, 2020 10:00:00","29","Germany"
"No","Speaker B","speaker.b@example.com","--","--","--"
Attendee Details,
"Attended","First Name","Last Name","Email","Registration Time","Approval Status","Join Time","Leave Time",\
"Time in Session (minutes)","Country/Region Name"
"Yes","Ann","O'Neil","Ann@Example.com","Mar 20, 2020 10:00:00","approved","Mar 28, 2020 09:07:39",\
"Mar 28, 2020 09:26:54","20","India"
"Yes","Ann","O'Neil","ann@example.com","NA","NA","Mar 28, 2020 09:30:00","Mar 28, 2020 17:00:01","451","India"
"Yes","Ben","NA","ben@example.com","Mar 21, 2020 23:59:59","approved","Mar 28, 2020 12:00:00",\
"Mar 28, 2020 12:00:30","1","NA"
"No","Cem","C","cem@example.com","Mar 22, 2020 00:00:00","approved","--","--","--"
Other Attended,
User Name,Join Time,Leave Time,Time in Session (minutes),Country/Region Name
"Phone 1","Mar 28, 2020 2:20 PM","Mar 28, 2020 2:21 PM",1,"India"
"Host Details","Mar 28, 2020 12:05 AM","Mar 28, 2020 12:06 AM",1,
"""

# With a byte order mark; a question with commas, one that has the name of a column of Zoom's, trailing commas, a figure
# that is none.
LAYOUT_OF_2026 = """\
\ufeffAttendee Report
Report generated time,01/15/2026 09:00:08 PM
Topic,Webinar ID,Actual Start Time,Actual Duration (minutes),# Registrants,# Cancelled,Unique Viewers,Total Users,\
Max Concurrent Views,Enable Registration
"Launch, ""live"" again",847 5984 1000,01/15/2026 06:00:11 PM,61,5,1,3,6+,3,Yes

Host Details,,,
Attended,User Name (Original Name),Email,Join Time,Leave Time,Time in Session (minutes),Is Guest,Country/Region Name
Yes,Host A,host.a@example.com,01/15/2026 05:58:02 PM,01/15/2026 07:01:30 PM,64,No,Germany
Attendee Details:
Attended,User Name (Original Name),First Name,Last Name,Email,Phone,"Which tools, if any, do you use?",Email,\
Registration Time,Approval Status,Join Time,Leave Time,Time in Session (minutes),Is Guest,Source Name,\
Country/Region Name
Yes,Ann A,Ann,A,ann@example.com,+1 555-0100,"dbt, ""Airflow""
and more",work@example.com,01/08/2026 09:15:00 AM,approved,01/15/2026 06:01:00 PM,01/15/2026 06:30:00 PM,30,Yes,\
newsletter,Austria,,,
Yes,Ann A,Ann,A,ann@example.com,,,,,,01/15/2026 06:31:00 PM,01/15/2026 07:01:00 PM,31,Yes,,Austria
Yes,Ben (phone),Ben,,BEN@example.com,,,,01/09/2026 12:00:00 AM,approved,01/15/2026 06:05:00 PM,\
01/15/2026 06:40:00 PM,36,Perhaps,,Austria
No,Cem,Cem,C,cem@example.com,,,,01/10/2026 12:00:00 PM,cancelled by self,--,--,--,
Other Attended
User Name,Join Time,Leave Time,Time in Session (minutes),Country/Region Name
15551230000,01/15/2026 06:10 PM,01/15/2026 06:50 PM,40,Austria
"""

SUMMARY = "Topic,Webinar ID,Actual Start Time,Actual Duration (minutes)\nA,1,01/15/2026 06:00:00 PM,60\n"
HEADER = "Attended,First Name,Email,Join Time,Leave Time,Time in Session (minutes)"
ROW = "Yes,Ann,ann@example.com,01/15/2026 06:01:00 PM,01/15/2026 06:30:00 PM,29"
REPORT = f"Attendee Report\n{SUMMARY}Attendee Details\n{HEADER}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Be the folder that reports are put into; they come from an account in Berlin."""
    monkeypatch.setenv("SOURCES__ZOOM__TIMEZONE", "Europe/Berlin")
    folder = tmp_path / "reports"
    folder.mkdir()
    return folder


def write(folder, text, name="report.csv"):
    """Write a report."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def load(folder, warehouse, **options):
    """Load a folder."""
    with landing("zoom", warehouse) as under_way:
        zoom_reports.read(under_way, str(folder), warehouse, **options)
        under_way.land()


def rows(warehouse, columns, where="true"):
    """Return columns of the landed rows, in the order of the file."""
    sql = f"select {columns} from raw_zoom.attendee_report_rows where {where} order by report_key, _source_line"
    return query(warehouse, sql)


def rejected(warehouse):
    """Return the rejected records as (table, file, line, reason)."""
    sql = "select entity, source_file, source_line, reason from raw_zoom.rejected_records order by all"
    return query(warehouse, sql)


def test_a_report_of_2020_lands_as_a_count_by_hand_says(folder, warehouse):
    """One host, three rows of two panelists, four rows of three registrants, two others."""
    write(folder, LAYOUT_OF_2020)
    load(folder, warehouse)
    assert query(warehouse, "select * exclude (_source_modified_at, _loaded_at) from raw_zoom.attendee_reports") == [
        (
            "report.csv",
            "Data Day 2020",
            "328972500",
            datetime(2020, 4, 9, 18, 50),
            datetime(2020, 3, 28, 7, 7),
            *map(Decimal, (548, 461, 0, 446, 991, 0)),
            "report.csv",
            4,
        )
    ]
    assert rows(warehouse, "section, is_attended, email, joined_at, left_at, session_minutes") == [
        ("host", True, "host.a@example.com", datetime(2020, 3, 28, 7, 7, 27), datetime(2020, 3, 28, 16, 14, 45), 548),
        ("panelist", True, "speaker.a@example.com", datetime(2020, 3, 28, 7, 30), datetime(2020, 3, 28, 8, 30), 60),
        ("panelist", True, "speaker.a@example.com", datetime(2020, 3, 28, 8, 31), datetime(2020, 3, 28, 9), 29),
        ("panelist", False, "speaker.b@example.com", None, None, None),
        ("attendee", True, "ann@example.com", datetime(2020, 3, 28, 8, 7, 39), datetime(2020, 3, 28, 8, 26, 54), 20),
        ("attendee", True, "ann@example.com", datetime(2020, 3, 28, 8, 30), datetime(2020, 3, 28, 16, 0, 1), 451),
        ("attendee", True, "ben@example.com", datetime(2020, 3, 28, 11), datetime(2020, 3, 28, 11, 0, 30), 1),
        ("attendee", False, "cem@example.com", None, None, None),
        ("other", True, None, datetime(2020, 3, 28, 13, 20), datetime(2020, 3, 28, 13, 21), 1),
        ("other", True, None, datetime(2020, 3, 27, 23, 5), datetime(2020, 3, 27, 23, 6), 1),
    ]
    columns = "user_name, first_name, last_name, registered_at, approval_status, country"
    assert rows(warehouse, columns, "section in ('attendee', 'other')") == [
        (None, "Ann", "O'Neil", datetime(2020, 3, 20, 9), "approved", "India"),
        (None, "Ann", "O'Neil", None, None, "India"),
        (None, "Ben", None, datetime(2020, 3, 21, 22, 59, 59), "approved", None),
        (None, "Cem", "C", datetime(2020, 3, 21, 23), "approved", None),
        ("Phone 1", None, None, None, None, "India"),
        ("Host Details", None, None, None, None, None),
    ]
    assert rejected(warehouse) == []


def test_a_report_of_2026_lands_as_a_count_by_hand_says(folder, warehouse):
    """One host, no panelist, four rows of three registrants, one other."""
    write(folder, LAYOUT_OF_2026.replace("\n", "\r\n"))
    load(folder, warehouse)
    columns = "topic, webinar_id, generated_at, started_at, registrant_count, user_count, max_concurrent_view_count"
    assert query(warehouse, f"select {columns} from raw_zoom.attendee_reports") == [
        ('Launch, "live" again', "84759841000", at(20, 0, 8), at(17, 0, 11), 5, None, 3)
    ]
    assert rows(warehouse, "section, is_attended, user_name, email, registered_at, joined_at, left_at, is_guest") == [
        (section, is_attended, name, email, registered_at, joined_at, left_at, is_guest)
        for section, is_attended, name, email, registered_at, joined_at, left_at, is_guest in [
            ("host", True, "Host A", "host.a@example.com", None, at(16, 58, 2), at(18, 1, 30), False),
            ("attendee", True, "Ann A", "ann@example.com", at(8, 15, 0, 8), at(17, 1), at(17, 30), True),
            ("attendee", True, "Ann A", "ann@example.com", None, at(17, 31), at(18, 1), True),
            ("attendee", True, "Ben (phone)", "ben@example.com", at(23, 0, 0, 8), at(17, 5), at(17, 40), None),
            ("attendee", False, "Cem", "cem@example.com", at(11, 0, 0, 10), None, None, None),
            ("other", True, "15551230000", None, None, at(17, 10), at(17, 50), None),
        ]
    ]
    columns = "row_key, approval_status, source_name, country"
    assert rows(warehouse, columns, "email like 'ann@%' or email like 'cem@%'") == [
        ("report.csv:11", "approved", "newsletter", "Austria"),
        ("report.csv:13", None, None, "Austria"),
        ("report.csv:15", "cancelled by self", None, None),
    ]
    assert rejected(warehouse) == []


def at(hour, minute, second=0, day=15):
    """Return an instant of the month of the later report."""
    return datetime(2026, 1, day, hour, minute, second)


def everything(warehouse):
    """Return both tables whole."""
    return [query(warehouse, f"select * from raw_zoom.{table.name} order by all") for table in zoom_reports.TABLES]


def test_only_what_is_new_is_read(folder, warehouse, capsys):
    """A load that finds nothing new changes nothing, and an earlier or a later file is read alone."""
    write(folder, LAYOUT_OF_2020, "b.csv")
    load(folder, warehouse)
    before = everything(warehouse)
    capsys.readouterr()
    load(folder, warehouse)
    assert "reading b.csv" not in capsys.readouterr().err
    load(folder, warehouse, reread=True)
    assert "reading b.csv" in capsys.readouterr().err
    assert everything(warehouse) == before
    write(folder, LAYOUT_OF_2026, "a.csv")
    load(folder, warehouse)
    told = capsys.readouterr().err
    assert "1 file unchanged" in told
    assert "reading a.csv" in told
    assert "reading b.csv" not in told
    assert len(rows(warehouse, "1")) == 16


def test_a_report_that_is_exported_anew_takes_the_place_of_the_old_one(folder, warehouse):
    """And one that is no report any more leaves nothing but the reason."""
    write(folder, f"{REPORT}{ROW}\n{ROW}\n")
    write(folder, LAYOUT_OF_2020, "other.csv")
    load(folder, warehouse)
    write(folder, f"{REPORT.replace(',60', ',61')}{ROW.replace('Ann', 'Bea')}\n")
    load(folder, warehouse)
    assert rows(warehouse, "row_key, first_name", "report_key = 'report.csv'") == [("report.csv:6", "Bea")]
    write(folder, "no report at all\n")
    load(folder, warehouse)
    assert query(warehouse, "select report_key from raw_zoom.attendee_reports") == [("other.csv",)]
    assert len(rows(warehouse, "1")) == 10
    assert [record[:3] for record in rejected(warehouse)] == [("attendee_reports", "report.csv", 1)]


def test_a_corrected_zone_reads_the_files_again(folder, warehouse, monkeypatch):
    """What was read as Berlin's time becomes Chicago's."""
    write(folder, f"{REPORT}{ROW}\n")
    load(folder, warehouse)
    monkeypatch.setenv("SOURCES__ZOOM__TIMEZONE", "America/Chicago")
    load(folder, warehouse)
    assert rows(warehouse, "joined_at") == [(datetime(2026, 1, 16, 0, 1),)]
    assert query(warehouse, "select started_at from raw_zoom.attendee_reports") == [(datetime(2026, 1, 16),)]


@pytest.mark.parametrize(("zone", "said"), [(None, "is not set"), ("Berlin", "is Berlin, which is no time zone")])
def test_without_a_zone_nothing_is_loaded(folder, warehouse, monkeypatch, zone, said):
    """A guess would move every session by hours."""
    write(folder, LAYOUT_OF_2020)
    monkeypatch.delenv("SOURCES__ZOOM__TIMEZONE")
    if zone:
        monkeypatch.setenv("SOURCES__ZOOM__TIMEZONE", zone)
    with pytest.raises(ThroughlineError, match=f"SOURCES__ZOOM__TIMEZONE {said}"):
        load(folder, warehouse)


def test_an_empty_folder_is_no_fault(folder, warehouse, capsys):
    """Reports may be about to come."""
    write(folder, "", "readme.txt")
    load(folder, warehouse)
    assert "holds no *.csv yet" in capsys.readouterr().err


def counted(viewers, users, more=""):
    """Write a report to which one host came, and those who are listed."""
    summary = SUMMARY.replace("\n", ",Unique Viewers,Total Users\n", 1)[:-1] + f",{viewers},{users}\n"
    host = f"Host Details\n{HEADER}\n{ROW}\n"
    return f"Attendee Report\n{summary}{host}Attendee Details\n{HEADER}\nNo,Ben,ben@example.com,--,--,--\n{more}"


TITLE = "Attendee Report\n"
NO_TIME = "is no time like 08/09/2026 12:10:00 PM; in Zoom, let Profile > Date Format put the month first (mm/dd/yyyy)"
NOT_REPORTS = {
    "empty": (b"", "is empty; in Zoom, export Reports > Webinar > Attendee Report"),
    "blank": (b"\xef\xbb\xbf\r\n , ,\r\n", "is empty"),
    "registration": (
        f"Registration Report\n\nTopic,ID,Scheduled Time\nA,1,x\n{'First Name,Registration Time,Approval Status'}\n",
        "is Zoom's Registration Report; in Zoom, export Reports > Webinar > Attendee Report",
    ),
    "registration without a title": (
        "Topic,ID\nA,1\nFirst Name,Email,Registration Time,Approval Status\n",
        "is Zoom's Registration Report",
    ),
    "poll": (f"Poll Report,\n{SUMMARY}Poll Details,\n#,User Name,Email\n", "is Zoom's Poll Report"),
    "without sections": (SUMMARY, "is no Attendee Report of Zoom's"),
    "crm": ("contact_id,email\n1,ann@example.com\n", "is no Attendee Report of Zoom's"),
    "image": (b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR"\xff\xd8', "is no Attendee Report of Zoom's"),
    "two": (f"{REPORT}{ROW}\n{REPORT}{ROW}\n", "holds more than one report"),
    "cut off": (f'{REPORT}{ROW}\nYes,"Ann\n{ROW}\n', "is cut off or damaged: the quotation mark that line 7 opens"),
    "half of UTF-16": (REPORT.encode("utf-16")[:-1], "is no readable UTF-16"),
    "no column": (
        REPORT.replace("Join Time", "Joined").replace("Email", "Mail"),
        "has no column Email, Join Time in Attendee Details",
    ),
    "no header": (f"{TITLE}{SUMMARY}Attendee Details\n{ROW}\n", "has no column Attended, Email, Join Time, Leave Time"),
    "broken header": (
        f'{TITLE}{SUMMARY}Attendee Details\n"Attended"?,Email\n{ROW}\n',
        "has a quotation mark where none can be, in the header of Attendee Details",
    ),
    "no number": (f"{TITLE}{SUMMARY.replace('A,1', 'A,8.4E+10')}", "has no Webinar ID of digits in its summary"),
    "days first": (REPORT.replace("01/15", "15/01"), f"has an Actual Start Time that {NO_TIME}"),
    "dots": (REPORT.replace("01/15/2026", "15.01.2026"), f"has an Actual Start Time that {NO_TIME}"),
    "no start": (
        REPORT.replace("01/15/2026 06:00:00 PM", "--"),
        "has no Actual Start Time in its summary; in Zoom, exp",
    ),
    "no attendees": (
        LAYOUT_OF_2020.partition("Attendee Details")[0],
        "has no section Attendee Details with the names of its columns, as if it were cut off; in Zoom, export",
    ),
    "no columns": (
        f"{TITLE}{SUMMARY}Attendee Details\n",
        "has no section Attendee Details with the names of its columns",
    ),
    "nobody": (
        LAYOUT_OF_2020.partition('"Yes","Ann"')[0],
        "counts people who came and names none in Attendee Details or Other Attended, as if it were cut off; in Zoom",
    ),
    "no user": (counted(viewers="0", users="2"), "counts people who came and names none in Attendee Details"),
    "no viewer": (counted(viewers="1", users="--"), "counts people who came and names none in Attendee Details"),
    "no values": (f"{TITLE}{SUMMARY.splitlines()[0]}", "has no Webinar ID of digits in its summary"),
    "wide summary": (f"{TITLE}{SUMMARY.replace('A,1', 'A,B,1')}", "has 5 cells in its summary where the names are 4"),
    "no UTF-8": (b"\xef\xbb\xbf" + REPORT.replace("A,1", "Café,1").encode("latin-1"), "is not valid UTF-8"),
    "NULs": (bytes(5_000), "is empty"),
}


def test_what_is_no_report_is_rejected_with_a_sentence(folder, warehouse, capsys):
    """One record for each file; the others land all the same."""
    for name, (text, _) in NOT_REPORTS.items():
        write(folder, text, f"{name}.csv")
    write(folder, LAYOUT_OF_2020, "report.csv")
    load(folder, warehouse)
    found = rejected(warehouse)
    assert [(table, name, line) for table, name, line, _ in found] == [
        ("attendee_reports", name, 1) for name in sorted(f"{name}.csv" for name in NOT_REPORTS)
    ]
    for _, name, _, reason in found:
        assert reason.startswith(NOT_REPORTS[name.removesuffix(".csv")][1])
    assert query(warehouse, "select report_key from raw_zoom.attendee_reports") == [("report.csv",)]
    told = capsys.readouterr().err
    assert "attendee_reports from poll.csv: 1 records read = 1 rejected\n  see raw_zoom.rejected_records" in told


@pytest.mark.parametrize(
    ("viewers", "users", "more"),
    [
        # A rehearsal: the host is a user, and no viewer.
        ("0", "1", ""),
        ("--", "1+", ""),
        ("9", "12", f"{ROW}\n"),
        ("1", "2", "Other Attended\nUser Name,Join Time,Leave Time\n1555,01/15/2026 06:10 PM,01/15/2026 06:50 PM\n"),
    ],
)
def test_a_summary_and_its_rows_need_not_agree(viewers, users, more):
    """As long as nobody can be said to be missing."""
    report = attendee_report(counted(viewers, users, more).encode(), UTC)
    assert len(report.rows) == 2 + bool(more)


def test_no_more_is_read_of_what_is_no_report_than_shows_that(folder, warehouse):
    """A large export of something else costs no memory, and is rejected for what it is."""
    head = b"First Name,Email,Registration Time,Approval Status\n"
    stream = io.BytesIO(head + b"Ann,ann@example.com,,approved\n" * 10_000)
    assert len(attendee_reports.report_content(stream)) == stream.tell() == 1 << 16
    write(folder, stream.getvalue())
    load(folder, warehouse)
    assert [reason[:29] for *_, reason in rejected(warehouse)] == ["is Zoom's Registration Report"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_long_report_is_read_to_its_end(encoding):
    """Though its beginning ends in the middle of a letter, wherever it ends."""
    for shift in range(4):
        content = f"{REPORT}{'x' * shift}{'🌱' * 40_000}\n{ROW}\n".encode(encoding)
        assert len(content) > 1 << 17
        assert attendee_reports.report_content(io.BytesIO(content)) == content


def test_a_report_that_is_larger_than_any_is_rejected(folder, warehouse, monkeypatch):
    """With a sentence, and the others land all the same."""
    write(folder, REPORT + f"{ROW}\n" * 2_000, "large.csv")
    write(folder, LAYOUT_OF_2020, "report.csv")
    monkeypatch.setattr(attendee_reports, "_MOST_BYTES", 100 << 10)
    load(folder, warehouse)
    assert query(warehouse, "select report_key from raw_zoom.attendee_reports") == [("report.csv",)]
    ((table, name, _, reason),) = rejected(warehouse)
    assert (table, name) == ("attendee_reports", "large.csv")
    assert reason.startswith("is larger than 0 MB, as no Attendee Report is; in Zoom, export")


def test_what_stands_where_no_row_can_costs_no_row(folder, warehouse):
    """It is rejected with its line, its text and the reason."""
    lines = [
        "Attendee Report",
        "Report Generated:,yesterday",
        "Exported by,somebody",
        *SUMMARY.splitlines(),
        "stray",
        '"stray" too',
        "Attendee Details",
        "There is a note",
        HEADER,
        f"{ROW},,",
        ROW.replace(",29", ",<1"),
        "Poll Details",
        "#,User Name,Email,Answer",
        "1,Ann,ann@example.com,Yes",
        "Other Attended",
        "User Name,Join Time,Leave Time",
        "Email,01/15/2026 6:01 PM,01/15/2026 6:02 PM",
    ]
    write(folder, "\n".join(lines))
    load(folder, warehouse)
    assert [(line, reason) for _, _, line, reason in rejected(warehouse)] == [
        (2, "is no time like 08/09/2026 12:10:00 PM"),
        (3, "stands before the summary"),
        (6, "stands before the first section"),
        (7, "has a quotation mark where none can be"),
        (9, "stands before the header of Attendee Details"),
        (13, "is no section of an Attendee Report"),
        (14, "stands in 'poll details', which is no section of an Attendee Report"),
        (15, "stands in 'poll details', which is no section of an Attendee Report"),
    ]
    assert rows(warehouse, "_source_line, section, user_name, session_minutes") == [
        (11, "attendee", None, 29),
        (12, "attendee", None, None),
        (18, "other", "Email", None),
    ]
    sql = "select record_text from raw_zoom.rejected_records where source_line in (7, 15) order by source_line"
    assert query(warehouse, sql) == [('"stray" too\n',), ("1,Ann,ann@example.com,Yes",)]


ANEW = "; in Zoom, export Reports > Webinar > Attendee Report anew"
# Each the row in the midst of others, or the last of its file.
BAD_ROWS = {
    "wide": (f"{ROW},more", f"has 7 cells where the header of Attendee Details has 6{ANEW}"),
    "joined": (ROW.replace("06:01", "18:01"), f"has a Join Time that {NO_TIME}"),
    "left": (ROW.replace("01/15/2026 06:30", "15.01.2026 06:30"), f"has a Leave Time that {NO_TIME}"),
    "both": (ROW.replace("01/15", "15/01"), f"has a Join Time and a Leave Time that {NO_TIME}"),
    "neither": (ROW.replace("Yes", "Maybe"), f"has neither Yes nor No in Attended{ANEW}"),
    "blank": (ROW.replace("Yes", ""), f"has neither Yes nor No in Attended{ANEW}"),
    "quotes": (f'"Yes" {ROW}', f"has a quotation mark where none can be{ANEW}"),
    "one cell": ("Yes", f"has text in one cell only{ANEW}"),
    "cut": (ROW.rpartition(" ")[0], f"ends the file after 5 of 6 cells{ANEW}"),
    "cut off": ("Yes,Ann,ann@exa", f"ends the file after 3 of 6 cells{ANEW}"),
}


def test_a_row_that_cannot_be_read_costs_the_file(folder, warehouse):
    """For it may be the one with somebody's registration; the record is that row, and the other files land."""
    for name, (row, _) in BAD_ROWS.items():
        is_last = name.startswith("cut")
        write(folder, f"{REPORT}{ROW}\n{row}" + ("" if is_last else f"\n{ROW}\n"), f"{name}.csv")
    write(folder, LAYOUT_OF_2020, "report.csv")
    load(folder, warehouse)
    sql = "select source_file, source_line, record_text, reason from raw_zoom.rejected_records"
    found = {name.removesuffix(".csv"): said for name, *said in query(warehouse, sql)}
    assert found.keys() == BAD_ROWS.keys()
    for name, (row, complaint) in BAD_ROWS.items():
        line, text, reason = found[name]
        assert (line, text.rstrip("\n")) == (7, row)
        assert reason.startswith(f"cannot be read in line 7, which {complaint}")
    assert query(warehouse, "select distinct report_key from raw_zoom.attendee_report_rows") == [("report.csv",)]


def test_a_row_may_end_before_its_header_does():
    """As those of no-shows do; only at the end of a file it may have been cut off."""
    header = f"{HEADER},Is Guest,Country/Region Name"
    lines = ["No,Ben,ben@example.com", ROW, "No,Cem,cem@example.com,--,--,--"]
    report = attendee_report("\n".join([REPORT.replace(HEADER, header) + lines[0], *lines[1:]]).encode(), UTC)
    assert [cells["first_name"] for _, cells in report.rows] == ["Ben", "Ann", "Cem"]


def test_a_registration_is_not_lost_with_its_time(folder, warehouse):
    """Of several rows that cannot be read the first is named; somebody's other rows would make a walk-in of them."""
    write(folder, LAYOUT_OF_2020, "other.csv")
    header = HEADER.replace("Join", "Registration Time,Join")
    row = "Yes,Ann,ann@example.com,{},01/15/2026 06:01 PM,01/15/2026 06:30 PM,29\n"
    written = [row.format(time) for time in ("01/08/2026 09:15 AM", "NA", "13/01/2026 09:15 AM", "14/01/2026 9:15 AM")]
    write(folder, REPORT.replace(HEADER, header) + "".join(written))
    load(folder, warehouse)
    ((table, _, line, reason),) = rejected(warehouse)
    assert (table, line) == ("attendee_reports", 8)
    assert rows(warehouse, "1", "report_key = 'report.csv'") == []
    assert reason.startswith(
        f"cannot be read in 2 of its rows, first in line 8, which has a Registration Time that {NO_TIME}"
    )


def test_a_report_that_puts_days_first_is_not_read_as_if_it_did_not():
    """8 September may be read, as 9 August; the time at which the report was made gives it away."""
    text = f"Report Generated:,13/09/2026 10:00:00 AM\n{SUMMARY}Attendee Details\n{HEADER}\n{ROW}\n"
    with pytest.raises(NoAttendeeReportError, match="has a Report Generated that is no time like") as raised:
        attendee_report(text.encode(), UTC)
    assert (raised.value.line, raised.value.text) == (1, "Report Generated:,13/09/2026 10:00:00 AM")


def test_an_answer_that_is_not_read_costs_no_row():
    """Whatever bytes stand in it."""
    text = f"{REPORT.replace('Email,', 'Email,What do you eat?,')}{ROW.replace('.com,', '.com,Brühe,')}\n"
    report = attendee_report(b"\xef\xbb\xbf" + text.encode("latin-1"), UTC)
    assert [cells["email"] for _, cells in report.rows] == ["ann@example.com"]
    with pytest.raises(NoAttendeeReportError, match="in line 6, which is not valid UTF-8"):
        attendee_report(b"\xef\xbb\xbf" + (REPORT + ROW.replace("Ann", "Änn")).encode("latin-1"), UTC)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheet_may_have_saved_it(encoding, delimiter):
    """With what parts cells in its country, in one of its encodings."""
    text = REPORT.replace("A,1", "Frühling €,1") + ROW.replace("Ann", '"Änn; Bo, jr"')
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(csv.reader(io.StringIO(text)))
    report = attendee_report(buffer.getvalue().encode(encoding), UTC)
    assert [cells["first_name"] for _, cells in report.rows] == ["Änn; Bo, jr"]
    assert report.summary["topic"] == "Frühling €"


def test_what_no_spreadsheet_writes_costs_no_person():
    """A byte that Windows-1252 does not define, in a name, is replaced."""
    report = attendee_report(
        REPORT.encode() + ROW.encode().replace(b"Ann", b"J\x81rg, \xdcn").replace(b", ", b" "), UTC
    )
    assert [cells["first_name"] for _, cells in report.rows] == ["J\ufffdrg Ün"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mar 28, 2020 08:07:27", [datetime(2020, 3, 28, 7, 7, 27)]),
        ("Mar 28, 2020 2:20 PM", [datetime(2020, 3, 28, 13, 20)]),
        ("September 9, 2020 12:00 am", [datetime(2020, 9, 8, 22)]),
        ("04/26/2026 10:45:17 AM", [datetime(2026, 4, 26, 8, 45, 17)]),
        ("08/09/2026 12:10\u202fPM", [datetime(2026, 8, 9, 10, 10)]),
        ("8/9/2026 14:10", [datetime(2026, 8, 9, 12, 10)]),
        ("2026-08-09 14:10:00.5", [datetime(2026, 8, 9, 12, 10)]),
        ("2026/08/09T14:10", [datetime(2026, 8, 9, 12, 10)]),
        ("2026-08-09T14:10:00Z", [datetime(2026, 8, 9, 14, 10)]),
        ("2026-08-09 14:10 -0330", [datetime(2026, 8, 9, 17, 40)]),
        # Autumn has it twice; spring skips it: it counts as if the clocks had not changed yet.
        ("10/25/2026 02:30:00 AM", [datetime(2026, 10, 25, 0, 30), datetime(2026, 10, 25, 1, 30)]),
        ("03/29/2026 02:30:00 AM", [datetime(2026, 3, 29, 1, 30)]),
        ("13/04/2026 10:00 AM", []),
        ("02/29/2026 10:00 AM", []),
        ("08/09/2026 14:10 PM", []),
        ("08/09/2026 0:10 AM", []),
        ("08/09/1926 10:10 AM", []),
        ("Mrz 28, 2020 08:07:27", []),
        ("08/09/2026", []),
        ("soon", []),
        ("", []),
    ],
)
def test_local_times_are_read_as_reports_write_them(text, found):
    """Of every layout, and with all the instants that they may be."""
    assert list(instants(text, BERLIN)) == found


def autumn(start, minutes, *sessions):
    """Parse a report of the night of 25 October 2026, on which 2:00 to 2:59 in Berlin is 0:00 to 0:59 UTC, then 1:00.

    Returns:
        The start and the sessions, as hours and minutes in UTC.
    """
    rows = [
        f"Yes,Ann,a@example.com,10/25/2026 {joined} AM,{f'10/25/2026 {left} AM' if left else '--'},{length}\n"
        for joined, left, length in sessions
    ]
    summary = SUMMARY.replace("01/15/2026 06:00:00 PM,60", f"10/25/2026 {start} AM,{minutes}")
    report = attendee_report(f"{summary}Attendee Details\n{HEADER}\n{''.join(rows)}".encode(), BERLIN)
    times = [(cells["joined_at"], cells["left_at"]) for _, cells in report.rows]
    return report.summary["started_at"][11:16], *((joined[11:16], left and left[11:16]) for joined, left in times)


def test_an_hour_that_comes_twice_is_settled_by_what_the_report_says():
    """By a session's minutes, then by the webinar's time, which sessions without doubt settle; else it is the later."""
    # Minutes tell the one hour from the other, and never does anybody leave before they join.
    assert autumn("1:00", 90, ("2:10", "2:20", 10), ("2:10", "2:20", 70), ("2:50", "2:10", 20)) == (
        "23:00",
        ("00:10", "00:20"),
        ("00:10", "01:20"),
        ("00:50", "01:10"),
    )
    # A host who came before the clocks changed and stayed an hour was there in the first of the two hours.
    assert autumn("2:00", 50, ("1:55", "2:50", 55), ("2:10", "2:40", 30)) == (
        "00:00",
        ("23:55", "00:50"),
        ("00:10", "00:40"),
    )
    assert autumn("2:00", 70, ("2:05", "3:10", 65), ("2:10", "2:40", "--")) == (
        "01:00",
        ("01:05", "02:10"),
        ("01:10", "01:40"),
    )
    # Nothing says anything.
    assert autumn("2:00", "--", ("2:10", "2:40", 30), ("2:10", "", "--")) == (
        "01:00",
        ("01:10", "01:40"),
        ("01:10", None),
    )
    # What ends before it begins does so in every reading.
    assert autumn("1:00", 60, ("2:10", "1:50", 5)) == ("23:00", ("01:10", "23:50"))


def test_a_registration_is_not_after_its_session():
    """Though its hour came twice; what was made later than all of it is the later of two instants."""
    header = HEADER.replace("Email", "Email,Registration Time")
    rows = [
        f"Yes,Ann,a@example.com,10/25/2026 2:30 AM,10/25/2026 {joined} AM,10/25/2026 5:00 AM,{minutes}\n"
        for joined, minutes in (("2:40", 200), ("2:40", 140), ("3:30", 90))
    ]
    preamble = f"Report Generated:,10/25/2026 2:50 AM\n{SUMMARY}Attendee Details\n"
    report = attendee_report(f"{preamble}{header}\n{''.join(rows)}".encode(), BERLIN)
    assert [(cells["registered_at"][11:16], cells["joined_at"][11:16]) for _, cells in report.rows] == [
        ("00:30", "00:40"),
        ("01:30", "01:40"),
        ("01:30", "02:30"),
    ]
    assert report.summary["generated_at"] == "2026-10-25T01:50:00"


# What stands in a cell, without blanks around it, and what of it is not one of Zoom's words for nothing.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), max_size=12).map(str.strip)
CELLS = TEXTS.filter(lambda text: text not in ("--", "NA"))
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda time: time.replace(microsecond=0))
CLOCKS = ("%b %d, %Y %H:%M:%S", "%b %d, %Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p", "%Y-%m-%d %H:%M:%S")
TITLES = {
    "host": "Host Details",
    "panelist": "Panelist Details",
    "attendee": "Attendee Details",
    "other": "Other Attended",
}
COLUMNS = {
    "is_attended": ("Attended", st.sampled_from(["Yes", "No"])),
    "user_name": ("User Name (Original Name)", CELLS | st.sampled_from(list(TITLES.values()))),
    "first_name": ("First Name", CELLS),
    "email": ("Email", CELLS),
    "registered_at": ("Registration Time", st.none() | INSTANTS),
    "joined_at": ("Join Time", st.none() | INSTANTS),
    "left_at": ("Leave Time", st.none() | INSTANTS),
    "session_minutes": ("Time in Session (minutes)", st.none() | st.integers(0, 2_000).map(str)),
    "country": ("Country/Region Name", CELLS),
}
OF_OTHERS = ("user_name", "joined_at", "left_at", "session_minutes", "country")
QUESTIONS = st.sampled_from(["Which, if any?", 'Do you "dbt"?', "Email (work)", "Wo?\n(Land)", "Time"])


@st.composite
def a_section(draw, name):
    """Draw a section: its records, and the rows that are to be read of them."""
    known = OF_OTHERS if name == "other" else tuple(COLUMNS)
    asked = draw(st.lists(QUESTIONS, max_size=3))
    order = draw(st.permutations([*known, *range(len(asked))]))
    # A question may have the name of a column of Zoom's, which comes first.
    again = draw(st.lists(st.sampled_from([COLUMNS[column][0] for column in known]), max_size=2))
    header = [asked[column] if isinstance(column, int) else COLUMNS[column][0] for column in order]
    records, rows = [[TITLES[name]], header + again], []
    clock = draw(st.sampled_from(CLOCKS))
    for _ in range(draw(st.integers(0, 3))):
        values = {column: draw(COLUMNS[column][1]) for column in known}
        values |= {number: draw(TEXTS) for number in range(len(asked))}
        cells = [written(values[column], clock, draw) for column in order] + [draw(TEXTS) for _ in again]
        if sum(map(bool, map(str.strip, cells))) < 2:
            continue
        while not cells[-1] and draw(st.booleans()):
            cells.pop()
        records.append(cells)
        is_attended = {"is_attended": "yes"} if name == "other" else {}
        rows.append({"section": name} | is_attended | {column: as_read(values[column]) for column in known})
    return records, rows


def written(value, clock, draw):
    """Write a value as reports do."""
    if value is None:
        return draw(st.sampled_from(["", "--", "NA", " "]))
    return value.strftime(clock) if isinstance(value, datetime) else value


def as_read(value):
    """Say what is to be read of a value."""
    return value.isoformat() if isinstance(value, datetime) else value or None


def line(record, quoting):
    """Write a record as a line of CSV, without its end."""
    buffer = io.StringIO()
    csv.writer(buffer, quoting=quoting).writerow(record)
    return buffer.getvalue().removesuffix("\r\n")


@st.composite
def a_report(draw):
    """Draw a report: its bytes, and the rows that are to be read of it."""
    names = draw(st.permutations(list(TITLES)))
    others = draw(st.sets(st.sampled_from(names)))
    sections = [draw(a_section(name)) for name in names if name in others | {"attendee"}]
    records = [["Attendee Report"], ["Report Generated:", "Apr 09, 2020 8:50 PM"]]
    records += [["Topic", "Webinar ID", "Actual Start Time"], ["A", "328-972-500", "2020-03-28 08:07"]]
    records += [record for of_section, _ in sections for record in of_section]
    # Only what stands before another record is whole, though it be short.
    records[-1] += [""] * (len(sections[-1][0][1]) - len(records[-1]))
    end = draw(st.sampled_from(["\r\n", "\n", "\r"]))
    quoting = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
    lines = [f"{line(record, quoting)}{draw(st.sampled_from(['', ',,', chr(0)]))}{end}" for record in records]
    blank = draw(st.sampled_from(["", end, f" ,{end}"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return blank.join(lines).encode(encoding), [row for _, of_section in sections for row in of_section], len(records)


@settings(deadline=None, max_examples=150)
@given(a_report())
def test_a_report_is_read_as_it_was_written(drawn):
    """Whatever the order of sections and columns, the quoting, the ends of lines, the questions and the encoding."""
    content, expected, count = drawn
    report = attendee_report(content, UTC)
    texts = [{column: text for column, text in cells.items() if text is not None} for _, cells in report.rows]
    assert texts == [{column: text for column, text in row.items() if text is not None} for row in expected]
    assert report.rejected == []
    assert len(accounted(report)) == count


def accounted(report):
    """Return the lines of a report's records, none of which is two things at once."""
    lines = [*report.structure, report.summary_line, *(line for line, *_ in report.rows + report.rejected)]
    assert len(lines) == len(set(lines))
    return sorted(lines)


# Without quotation marks a record is a line, which can be counted without the parser.
NO_SHOW = "No,Ben,ben@example.com,--,--,--"
OTHERS = ["User Name,Join Time,Leave Time", "x,01/15/2026 06:01 PM,"]
FINE = st.sampled_from(
    [
        *([f"{title}{end}", HEADER, NO_SHOW] for title in list(TITLES.values())[:3] for end in ("", " :,,")),
        *(["Other Attended,", *OTHERS], ["Poll Details", "#,User Name,Email", "1,x"], ["Host Details", "note", HEADER]),
        *([ROW], [f"{ROW},,"], ["No,Ben,ben@example.com"], [""], [" ,, "]),
    ]
)
LINES = st.sampled_from(
    [
        *(*TITLES.values(), HEADER, f"{HEADER},Is Guest", f"{ROW},No", "No,Ben", ROW.replace("06:01", "soon")),
        *("Poll Details", "#,User Name,Email", *OTHERS, f"{ROW.replace('Yes', 'Maybe')}"),
    ]
) | st.text(st.characters(codec="utf-8", exclude_characters='";\t\r\n\0'), max_size=20)


def outcome(content):
    """Return a report, or why it is none."""
    try:
        return attendee_report(content, UTC)
    except NoAttendeeReportError as error:
        return error


@settings(deadline=None, max_examples=300)
@given(st.lists(FINE, max_size=8), st.lists(LINES, max_size=2), st.sampled_from(["\r\n", "\n", "\r"]))
def test_every_line_with_text_is_accounted_for(fine, lines, end):
    """As a line of structure, the summary, a row or a rejected record; or the whole file is rejected."""
    text = [*REPORT.splitlines(), *(line for block in fine for line in block), *lines]
    report = outcome(end.join(text).encode())
    if isinstance(report, NoAttendeeReportError):
        is_of_row = str(report).startswith("cannot be read")
        assert report.text == text[report.line - 1] if is_of_row else report.line == 1
        assert not is_of_row or f"line {report.line}, which" in str(report)
        assert "ends the file" not in str(report) or not any(line.strip(" ,") for line in text[report.line :])
        return
    assert accounted(report) == [
        number for number, line in enumerate(text, 1) if any(cell.strip() for cell in line.split(","))
    ]


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_no_bytes_stop_a_load(data):
    """Neither any at all, nor a report that was damaged."""
    report = bytearray(data.draw(st.sampled_from([LAYOUT_OF_2020, LAYOUT_OF_2026, ""])).encode())
    for _ in range(data.draw(st.integers(0, 4))):
        begin = data.draw(st.integers(0, len(report)))
        report[begin : begin + data.draw(st.sampled_from([0, 1, 100]))] = data.draw(st.binary(max_size=4))
    try:
        found = attendee_report(bytes(report), BERLIN)
    except NoAttendeeReportError:
        return
    accounted(found)
    json.dumps([found.summary, found.rows, found.rejected]).encode()
