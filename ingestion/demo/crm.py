"""The demo's CRM export: four CSV files, with what people leave out, delete and mistype in a real one."""

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from ingestion.demo.files import replacing
from ingestion.demo.world import Account, World

HEADERS = {
    "marketing": ("marketing_touchpoint_id", "channel_name", "contact_id", "marketing_touchpoint_date"),
    "sales_outreach": ("sales_touchpoint_id", "channel_name", "contact_id", "sales_touchpoint_date"),
    "contact": ("contact_id", "account_id", "email"),
    "opportunity": (
        "opportunity_id",
        "account_id",
        "pipeline_amount",
        "Opportunity_Created_Date",
        "sales_segment",
    ),
}

# The marketing team renamed its search ads in the CRM on this day; what was logged before kept the old name.
RENAMED_AT = datetime(2024, 11, 1, tzinfo=UTC)
OLD_NAMES = {"Adwords": "AdWords Search"}


def _record_id(prefix: str, account: int, item: int) -> str:
    """Return a record's key of 18 characters; `prefix` tells the kind, as CRMs do."""
    return f"{prefix}LKF{account:08d}{item:04d}"


def _account_id(account: int) -> str:
    return _record_id("001", account, 0)


def _contact_id(account: int, contact: int) -> str:
    return _record_id("003", account, contact)


def _timestamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


# Typed by hand, outside every process: an opportunity without an account, and three records that no loader can take:
# an unreadable date, an amount that is none, and a contact without its key.
_TYPED_BY_HAND = (
    ("opportunity", ("006LKF999999990001", "", "18500.00", "2026-03-11T10:24:08Z", "Commercial")),
    ("opportunity", ("006LKF999999990002", _account_id(1), "n/a", "2026-04-02T15:03:51Z", "Mid Market")),
    ("contact", ("", _account_id(1), "front.desk@larkfield.example.com")),
    ("marketing", ("a01LKF999999990001", "Event", _contact_id(1, 1), "12 May 26, noon")),
)


def _records(world: World, account: Account) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what the CRM holds of an account, as pairs of a file (a key of HEADERS) and a row."""
    rng = world.stream(account.number, "crm")
    for contact in account.contacts:
        contact_id = _contact_id(account.number, contact.number)
        slip = rng.random()
        # One contact in a hundred was deleted, though its touches stay; as many were never tied to an account.
        if slip > 0.01:
            account_id = _account_id(account.number) if slip > 0.02 else ""
            yield "contact", (contact_id, account_id, contact.email)
    for number, touch in enumerate(account.touches, start=1):
        name = touch.channel.name
        file, prefix = ("sales_outreach", "a02") if touch.channel.nature == "outbound" else ("marketing", "a01")
        yield (
            file,
            (
                _record_id(prefix, account.number, number),
                OLD_NAMES.get(name, name) if touch.at < RENAMED_AT else name,
                _contact_id(account.number, touch.contact.number),
                _timestamp(touch.at),
            ),
        )
    for number, opportunity in enumerate(account.opportunities, start=1):
        yield (
            "opportunity",
            (
                _record_id("006", account.number, number),
                _account_id(account.number),
                "" if opportunity.amount is None else f"{opportunity.amount}.00",
                _timestamp(opportunity.created_at),
                account.segment.name,
            ),
        )


def write(world: World, folder: Path) -> None:
    """Write `larkfield_<file>_data.csv` for each file of HEADERS: rows by account, then those typed by hand.

    Args:
        world: Whom the CRM knows.
        folder: Where the files go; it exists.
    """
    with ExitStack() as stack:
        files = {}
        for file, header in HEADERS.items():
            handle = stack.enter_context(replacing(folder / f"larkfield_{file}_data.csv"))
            files[file] = csv.writer(handle, lineterminator="\n")
            files[file].writerow(header)
        for account in world.accounts():
            for file, record in _records(world, account):
                files[file].writerow(record)
        for file, record in _TYPED_BY_HAND:
            files[file].writerow(record)
