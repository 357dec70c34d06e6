"""Calendly's own CSV export of bookings, for teams without access to the API."""

from pathlib import Path

from ingestion.declarations import BOOLEAN, EMAIL, Column, FileTable, local_time
from ingestion.file_loads import land_files
from ingestion.local_times import required_zone

_EVENTS = "https://api.calendly.com/scheduled_events/"


def invitees_table(time_zone: str) -> FileTable:
    """The table raw_calendly_export.invitees: one row per invitee, with times in UTC.

    Args:
        time_zone: The zone of the account that made the export, in which its times are.
    """
    time = local_time(time_zone)
    return FileTable(
        name="invitees",
        pattern="*",
        reading=time_zone,
        # Without identifiers the key is made of times, which another zone makes other ones.
        is_replaced=True,
        key="invitee_uri",
        columns=(
            # Without the columns of UUIDs an event is who holds what when, and an invitee who booked it when.
            Column(
                "invitee_uri",
                computed=f"coalesce('{_EVENTS}' || event_uuid || '/invitees/' || invitee_uuid,"
                " 'calendly_export:' || md5(to_json("
                "[invitee_email, cast(start_at as varchar), cast(created_at as varchar)])::varchar))",
            ),
            Column(
                "scheduled_event_uri",
                computed=f"coalesce('{_EVENTS}' || event_uuid, 'calendly_export:' || md5(to_json("
                "[user_email, user_name, event_type_name, cast(start_at as varchar)])::varchar))",
            ),
            Column("event_type_name"),
            Column("user_name", is_optional=True),
            Column("user_email", EMAIL, is_optional=True),
            Column("team", is_optional=True),
            Column("invitee_name", is_optional=True),
            Column("invitee_first_name", is_optional=True),
            Column("invitee_last_name", is_optional=True),
            Column("invitee_email", EMAIL, is_required=True),
            Column("invitee_time_zone", is_optional=True),
            Column("text_reminder_number", is_optional=True),
            Column("start_at", time, is_required=True, header="start_date_&_time"),
            Column("end_at", time, header="end_date_&_time"),
            Column("created_at", time, is_required=True, header="event_created_date_&_time"),
            Column("location", is_optional=True),
            Column("is_canceled", BOOLEAN, header="canceled", default="false"),
            Column("canceled_by", is_optional=True),
            Column("cancellation_reason", is_optional=True),
            Column("is_no_show", BOOLEAN, is_optional=True, header="marked_as_no_show", default="false"),
            Column("utm_campaign", is_optional=True),
            Column("utm_source", is_optional=True),
            Column("utm_medium", is_optional=True),
            Column("utm_term", is_optional=True),
            Column("utm_content", is_optional=True),
            Column("salesforce_uuid", is_optional=True),
            Column("guest_emails", is_optional=True, header="guest_email(s)"),
            Column("meeting_notes", is_optional=True),
            Column("invitee_scheduled_by", is_optional=True),
            Column("scheduling_method", is_optional=True),
            Column("event_uuid", is_optional=True),
            Column("invitee_uuid", is_optional=True),
        ),
    )


def tables() -> list[FileTable]:
    """What files fill, with the time zone of the settings.

    Raises:
        ThroughlineError: The time zone is missing or is none.
    """
    zone = required_zone(
        "calendly_export",
        "the export says nowhere in which zone its times are: set it to that of the account that made it",
    )
    return [invitees_table(zone.key)]


def load(url: str, warehouse: Path, *, reread: bool = False) -> None:
    """Loads exports into raw_calendly_export.

    Args:
        url: A folder or an s3:// prefix with the CSV files.
        warehouse: The DuckDB file to load into.
        reread: Read unchanged files again, too.

    Raises:
        ThroughlineError: The time zone is missing, a file lacks a column or cannot be read; the warehouse is then as
            before.
    """
    land_files("calendly_export", url, tables(), warehouse, reread=reread)
