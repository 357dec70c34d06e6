"""The demo's CRM export: four CSV files, with what people leave out, delete and mistype in a real one."""

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from ingestion.demo.files import replacing
from ingestion.demo.world import Account, Contact, World

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


# Keys of 18 characters: the first 15 alone are one, too, and the others say which of them are capitals.
SHORT_KEY = 15
_CAPITALS = "YBA"


def _record_id(prefix: str, account: int, item: int) -> str:
    """Return a record's key of 18 characters; `prefix` tells the kind, as CRMs do."""
    return f"{prefix}LKF{account:06d}{item:03d}{_CAPITALS}"


def account_id(account: int) -> str:
    """Return the key of an account of that number."""
    return _record_id("001", account, 0)


def contact_id(account: int, contact: int) -> str:
    """Return the key of a contact of that number, of an account of that number."""
    return _record_id("003", account, contact)


def opportunity_id(account: int, opportunity: int) -> str:
    """Return the key of an account's opportunity, counted from 1."""
    return _record_id("006", account, opportunity)


def touch_id(account: Account, number: int) -> str:
    """Return the key of an account's touch, counted from 1."""
    is_by_sales = account.touches[number - 1].channel.nature == "outbound"
    return _record_id("a02" if is_by_sales else "a01", account.number, number)


def _timestamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


# Typed by hand, outside every process: an opportunity without an account; a contact with an address of somebody's own,
# whose domain must tie nobody else to that account; and three records that no loader can take: an unreadable date, an
# amount that is none, and a contact without its key.
STRAY_KEY, STRAY_AMOUNT = opportunity_id(999_999, 1), 18_500
STRAY_CREATED_AT = datetime(2026, 3, 11, 10, 24, 8, tzinfo=UTC)
FREELANCER_KEY, FREELANCER_EMAIL = contact_id(999_999, 1), "freelance.planner@example.com"
_TYPED_BY_HAND = (
    ("opportunity", (STRAY_KEY, "", f"{STRAY_AMOUNT}.00", _timestamp(STRAY_CREATED_AT), "Commercial")),
    ("opportunity", (opportunity_id(999_999, 2), account_id(1), "n/a", "2026-04-02T15:03:51Z", "Mid Market")),
    ("contact", (FREELANCER_KEY, account_id(1), FREELANCER_EMAIL)),
    ("contact", ("", account_id(1), "front.desk@larkfield.example.com")),
    ("marketing", (_record_id("a01", 999_999, 1), "Event", contact_id(1, 1), "12 May 26, noon")),
)


def kept(world: World, account: Account) -> dict[Contact, str]:
    """Return the contacts that the CRM still has, each with the key of its account; empty where it has none.

    One in a hundred was deleted, though its touches stay; as many were never tied to an account.
    """
    rng = world.stream(account.number, "crm")
    slips = {contact: rng.random() for contact in account.contacts}
    return {
        contact: account_id(account.number) if slip > 0.02 else "" for contact, slip in slips.items() if slip > 0.01
    }


def _records(world: World, account: Account) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what the CRM holds of an account, as pairs of a file (a key of HEADERS) and a row."""
    for contact, account_key in kept(world, account).items():
        yield "contact", (contact_id(account.number, contact.number), account_key, contact.email)
    for number, touch in enumerate(account.touches, start=1):
        name = touch.channel.name
        yield (
            "sales_outreach" if touch.channel.nature == "outbound" else "marketing",
            (
                touch_id(account, number),
                OLD_NAMES.get(name, name) if touch.at < RENAMED_AT else name,
                contact_id(account.number, touch.contact.number),
                _timestamp(touch.at),
            ),
        )
    for number, opportunity in enumerate(account.opportunities, start=1):
        yield (
            "opportunity",
            (
                opportunity_id(account.number, number),
                account_id(account.number),
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
