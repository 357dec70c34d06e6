"""Bookings credit their channels where the company says so, beside the CRM's touches or instead of them."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import attribution_by_hand as by_hand
import pytest
from support import query, ship_seeds

from ingestion.demo.calendly_history import CalendlyHistory

DAY = timedelta(days=1)
BEGINNING = datetime(2026, 1, 1, 9, tzinfo=UTC)
CREATED_AT = datetime(2026, 4, 20, 12)
LINKED_ID = "0035g00000LNKDqAAH"
# Whom the CRM knows, with the address that it has of each.
CONTACTS = {
    by_hand.Contact("C1", "A1"): "ada@acme.example.com",
    by_hand.Contact("C2", "A1"): "ben@acme.example.com",
    by_hand.Contact(LINKED_ID, "A2"): "",
    by_hand.Contact("C4", None): "dot@domus.example.com",
    by_hand.Contact("C5", "A5"): "eve@elm.example.com",
}
TOUCHES = (by_hand.Touch("sales", "S1", "Outbound", "C1", CREATED_AT - 2 * DAY),)
OPPORTUNITIES = tuple(
    by_hand.Opportunity(f"O{number}", f"A{number}", Decimal(100 * number), CREATED_AT, "Commercial")
    for number in range(1, 6)
)
# Who booked when, by which event type, with which id of the CRM in the link, and whom and which account that touches.
# Of the accounts that somebody belongs to by the mail domain alone it is not known as whom.
BOOKINGS = {
    "by address, in capitals": (40, "Ads call", " ADA@acme.example.com", None, ("C1", "A1")),
    "by the mail domain": (20, "Newsletter call", "new@acme.example.com", None, (None, "A1")),
    "by the link": (15, "Ads call", "someone@example.com", LINKED_ID[:15], (LINKED_ID, "A2")),
    "and again": (10, "Newsletter call", "someone@example.com", None, (LINKED_ID, "A2")),
    "of no known channel": (9, "Unmapped call", "ada@acme.example.com", None, None),
    "of no account": (8, "Ads call", "dot@domus.example.com", None, (None, None)),
    "of nobody": (7, "Ads call", "nobody@nowhere.example.com", None, (None, None)),
    "too early": (95, "Ads call", "eve@elm.example.com", None, ("C5", "A5")),
}
CHANNELS = {"Ads call": "Adwords", "Newsletter call": "newsletter"}


def write(path: Path, *rows: tuple) -> None:
    """Writes a CSV file."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(",".join("" if cell is None else f"{cell}" for cell in row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def booked(folder) -> tuple[by_hand.Touch, ...]:
    """What happened at Calendly, delivered to the company, as the touches that it means."""
    history = CalendlyHistory("touches")
    host = history.add_host("Ann Host", "ann@example.com", BEGINNING - 60 * DAY)
    types = {name: history.add_event_type(name, [host], BEGINNING - 60 * DAY) for name in (*CHANNELS, "Unmapped call")}
    booked = {}
    for name, (days, event_type, email, contact_id, _) in sorted(BOOKINGS.items(), key=lambda item: -item[1][0]):
        at = CREATED_AT.replace(tzinfo=UTC) - days * DAY
        tracking = {"salesforce_uuid": contact_id}
        booked[name] = history.book(types[event_type], at, at + DAY, name="Guest", email=email, tracking=tracking)
    # Whatever became of it.
    history.cancel(booked["and again"], CREATED_AT)
    created_at = {document["uri"]: document["created_at"] for document in history.organization()["invitees"]}
    (folder / "deliveries").mkdir()
    deliveries = "".join(json.dumps(delivery) + "\n" for delivery in history.deliveries())
    (folder / "deliveries" / "live.jsonl").write_text(deliveries)
    ship_seeds(folder / "seeds")
    write(
        folder / "seeds" / "event_type_channels.csv",
        ("event_type_uri", "event_type_name", "channel", "campaign", "valid_from", "valid_to"),
        *((types[name], None, channel, None, None, None) for name, channel in CHANNELS.items()),
    )
    return tuple(
        by_hand.Touch(
            "marketing",
            f"booking:{booked[name]}",
            CHANNELS[event_type],
            touched[0],
            datetime.fromisoformat(created_at[booked[name]]).replace(tzinfo=None),
            touched[1],
        )
        for name, (_, event_type, _, _, touched) in BOOKINGS.items()
        if touched
    )


