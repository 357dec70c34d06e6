"""Calendly's CSV export: its local times, its missing identifiers, and what differs between its vintages."""

import csv
from datetime import datetime

import pytest
from support import query

from ingestion import calendly_export
from ingestion.errors import ThroughlineError

HEADER_LINE = (
    "User Name,Team,Invitee Name,Invitee First Name,Invitee Last Name,Invitee Email,Invitee Time Zone,"
    "Invitee accepted marketing emails,Text Reminder Number,Event Type Name,Start Date & Time,End Date & Time,"
    "Location,Event Created Date & Time,Canceled,Canceled By,Cancellation reason,Question 1,Response 1,UTM Campaign,"
    "UTM Source,UTM Medium,UTM Term,UTM Content,Salesforce UUID,Event Price,Payment Currency,Guest Email(s),"
    "Invitee Reconfirmed,Marked as No-Show,Meeting Notes,Group,User Email,Event UUID,Invitee UUID,"
    "Invitee scheduled by,Scheduling method"
)
HEADER = next(csv.reader([HEADER_LINE]))
EVENTS = "https://api.calendly.com/scheduled_events"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Be the folder that exports are put into; they come from an account in Berlin."""
    monkeypatch.setenv("SOURCES__CALENDLY_EXPORT__TIMEZONE", "Europe/Berlin")
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


def write(folder, *rows, header=HEADER, name="export.csv"):
    """Write an export; a row names the cells that differ from the usual ones."""
    usual = {
        "Invitee Email": "Ann@Example.com",
        "Event Type Name": "Info Session ",
        "Start Date & Time": "2025-03-03 11:00 am",
        "End Date & Time": "2025-03-03 11:30 am",
        "Event Created Date & Time": "2025-02-27 04:12 pm",
        "Canceled": "false",
        "Marked as No-Show": "No",
        "User Email": "Host.One@example.com",
        "Event UUID": "e1",
        "Invitee UUID": "i1",
    }
    with (folder / name).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, header, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(usual | row for row in rows)


def landed(warehouse, columns):
    """Return columns of the landed rows, in order."""
    return query(warehouse, f"select {columns} from raw_calendly_export.invitees order by all")


def test_an_export_lands_with_times_in_utc(folder, warehouse):
    """The account's zone is a setting; e-mails are lower-cased, names trimmed, URIs built of the two UUIDs."""
    write(folder, {}, {"Event UUID": "e2", "Invitee UUID": "i2", "Canceled": "true", "Marked as No-Show": "Yes"})
    calendly_export.load(str(folder), warehouse)
    columns = "invitee_uri, scheduled_event_uri, invitee_email, user_email, event_type_name, is_canceled, is_no_show"
    same = ("ann@example.com", "host.one@example.com", "Info Session")
    assert landed(warehouse, columns) == [
        (f"{EVENTS}/e1/invitees/i1", f"{EVENTS}/e1", *same, False, False),
        (f"{EVENTS}/e2/invitees/i2", f"{EVENTS}/e2", *same, True, True),
    ]
    times = (datetime(2025, 3, 3, 10), datetime(2025, 3, 3, 10, 30), datetime(2025, 2, 27, 15, 12))
    assert landed(warehouse, "start_at, end_at, created_at") == [times, times]


@pytest.mark.parametrize(
    ("local", "instant"),
    [
        ("3/3/2025 1:05 PM", datetime(2025, 3, 3, 12, 5)),
        ("2025-07-01 12:00 am", datetime(2025, 6, 30, 22)),
        ("2025-03-03 23:10", datetime(2025, 3, 3, 22, 10)),
        # Of the two times that this may be it is the later one.
        ("2025-10-26 02:30 am", datetime(2025, 10, 26, 1, 30)),
        # Spring skips it: it counts as if the clocks had not changed yet.
        ("2025-03-30 02:30 am", datetime(2025, 3, 30, 1, 30)),
    ],
)
def test_local_times_are_read_as_the_account_meant_them(folder, warehouse, local, instant):
    """Exports of several vintages, and the two nights on which clocks change."""
    write(folder, {"Start Date & Time": local})
    calendly_export.load(str(folder), warehouse)
    assert landed(warehouse, "start_at") == [(instant,)]


def test_an_older_export_has_no_identifiers(folder, warehouse):
    """An invitee is then e-mail, start and creation; those who meet the same host at once meet in one event."""
    header = [name for name in HEADER if "UUID" not in name or name == "Salesforce UUID"]
    write(folder, {}, {"Invitee Email": "bo@example.com"}, {"Start Date & Time": "2025-03-04 11:00 am"}, header=header)
    calendly_export.load(str(folder), warehouse)
    rows = landed(warehouse, "invitee_uri, scheduled_event_uri")
    assert len({invitee for invitee, _ in rows}) == 3
    assert len({event for _, event in rows}) == 2
    assert {uri[:16] for row in rows for uri in row} == {"calendly_export:"}
    calendly_export.load(str(folder), warehouse, reread=True)
    assert landed(warehouse, "invitee_uri, scheduled_event_uri") == rows


def test_a_corrected_zone_reads_the_files_again(folder, warehouse, monkeypatch):
    """Without identifiers the times are in the key, and the same bookings must not be there twice."""
    header = [name for name in HEADER if "UUID" not in name]
    write(folder, {}, {"Invitee Email": "bo@example.com"}, header=header)
    calendly_export.load(str(folder), warehouse)
    monkeypatch.setenv("SOURCES__CALENDLY_EXPORT__TIMEZONE", "America/Chicago")
    calendly_export.load(str(folder), warehouse)
    assert landed(warehouse, "start_at") == [(datetime(2025, 3, 3, 17),)] * 2


def test_what_cannot_be_a_booking_is_rejected(folder, warehouse):
    """With the line, the words of the header and the reason."""
    write(
        folder,
        {"Start Date & Time": "soon"},
        {"Invitee Email": ""},
        {"Event Created Date & Time": "", "Canceled": "perhaps"},
        {},
    )
    calendly_export.load(str(folder), warehouse)
    sql = "select source_line, reason from raw_calendly_export.rejected_records order by 1"
    assert query(warehouse, sql) == [
        (2, "start_date_&_time is no time like 2025-03-03 11:00 am"),
        (3, "invitee_email is blank"),
        (4, "event_created_date_&_time is blank; canceled is neither true nor false"),
    ]
    assert len(landed(warehouse, "1")) == 1


@pytest.mark.parametrize(("zone", "said"), [(None, "is not set"), ("Berlin", "is Berlin, which is no time zone")])
def test_without_a_zone_nothing_is_loaded(folder, warehouse, monkeypatch, zone, said):
    """A guess would move every meeting by hours."""
    write(folder, {})
    monkeypatch.delenv("SOURCES__CALENDLY_EXPORT__TIMEZONE")
    if zone:
        monkeypatch.setenv("SOURCES__CALENDLY_EXPORT__TIMEZONE", zone)
    with pytest.raises(ThroughlineError, match=f"SOURCES__CALENDLY_EXPORT__TIMEZONE {said}"):
        calendly_export.load(str(folder), warehouse)
    assert not warehouse.exists()
