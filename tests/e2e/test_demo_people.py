"""The demo company's people and what became of them come out of all its sources as its generator made them."""

import csv
import shutil
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import duckdb
import pytest
from support import BIN, PROJECT_ROOT, query

from ingestion import demo
from ingestion.demo import addresses, crm
from ingestion.demo.bookings import bookings
from ingestion.demo.conversions import UNLINKED, Cell, Truth
from ingestion.demo.people import Identifier, Known, Override, Person, anonymous_sessions
from ingestion.demo.webinars import parts
from ingestion.demo.world import END, World

SEEDS = PROJECT_ROOT / "ingestion" / "demo" / "seeds"
# The first accounts of the published pages' company: what its seed says of people is about some of them.
WORLD = World(60, demo.DEFAULT_SEED)
COUNTS = (
    "leads, bookings, held, opportunities, pipeline_amount, customers, revenue, booked_leads, held_leads,"
    " opportunity_leads, paying_leads"
)


def rows_of(seed: str) -> list[dict[str, str]]:
    """The rows of one of the demo's seeds."""
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


OVERRIDES = [
    Override(*(Identifier(row[f"{side}_kind"], row[f"{side}_id"]) for side in ("left", "right")), row["action"])
    for row in rows_of("identity_overrides")
]
# Each of them is looked at, and what it is without the first row of that seed.
NAMES = ("as it is", "without the first row")
RATES = sorted((date.fromisoformat(row["rate_date"]), Fraction(row["rate"])) for row in rows_of("exchange_rates"))


def worth(currency: str, cents: int, on: date) -> Fraction:
    """An amount in the reporting currency."""
    rate = Fraction(1) if currency == "USD" else RATES[bisect_right(RATES, (on, Fraction(99))) - 1][1]
    return rate * cents / 100


def addressed(truth: Truth) -> Iterator[tuple[Person, Identifier]]:
    """Everybody with each of their addresses."""
    return ((person, one) for person in truth.people for one in person.identifiers if one.kind == "email")


def naive(at: datetime | None) -> datetime | None:
    """An instant as a warehouse has it."""
    return at and at.replace(tzinfo=None)


@dataclass(frozen=True)
class Built:
    """A warehouse with all that the demo company's sources tell, and what must be in it."""

    path: Path
    overrides: tuple[Override, ...]

    def rows(self, sql: str) -> list[tuple]:
        """What it answers."""
        return query(self.path, sql)

    @cached_property
    def truth(self) -> Truth:
        """What the generator says."""
        return Truth(WORLD, self.overrides)

    @cached_property
    def names(self) -> dict[str, str]:
        """What the older export's invitees are called, which it tells no URI of, by what they would be called."""
        called = {
            (email, at, start_at): key
            for key, email, at, start_at in self.rows(
                "select invitee_uri, lower(invitee_email), created_at, start_at"
                " from staging.stg_calendly_export__invitees where invitee_uri like 'calendly\\_export:%' escape '\\'"
            )
        }
        nameless = [one for known in self.knowns for one in known.invitees if not one.has_uri]
        assert len(called) == len(nameless)
        return {one.uri: called[one.email, naive(one.at), naive(one.start_at)] for one in nameless}

    @cached_property
    def knowns(self) -> list[Known]:
        """All bookings, as far as anybody knows them."""
        return [one.known for one in self.truth.bookings]

    def called(self, identifiers: Iterable[Identifier]) -> frozenset[tuple[str, str]]:
        """Identifiers as the marts have them."""
        return frozenset((one.kind, self.names.get(one.value, one.value)) for one in identifiers)

    def booking_id(self, known: Known) -> str:
        """What a booking is called."""
        first = known.invitees[0]
        return self.names[known.key] if known.key == first.uri and not first.has_uri else known.key


@pytest.fixture(scope="module")
def loaded(folder: Path, command: Callable[..., str]) -> Path:
    """A warehouse that has all the demo company's files and APIs."""
    demo.write_demo(folder / "demo", WORLD.size, WORLD.seed)
    files = {
        f"SOURCES__{name.upper()}__BUCKET_URL": folder / "demo" / name
        for name in ("crm", "calendly_webhooks", "calendly_export", "ad_spend", "zoom", "stream")
    }
    zones = {f"SOURCES__{name}__TIMEZONE": "Europe/Berlin" for name in ("CALENDLY_EXPORT", "ZOOM")}
    own = {"THROUGHLINE_WAREHOUSE": folder / "loaded.duckdb", "THROUGHLINE_SEEDS": SEEDS}
    load = ("throughline", "simulate", "--folder", folder / "demo", BIN / "throughline", "load", "--all")
    command(*load, **files, **zones, **own)
    return folder / "loaded.duckdb"