@pytest.fixture(scope="module")
def built(folder, command, booked) -> Callable[[str], Path]:
    """Builds attribution with the given sources of touches, in the warehouse that holds the company's files."""
    write(
        folder / "crm" / "contact_data.csv",
        ("contact_id", "account_id", "email"),
        *((contact.contact_id, contact.account_id, email) for contact, email in CONTACTS.items()),
    )
    write(
        folder / "crm" / "sales_outreach_data.csv",
        ("sales_touchpoint_id", "channel_name", "contact_id", "sales_touchpoint_date"),
        *((touch.touchpoint_id, touch.channel_name, touch.contact_id, f"{touch.at}Z") for touch in TOUCHES),
    )
    write(
        folder / "crm" / "opportunity_data.csv",
        ("opportunity_id", "account_id", "pipeline_amount", "opportunity_created_date", "sales_segment"),
        *((one.opportunity_id, one.account_id, one.amount, f"{one.created_at}Z", one.segment) for one in OPPORTUNITIES),
    )
    own = {
        "THROUGHLINE_WAREHOUSE": folder / "touches.duckdb",
        "THROUGHLINE_SEEDS": folder / "seeds",
        "SOURCES__CRM__BUCKET_URL": folder / "crm",
        "SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL": folder / "deliveries",
    }
    command("throughline", "load", "crm", "calendly_webhooks", **own)

    def build(sources: str) -> Path:
        variables = json.dumps({"attribution_touchpoint_sources": sources, "as_of": "2026-05-01"})
        models = ["+attribution_credits", "+opportunity_touchpoints", "+int_crm_checks__counted"]
        command("dbt", "build", "--exclude-resource-type", "unit_test", "--vars", variables, "-s", *models, **own)
        return own["THROUGHLINE_WAREHOUSE"]

    return build


@pytest.mark.parametrize(
    ("sources", "touches_of_the_crm"), [("bookings", ()), ("crm, bookings", TOUCHES)], ids=["alone", "beside the CRM's"]
)
def test_bookings_earn_credit_for_the_accounts_of_whoever_booked(built, booked, sources, touches_of_the_crm):
    """The ledger is that of the same company, worked out by hand with a touch for each booking."""
    warehouse = built(sources)
    crm = by_hand.Crm(tuple(CONTACTS), (*touches_of_the_crm, *booked), OPPORTUNITIES, {})
    expected = Counter(
        (
            *(credit.attribution_model, credit.opportunity.opportunity_id),
            *((credit.touch.touchpoint_type, credit.touch.touchpoint_id) if credit.touch else (None, None)),
            *(credit.channel_name, credit.weight, credit.amount, credit.reason),
        )
        for credit in by_hand.credits_of(crm)
    )
    found = query(
        warehouse,
        "select attribution_model, opportunity_id, touchpoint_type, touchpoint_id, channel_name, credit_weight,"
        " attributed_amount, unattributed_reason from marts.attribution_credits",
    )
    assert Counter(found) == expected
    assert {reason for *_, reason in found} == {None, "no_contact", "no_touch_in_window"}
    contacts = query(warehouse, "select touchpoint_id, contact_id from marts.opportunity_touchpoints")
    windows = [by_hand.touches_in_window(crm, opportunity) for opportunity in OPPORTUNITIES]
    assert Counter(contacts) == Counter(
        (touch.touchpoint_id, touch.contact_id) for window in windows for touch in window
    )
    # What the CRM's touches lack is told whether or not they earn credit: they are loaded all the same.
    checks = dict(query(warehouse, "select check_name, checked_records from intermediate.int_crm_checks__counted"))
    assert checks["touches_without_contact"] == len(TOUCHES)