@pytest.fixture(scope="module")
def builds(loaded: Path, folder: Path, command: Callable[..., str]) -> dict[str, Built]:
    """All marts, with what the company says by hand, and without the first row of it."""
    seeds = shutil.copytree(SEEDS, folder / "seeds")
    header, _, *others = (SEEDS / "identity_overrides.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (seeds / "identity_overrides.csv").write_text("".join((header, *others)), encoding="utf-8")
    options = ("--exclude-resource-type", "test", "unit_test", "--vars", f'{{"as_of": "{END:%Y-%m-%d}"}}')
    # Views name the warehouse's file, which therefore keeps its name.
    shorter = folder / "shorter" / loaded.name
    shorter.parent.mkdir()
    command("dbt", "build", *options, THROUGHLINE_WAREHOUSE=loaded, THROUGHLINE_SEEDS=SEEDS)
    shutil.copy(loaded, shorter)
    # Nothing else can know of the row.
    chosen = ("--select", "identity_overrides+")
    command("dbt", "build", *chosen, *options, THROUGHLINE_WAREHOUSE=shorter, THROUGHLINE_SEEDS=seeds)
    return dict(zip(NAMES, (Built(loaded, tuple(OVERRIDES)), Built(shorter, tuple(OVERRIDES[1:]))), strict=True))


@pytest.fixture(scope="module", params=NAMES)
def built(request: pytest.FixtureRequest, builds: dict[str, Built]) -> Built:
    """Either of them."""
    return builds[request.param]


def test_the_world_has_what_could_go_wrong(builds):
    """Otherwise the tests below would not say much: each kind of trace, and of people without one, is there."""
    truth = builds["as it is"].truth
    person_of = {one: id(person) for person in truth.people for one in person.identifiers}
    found = set()
    for account in WORLD.accounts():
        for call in bookings(WORLD, account):
            email, contact = call.email.lower(), call.contact
            is_one = person_of["email", email] == person_of.get(("email", contact.email))
            if email == addresses.own_address(account.number, contact):
                found.add((addresses.habit(WORLD, account, contact).evidence, is_one))
            elif email != contact.email:
                found.add(("desk", is_one))
            if key := call.tracking.get("salesforce_uuid"):
                found.add(("link of characters", len(key)))
                is_own = key.startswith(crm.contact_id(account.number, contact.number)[: crm.SHORT_KEY])
                found.add(("own link", is_own))
    assert found >= {("link", True), ("move", True), ("nothing", False), ("desk", False)}
    assert found >= {("link of characters", 15), ("link of characters", 18), ("own link", True), ("own link", False)}
    guests = [part for held in parts(WORLD).values() for part in held]
    assert any(part.is_invited and part.spans and not part.is_by_phone for part in guests)
    assert any(part.email == addresses.own_address(part.account, part.contact) for part in guests)
    # The newsletter's readers, too many for one person.
    assert {one.account_link for one in truth.people if one.is_over_limit} == {"contact", "domain"}
    (mailboxes,) = [one for one in OVERRIDES if one.action == "link"]
    assert person_of[mailboxes.left] == person_of[mailboxes.right]


def test_accounts_have_people_of_every_kind(builds):
    """Whom the CRM lost, whose company is under one roof with another; what becomes of bookings and payments."""
    truth = builds["as it is"].truth
    accounts = list(WORLD.accounts())
    lost = {one.email for account in accounts for one in account.contacts if one not in crm.kept(WORLD, account)}
    assert any(person.account_link == "domain" and one.value in lost for person, one in addressed(truth))
    roofs = {account.domain for account in accounts if account.is_of_holding and account.number < WORLD.size}
    assert any(person.account is None and one.value.partition("@")[2] in roofs for person, one in addressed(truth))
    assert {one.unlinked_reason for one in truth.bookings} == {
        None,
        "no_account",
        "no_opportunity",
        "given_to_another_booking",
    }
    assert {(one.lead is None, one.first_at is None) for one in truth.paid} == {
        (False, False),
        (True, False),
        (True, True),
    }


def test_everybody_is_who_they_are(built):
    """Each identifier of each person, under the key that the first address gives; else only guests without one."""
    told = defaultdict(set)
    sessions = set()
    for person, kind, value, is_over_limit in built.rows(
        "select person_id, identifier_kind, identifier_value, is_over_limit from marts.person_identifiers"
    ):
        if kind == "session":
            sessions.add(person)
        else:
            told[person, is_over_limit].add((kind, value))
    assert {key: frozenset(some) for key, some in told.items()} == {
        (person.key, person.is_over_limit): built.called(person.identifiers) for person in built.truth.people
    }
    assert len(sessions) == anonymous_sessions(WORLD) > 0


def test_everybody_belongs_where_they_do(built):
    """By a contact, else by the domain of a company; free addresses and companies under one roof say nothing."""
    told = built.rows(
        "select person_id, account_id, account_link, contact_id from marts.people_dim where not is_anonymous"
    )
    assert {key: tuple(rest) for key, *rest in told} == {
        person.key: (person.account, person.account_link, person.contact) for person in built.truth.people
    }
    assert len(told) == len(built.truth.people)


def test_bookings_lead_where_they_do(built):
    """Each booking, with who made it, and the opportunity that it led to or why it led to none."""
    told = built.rows(
        "select booking_id, person_id, account_id, status, channel, campaign, opportunity_id, unlinked_reason,"
        " booked_at from marts.booking_opportunities"
    )
    assert {key: tuple(rest) for key, *rest in told} == {
        built.booking_id(one.known): (
            one.person.key,
            one.person.account,
            one.status,
            one.channel,
            one.campaign,
            one.opportunity.key if one.opportunity else None,
            one.unlinked_reason,
            naive(one.known.at),
        )
        for one in built.truth.bookings
    }
    assert len(told) == len(built.truth.bookings)


def test_leads_are_first_seen_when_they_are(built):
    """In the channel and the campaign of that moment."""
    told = built.rows(
        "select person_id, first_seen_at, first_source, channel, campaign from intermediate.int_leads__resolved"
    )
    assert {key: tuple(rest) for key, *rest in told} == {
        key: (naive(sight.at), sight.source, sight.channel, sight.campaign) for key, sight in built.truth.leads.items()
    }
    assert len(told) == len(built.truth.leads)


def test_customers_belong_to_their_leads(built):
    """To the one whose booking led to what they pay for, else to their account's first one, else to themselves."""
    told = dict(built.rows("select customer_id, lead_person_id from intermediate.int_customers__linked"))
    expected = {one.customer.key: one.lead.key if one.lead else None for one in built.truth.paid}
    assert {key: told[key] for key in expected} == expected
    # Who never paid belongs to nobody.
    assert {told[key] for key in told.keys() - expected.keys()} == {None}


def figures(cell: Cell, *, is_cohort: bool) -> tuple:
    """A cell as the mart has it; steps of leads are those of a cohort only."""
    steps = (cell.booked_leads, cell.held_leads, cell.opportunity_leads, cell.paying_leads)
    counts = (cell.leads, cell.bookings, cell.held, cell.opportunities, cell.pipeline, cell.customers, cell.revenue)
    return counts + (steps if is_cohort else (None,) * len(steps))


@pytest.mark.parametrize("basis", ["cohort", "activity"])
def test_the_funnel_is_the_generators_own(built, basis):
    """Month by month, channel by channel, campaign by campaign; and what belongs to no lead."""
    cells = built.truth.cohorts(worth) if basis == "cohort" else built.truth.activity(worth)
    told = built.rows(
        f"select month_start_date, channel, campaign, is_linked, {COUNTS} from marts.lead_funnel"
        f" where basis = '{basis}' and (leads + bookings + opportunities + customers > 0 or revenue <> 0)"
    )
    empty = Cell()
    assert {tuple(row[:3]): row[4:] for row in told} == {
        place: figures(cell, is_cohort=basis == "cohort") for place, cell in cells.items() if cell != empty
    }
    assert {channel for _, channel, _, is_linked, *_ in told if not is_linked} == {UNLINKED}
    assert len(told) == sum(cell != empty for cell in cells.values())


def test_sources_match_as_they_do(built):
    """Of each source's records of each month, and of all, whom another source knows, and whom an account has."""
    expected = defaultdict(Counter)
    for person in built.truth.people:
        is_matched = len({record.source for record in person.records}) > 1
        for record in person.records:
            months = {record.at.date().replace(day=1) if record.at else None, None}
            for month in months:
                expected[record.source, month] += Counter(
                    records=1, matched=is_matched, with_account=person.account is not None
                )
    told = built.rows(
        "select source, month_start_date, records, matched_records, with_account from marts.identity_match_rates"
    )
    assert {tuple(row[:2]): row[2:] for row in told} == {
        place: (found["records"], found["matched"], found["with_account"]) for place, found in expected.items()
    }
    assert len(told) == len(expected)


def test_channels_convert_as_they_do(built):
    """Accounts that each of the CRM's channels touched, and those that became opportunities."""
    told = built.rows(
        "select case when not is_all_channels then channel end, accounts_touched, accounts_converted,"
        " accounts_converted_in_window from marts.channel_conversion"
    )
    assert {row[0]: row[1:] for row in told} == built.truth.conversion()


# --- Without the first row ------------------------------------------------------------------------------------


def differing(connection: duckdb.DuckDBPyConnection, mart: str) -> list[dict]:
    """The rows of a mart that one of the two has, and the other has not; ranks are relative to all others."""
    chosen = f"select columns(name -> not starts_with(name, 'rank_')) from {{}}.marts.{mart}"
    ways = (("one", "other"), ("other", "one"))
    found = connection.execute(
        " union all ".join(f"({chosen.format(left)} except all {chosen.format(right)})" for left, right in ways)
    )
    columns = [column[0] for column in found.description]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


@pytest.fixture(scope="module")
def differences(builds: dict[str, Built]) -> dict[str, list[dict]]:
    """The rows that differ, by mart."""
    marts = builds["as it is"].rows("select table_name from information_schema.tables where table_schema = 'marts'")
    with duckdb.connect() as connection:
        for name, place in zip(NAMES, ("one", "other"), strict=True):
            connection.execute(f"attach '{builds[name].path}' as {place} (read_only)")
        found = {mart: differing(connection, mart) for (mart,) in marts}
    return {mart: rows for mart, rows in found.items() if rows}


@pytest.fixture(scope="module")
def named(builds: dict[str, Built]) -> dict[str, list[Person]]:
    """Those whom the row tells apart, and whoever they are together without it."""
    contacts = set(OVERRIDES[0][:2])
    found = {name: [one for one in build.truth.people if one.identifiers & contacts] for name, build in builds.items()}
    assert [len(found[name]) for name in NAMES] == [2, 1]
    return found


def test_an_unlink_changes_marts_about_people_only(differences):
    """Nothing of spend, revenue, attribution or bookings; and all of the others, so that they follow it."""
    assert differences.keys() == {
        "account_journeys",
        "booking_opportunities",
        "data_health",
        "identity_links",
        "lead_funnel",
        "lead_funnel_by_channel",
        "people_dim",
        "person_identifiers",
        "webinar_registrations_fact",
    }


def test_an_unlink_changes_the_people_whom_it_names(differences, named, builds):
    """Each row that differs and is about a person is about one of them, and the link is the one by which they met."""
    keys = {person.key for people in named.values() for person in people}
    about = {mart: {row["person_id"] for row in rows} for mart, rows in differences.items() if "person_id" in rows[0]}
    assert len(about) == 5
    assert set().union(*about.values()) == keys
    identifiers = [builds["as it is"].called(person.identifiers) for person in named["as it is"]]
    for row in differences["identity_links"]:
        assert row["evidence"] == "salesforce_uuid"
        ends = [(row[f"{side}_kind"], row[f"{side}_id"]) for side in ("left", "right")]
        assert all(any(end in some for end in ends) for some in identifiers)
    assert {row["account_id"] for row in differences["account_journeys"]} == {named["as it is"][0].account}
    # It is a row less of that seed, and they are one less of all people.
    assert {row["source"] for row in differences["data_health"]} == {"identity"}


def test_an_unlink_changes_their_cells_of_the_funnel(differences, builds):
    """Those, and no others, that the generator's own figures say; and the sums in which these are."""
    cells = {}
    for basis in ("cohort", "activity"):
        one, other = (
            build.truth.cohorts(worth) if basis == "cohort" else build.truth.activity(worth)
            for build in builds.values()
        )
        cells |= {(basis, *place): None for place in one.keys() | other.keys() if one.get(place) != other.get(place)}
    told = {
        (row["basis"], row["month_start_date"], row["channel"], row["campaign"]) for row in differences["lead_funnel"]
    }
    assert told == cells.keys()
    sums = {
        (basis, month, channel)
        for basis, at, own, _ in cells
        for month in (at, None)
        for channel in (own, "All channels")
    }
    told = {(row["basis"], row["month_start_date"], row["channel"]) for row in differences["lead_funnel_by_channel"]}
    assert told <= sums
    assert {channel for _, _, channel in told} == {channel for _, _, channel in sums}
