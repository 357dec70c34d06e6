"""People of many small random companies, and what became of them, compared with marts that are worked out by hand.

The warehouse is built twice: from what was known first, and after the rest has come in another order. What is worked
out by hand knows no order, so that agreement after both says that none counts.
"""

import csv
import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from functools import cached_property
from itertools import chain
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa
import pytest
import spend_by_hand
import yaml
from conversion_by_hand import (
    ALL_CHANNELS,
    UNLINKED,
    Conversion,
    Funnel,
    Row,
    Rules,
    channel_conversion,
    days_between,
    path_text,
    steps,
)
from identity_by_hand import SOURCES, Company, Key, People, Person, named_contacts
from identity_worlds import (
    DAYS_TO_OPPORTUNITY,
    LIMIT,
    LONGEST_RATE_DAYS,
    MOMENT,
    RATES,
    WINDOW_DAYS,
    Drawing,
    earlier,
    event_type_of,
    raw_tables,
    together,
)
from support import PROJECT_ROOT, ship_seeds

WORLDS = 240
MODELS = [
    *("path:models/marts/identity", "path:models/marts/conversion", "int_leads__resolved", "int_customers__linked"),
    *("account_journeys", "opportunity_paths", "webinar_registrations_fact"),
    "int_identity_checks__counted",
]
RULES = Rules(MOMENT, DAYS_TO_OPPORTUNITY, WINDOW_DAYS, LONGEST_RATE_DAYS)


# --- Building the warehouse ---------------------------------------------------------------------------------


def free_domains() -> list[str]:
    """The project's own list of domains of mail that anybody can have."""
    with (PROJECT_ROOT / "seeds" / "common" / "free_mail_domains.csv").open(encoding="utf-8", newline="") as handle:
        return [row["domain"] for row in csv.DictReader(handle)]


def write_seeds(folder: Path, company: Company) -> None:
    """Writes the company's seeds."""
    ship_seeds(folder)
    types = {event_type_of(one): (one.channel, one.campaign) for one in company.invitees if one.channel}
    rows = {
        "identity_overrides": [
            [one.left_kind, one.left_id, one.right_kind, one.right_id, one.action, ""] for one in company.overrides
        ],
        "event_type_channels": [[uri, "", channel, campaign, "", ""] for uri, (channel, campaign) in types.items()],
        "channel_aliases": [["crm", *names] for names in company.aliases],
        "exchange_rates": [[one.day, one.currency, one.rate] for one in RATES],
    }
    for name, records in rows.items():
        with (folder / f"{name}.csv").open("a", encoding="utf-8", newline="") as handle:
            csv.writer(handle, lineterminator="\n").writerows(records)


def make_raw_tables(warehouse: Path) -> None:
    """Makes the tables as the sources declare them."""
    with duckdb.connect(warehouse) as connection:
        for path in sorted((PROJECT_ROOT / "models" / "staging").glob("*/*__sources.yml")):
            for source in yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]:
                connection.execute(f"create schema if not exists {source['schema']}")
                for table in source["tables"]:
                    columns = ", ".join(f"{one['name']} {one['data_type']}" for one in table["columns"])
                    connection.execute(f"create table {source['schema']}.{table['name']} ({columns})")


def land(warehouse: Path, company: Company, step: int) -> None:
    """Puts the records into the raw tables, as the loaders would: what is there unchanged stays as it came."""
    with duckdb.connect(warehouse) as connection:
        for table, records in raw_tables(company).items():
            if not records:
                continue
            Random(f"{table} {step}").shuffle(records)
            key, names = next(iter(records[0])), ", ".join(records[0])
            connection.register("records", pa.Table.from_pylist(records))
            connection.execute(f"create or replace temp table come as select {names} from {table} limit 0")
            connection.execute("insert into come by name select * from records")
            connection.execute(
                f"delete from come where {key} in (from (from come intersect select {names} from {table}) select {key})"
            )
            connection.execute(f"delete from {table} where {key} in (select {key} from come)")
            connection.execute(
                f"insert into {table} by name select *, 'step {step}' as _source_file, 1 as _source_line, timestamp"
                f" '2026-03-01 00:00:0{step}' as _source_modified_at, _source_modified_at as _loaded_at from come"
            )


@dataclass
class Built:
    """A copy of the warehouse after a build, and what its marts must say.

    Attributes:
        path: The copy.
        worlds: What was known of each company.
    """

    path: Path
    worlds: list[Company]

    @cached_property
    def peoples(self) -> list[People]:
        """The people of each company, each worked out without the others."""
        return [People(world, LIMIT, set(free_domains())) for world in self.worlds]

    @cached_property
    def conversions(self) -> list[Conversion]:
        """What became of them."""
        return [Conversion(people, RULES) for people in self.peoples]

    @cached_property
    def funnel(self) -> Funnel:
        """All of them together."""
        company = together(self.worlds)
        spent = spend_by_hand.spent(replace(company, aliases=()), LONGEST_RATE_DAYS)
        return Funnel(self.conversions, spent, RULES)

    @cached_property
    def world_of(self) -> dict[str, int]:
        """In which world each hash is a person."""
        return {person.person_id: number for number, people in enumerate(self.peoples) for person in people.people}

    def rows(self, query: str) -> list[tuple]:
        """What the warehouse answers."""
        with duckdb.connect(self.path, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def number_of(self, row: tuple) -> int | None:
        """The world that a row is of."""
        if marked := re.search(r"w(\d{3})|\b8(\d{3})\d{7}", f"{row}"):
            return int(marked[1] or marked[2])
        return next((self.world_of[cell] for cell in row if cell in self.world_of), None)

    def assert_same(self, query: str, expected: Iterable[tuple]) -> None:
        """The query gives exactly the expected rows, each as often; a failure shows the smallest world that differs."""
        found, wanted = Counter(self.rows(query)), Counter(expected)
        missing, surplus = wanted - found, found - wanted
        if missing or surplus:
            differing = {self.number_of(row) for row in chain(missing, surplus)} - {None}
            parts = [f"{query}:", f"{len(missing)} rows are missing, {len(surplus)} should not be there"]
            parts += [f"{len(differing)} worlds differ: {sorted(differing)}"]
            number = min(differing, key=lambda one: len(f"{self.worlds[one]}"), default=None)
            parts += ["missing:", *[row for row in missing if self.number_of(row) == number][:10]]
            parts += ["should not be there:", *[row for row in surplus if self.number_of(row) == number][:10]]
            world = self.worlds[number] if number is not None else Company()
            parts += ["one of the worlds:", *chain.from_iterable(getattr(world, one.name) for one in fields(Company))]
            pytest.fail("\n".join(map(str, parts)))


def build(folder: Path, command: Callable[..., str], worlds: list[Company], step: int) -> Built:
    """Lands what is known, builds, and keeps a copy of the warehouse as it is then."""
    company = together(worlds)
    warehouse = folder / "identity.duckdb"
    shutil.rmtree(folder / "seeds", ignore_errors=True)
    write_seeds(folder / "seeds", company)
    land(warehouse, company, step)
    variables = {
        **{"as_of": f"{MOMENT.as_of.isoformat()}Z", "reporting_timezone": MOMENT.zone.key},
        **{"max_identifiers_per_person": LIMIT, "booking_to_opportunity_days": DAYS_TO_OPPORTUNITY},
        **{"attribution_window_days": WINDOW_DAYS, "max_exchange_rate_age_days": LONGEST_RATE_DAYS},
    }
    command(
        *("dbt", "build", "--vars", json.dumps(variables), "--exclude-resource-type", "unit_test"),
        *("--exclude", "test_type:generic", "--select", *(f"+{name}" for name in MODELS)),
        THROUGHLINE_WAREHOUSE=warehouse,
        THROUGHLINE_SEEDS=folder / "seeds",
    )
    (folder / f"step {step}").mkdir()
    return Built(shutil.copy(warehouse, folder / f"step {step}"), worlds)


@pytest.fixture(scope="module")
def first(folder: Path, command: Callable[..., str]) -> Built:
    """All worlds side by side in one warehouse, as they were known first."""
    make_raw_tables(folder / "identity.duckdb")
    wholes = [Drawing(number).company() for number in range(WORLDS)]
    return build(folder, command, [earlier(whole, number) for number, whole in enumerate(wholes)], 1)


@pytest.fixture(scope="module")
def later(folder: Path, command: Callable[..., str], first: Built) -> Built:
    """The same warehouse after everything else has come."""
    return build(folder, command, [Drawing(number).company() for number in range(len(first.worlds))], 2)


@pytest.fixture(params=["first", "later"])
def built(request: pytest.FixtureRequest) -> Built:
    """The warehouse after each of the two builds."""
    return request.getfixturevalue(request.param)


# --- The tests ----------------------------------------------------------------------------------------------


def test_person_identifiers(built):
    """Each identifier with whose it is, which sources know it and since when."""
    built.assert_same(
        "select person_id, identifier_kind, identifier_value, source, first_seen_at, is_over_limit"
        " from marts.person_identifiers",
        (
            (
                *(person.person_id, *key, "+".join(one for one in SOURCES if one in people.sources[key]) or None),
                *(people.seen_at[key], person.is_over_limit),
            )
            for people in built.peoples
            for person in people.people
            for key in person.keys
        ),
    )


def test_identity_links(built):
    """Each link with its evidence and instant, whether it counts, and whether the company undid it."""
    found = built.rows(
        "select left_kind, left_id, right_kind, right_id, evidence, linked_at, is_trusted, is_undone"
        " from marts.identity_links"
    )
    assert len(found) == len(set(found))
    built.assert_same(
        "select least((left_kind, left_id), (right_kind, right_id)), greatest((left_kind, left_id), (right_kind,"
        " right_id)), evidence, linked_at, is_trusted, is_undone from marts.identity_links",
        (
            (
                *sorted((one.link.left, one.link.right)),
                one.link.evidence,
                one.link.linked_at,
                one.is_trusted,
                one.is_undone,
            )
            for people in built.peoples
            for one in people.verdicts
        ),
    )


def people_row(people: People, person: Person) -> tuple:
    """A row of people_dim."""
    counts = Counter(key.kind for key in person.keys)
    sources = set().union(*(people.sources[key] for key in person.keys))
    emails = {Key("email", email): people.is_free(email) for email in person.values("email")}
    seen = {
        is_free: min((at for key in emails if emails[key] == is_free and (at := people.seen_at[key])), default=None)
        for is_free in (True, False)
    }
    became = seen[False] if None not in seen.values() and seen[True] < seen[False] else None
    return (
        *(person.person_id, person.first_seen_at, person.account_id, person.account_link, person.contact_id),
        *(person.is_anonymous, person.is_over_limit),
        *(counts[kind] for kind in ("email", "contact", "customer", "invitee", "registrant")),
        len(person.keys),
        *(source in sources for source in SOURCES),
        *(True in emails.values(), False in emails.values(), became),
    )


def test_people_dim(built):
    """Everybody with the account, what is known of them, and when they came by a corporate address."""
    built.assert_same(
        "select person_id, first_seen_at, account_id, account_link, contact_id, is_anonymous, is_over_limit,"
        " email_count, contact_count, customer_count, invitee_count, registrant_count, identifier_count,"
        " is_known_from_crm, is_known_from_calendly, is_known_from_webinars, is_known_from_stream,"
        " has_personal_email, has_corporate_email, became_corporate_at from marts.people_dim",
        (people_row(people, person) for people in built.peoples for person in people.people),
    )


def test_first_source(built):
    """Somebody whose first sight has a time is known by who saw them then, and only they."""
    found = dict(built.rows("select person_id, first_source from marts.people_dim"))
    for people in built.peoples:
        for person in people.people:
            sources = people.first_sources.get(person.person_id, {None})
            assert found[person.person_id] in sources, (person, sources, found[person.person_id])


def rate(part: int, whole: int) -> float | None:
    """The part of the whole; None of nothing."""
    return round(part / whole, 6) if whole else None


def test_identity_match_rates(built):
    """Of what each source saw in a month how much another one knows, too, beside the month before it."""
    found = defaultdict(list)
    for people in built.peoples:
        for source, key, at in people.first_records:
            person = people.person_of[key]
            is_matched = bool(people.sources_of(person) - {source})
            for month in {None, at and spend_by_hand.month_of(MOMENT.date(at))}:
                found[source, month].append((is_matched, person.account_id is not None))
    matched = {group: sum(is_matched for is_matched, _ in records) for group, records in found.items()}
    rates = {group: matched[group] / len(records) for group, records in found.items()}
    expected = []
    for (source, month), records in found.items():
        before = month and rates.get((source, spend_by_hand.month_of(month - timedelta(days=1))))
        now, linked = rates[source, month], sum(has_account for _, has_account in records)
        expected.append(
            (
                *(source, month, len(records), matched[source, month], round(now, 6)),
                *(before if before is None else round(before, 6), None if before is None else round(now - before, 6)),
                *(linked, rate(linked, len(records))),
            )
        )
    built.assert_same(
        "select source, month_start_date, records, matched_records, round(match_rate, 6), round(match_rate_before, 6),"
        " round(match_rate_change, 6), with_account, round(account_rate, 6) from marts.identity_match_rates",
        expected,
    )


def test_int_identity_checks__counted(built):
    """How much keeps people from being known as who they are."""
    counts: Counter[str] = Counter()
    for people, world in zip(built.peoples, built.conversions, strict=True):
        contact_ids = [one.contact_id for one in people.company.contacts]
        counts.update(
            {
                "people_above_the_limit": sum(one.is_over_limit for one in people.people),
                "people_of_several_accounts": sum(len(accounts_of(people.company, one)) > 1 for one in people.people),
                "domains_of_several_accounts": len(people.unsure_domains),
                "bookings_without_account": sum(one.person.account_id is None for one in world.bookings),
                "bookings_of_unknown_contacts": sum(
                    one.salesforce_uuid is not None and not named_contacts(one.salesforce_uuid, contact_ids)
                    for one in people.company.invitees
                ),
                "overrides_of_unknown_identifiers": sum(map(people.is_of_nobody, people.company.overrides)),
                "unlinks_without_effect": people.unlinks_without_effect,
            }
        )
    built.assert_same(
        "select check_name, affected_records from intermediate.int_identity_checks__counted", counts.items()
    )


def test_webinar_registrations_fact(built):
    """Everybody once in each webinar, under whichever identifiers they came."""
    built.assert_same(
        "select webinar_id, person_id, registered_at, is_registered, is_attended, attended_minutes, joined_at, left_at"
        " from marts.webinar_registrations_fact",
        (
            (
                *(webinar_id, person.person_id, one.registered_at, one.is_registered, bool(one.stays), one.minutes),
                *(one.joined_at, one.left_at),
            )
            for world in built.conversions
            for (webinar_id, person), one in world.visits.items()
        ),
    )


def cases_of(people: People) -> Iterator[tuple[str, bool]]:
    """Cases for which the worlds are drawn, each as often as it may be one, with whether it is."""
    company, stars = people.company, people.star_of
    for one in people.verdicts:
        evidence = one.link.evidence
        yield f"{evidence} trusted", one.is_trusted
        yield f"{evidence} undone", one.is_undone
        yield f"{evidence} of too many", not one.is_trusted and not one.is_undone
    for person in people.people:
        kinds = Counter(key.kind for key in person.keys)
        yield f"{person.account_link} tells the account", True
        yield "contacts of two accounts", len(accounts_of(company, person)) > 1
        yield "several addresses", kinds["email"] > 1
        yield "a customer and an invitee", kinds["customer"] > 0 and kinds["invitee"] > 0
        yield "as many as allowed", people.size(person.keys) == LIMIT and not person.is_over_limit
        yield "one address alone of too many", person.is_over_limit and [*kinds] == ["email"]
        yield "nobody knows since when", person.first_seen_at is None
        yield "several seen first", len(people.first_sources.get(person.person_id, ())) > 1
        for kind in kinds:
            yield f"{kind} leads", person.leader.kind == kind
    for left, right in people.unlinked:
        yield "unlinked, and one by way of another", people.person_of[left] == people.person_of[right]
        yield "unlinked, and never linked", not {left, right} & people.leavers and not people.is_parted(left, right)
        yield "unlinked by their address", "email" in (left.kind, right.kind) and bool({left, right} & people.leavers)
        yield "unlinked across addresses", stars[left] != stars[right] and people.is_parted(left, right)
    for row in company.overrides:
        yield f"{row.left_kind.strip().lower()} {row.action.lower()}", True
    uuids = [one.salesforce_uuid for one in company.invitees if one.salesforce_uuid]
    contact_ids = [one.contact_id for one in company.contacts]
    for uuid in uuids:
        named = named_contacts(uuid, contact_ids)
        yield "the id of nobody", not named
        yield "an id cut short", any(len(uuid) < len(one) for one in named)
        yield "an id made longer", any(len(uuid) > len(one) for one in named)
        yield "short for several", not named and sum(one.startswith(uuid) for one in contact_ids) > 1
        yield "other capitals", not named and uuid.lower() in map(str.lower, contact_ids)
    yield from (("no address", bool(user.email) and "@" not in user.email) for user in company.users)


def accounts_of(company: Company, person: Person) -> set[str]:
    """The accounts of a person's contacts."""
    return {one.account_id for one in company.contacts if one.account_id and one.contact_id in person.values("contact")}


def cases_of_conversion(world: Conversion) -> Iterator[tuple[str, bool]]:
    """The same of what became of them."""
    for one in world.bookings:
        yield f"{world.reason(one)}", True
        yield one.status, True
        candidate = world.candidates[one.booking_id]
        wait = candidate and candidate.created_at - one.booked_at
        yield "at once", wait == timedelta(0)
        yield "at the last instant", wait == timedelta(days=DAYS_TO_OPPORTUNITY)
        yield (
            "an instant too late",
            any(
                other.created_at - one.booked_at == timedelta(days=DAYS_TO_OPPORTUNITY, microseconds=1)
                for other in world.company.opportunities
                if other.account_id == one.person.account_id
            ),
        )
        later_held = one.booking_id in world.opportunity_of and any(
            other.booked_at < one.booked_at and world.candidates[other.booking_id] == candidate
            for other in world.bookings
        )
        yield "held before earlier", later_held
    for one in world.customers:
        yield f"lead by {one.lead_link}", True
        yield "paid back only", one.paid_at is None and any((payment.amount or 0) < 0 for payment in one.payments)
        yield "the booking of another person", one.lead_link == "opportunity" and one.lead.person != one.person
    for person, seen in world.sights.items():
        first = min(seen)
        yield f"first seen by {first.source}", not person.is_anonymous
        yield "seen twice at once", sum(one.at == first.at and one.rank != first.rank for one in seen) > 0
    for visit in world.visits.values():
        yield "registered twice", len(visit.seats) > 1
        yield "there twice", len(visit.stays) > 1
        yield "a walk-in", not visit.is_registered and bool(visit.stays)
        yield "asked before", any(seat.registered_at < visit.registered_at for seat in visit.seats)
    for opportunity in world.company.opportunities:
        yield "a path of several steps", len(steps(world.path(opportunity))) > 2


def test_worlds_stand_on_the_edges_of_the_rules(first, later):
    """None of the cases for which the worlds are drawn is missing, lest agreement mean nothing."""
    seen: Counter[str] = Counter()
    for built in (first, later):
        for people, world in zip(built.peoples, built.conversions, strict=True):
            for case, is_shown in chain(cases_of(people), cases_of_conversion(world)):
                seen[case] += is_shown
    assert {case: number for case, number in seen.items() if not number} == {}
    kinds = ("email", "contact", "customer", "registrant", "invitee", "session")
    assert {f"{kind} leads" for kind in kinds} <= set(seen)
    assert {f"lead by {link}" for link in ("opportunity", "account", "person", None)} <= set(seen)


def test_an_unlink_changes_only_what_its_people_own(first, later):
    """Whoever is not one of those that are parted is, has and has done the same as before."""
    tables = {
        "marts.people_dim": "*",
        "marts.person_identifiers": "*",
        "marts.webinar_registrations_fact": "*",
        "intermediate.int_leads__resolved": "*",
        "marts.booking_opportunities": "booking_id, person_id, account_id, booked_at, status",
        "marts.account_journeys": "person_id, event_kind, event_id, event_at, account_id, amount",
    }
    pairs = zip(first.peoples, later.peoples, strict=True)
    parted = [(before, after) for before, after in pairs if is_one_unlink_apart(before, after)]
    concerned, others = set(), set()
    has_effect = 0
    for before, after in parted:
        keys = tied_to(before, after.unlinked[-1]) | tied_to(after, after.unlinked[-1])
        owners = [{people.person_of[key].person_id for key in keys} for people in (before, after)]
        has_effect += owners[0] != owners[1]
        concerned = concerned.union(*owners)
        others |= {person.person_id for people in (before, after) for person in people.people}
    assert has_effect > 10
    assert len(others - concerned) > 30
    others -= concerned
    for table, columns in tables.items():
        query = f"select {columns} from {table} where person_id in {tuple(sorted(others))}"
        assert Counter(first.rows(query)) == Counter(later.rows(query)), table


def is_one_unlink_apart(before: People, after: People) -> bool:
    """Whether nothing has come but that two are not one."""
    rows = before.company.overrides
    is_alike = replace(after.company, overrides=rows) == before.company and after.company.overrides[:-1] == rows
    return is_alike and len(after.unlinked) > len(before.unlinked)


def tied_to(people: People, pair: tuple[Key, Key]) -> set[Key]:
    """The two, and all that is tied to them, even if it is too much for one person."""
    return {key for group in people.tied if group & set(pair) for key in group}


# --- What became of them ------------------------------------------------------------------------------------


def rounded(row: tuple) -> tuple:
    """The row without the last digits of what was divided."""
    return tuple(round(cell, 6) if isinstance(cell, float) else cell for cell in row)


def test_int_leads__resolved(built):
    """Everybody who was seen, with when, where and by whom first."""
    built.assert_same(
        "select person_id, account_id, first_seen_at, first_seen_date, first_seen_month_start_date, channel, campaign,"
        " first_source from intermediate.int_leads__resolved",
        (
            (
                *(one.person.person_id, one.person.account_id, one.seen_at, day := MOMENT.date(one.seen_at)),
                *(spend_by_hand.month_of(day), one.sight.channel, one.sight.campaign, one.sight.source),
            )
            for world in built.conversions
            for one in world.leads.values()
        ),
    )


def test_booking_opportunities(built):
    """Each booking with who made it, and the opportunity that it led to, or why it led to none."""
    expected = []
    for world in built.conversions:
        for one in world.bookings:
            led_to = world.opportunity_of.get(one.booking_id)
            expected.append(
                (
                    *(one.booking_id, one.person.person_id, one.person.account_id, one.booked_at),
                    *(one.status, one.channel, one.campaign, led_to and led_to.opportunity_id),
                    *(led_to and led_to.amount, led_to and led_to.created_at),
                    led_to and round(days_between(one.booked_at, led_to.created_at), 6),
                    world.reason(one),
                )
            )
    built.assert_same(
        "select booking_id, person_id, account_id, booked_at, status, channel, campaign, opportunity_id,"
        " pipeline_amount, opportunity_created_at, round(days_to_opportunity, 6), unlinked_reason"
        " from marts.booking_opportunities",
        expected,
    )


def test_int_customers__linked(built):
    """Each customer with the lead that became one."""
    built.assert_same(
        "select customer_id, person_id, account_id, first_paid_at, lead_person_id, lead_link"
        " from intermediate.int_customers__linked",
        (
            (
                *(one.customer_id, one.person and one.person.person_id, one.person and one.person.account_id),
                *(one.paid_at, one.lead and one.lead.person.person_id, one.lead_link),
            )
            for world in built.conversions
            for one in world.customers
        ),
    )


FIGURES = (
    "leads, booked_leads, held_leads, opportunity_leads, paying_leads, bookings, held, opportunities, pipeline_amount,"
    " customers, revenue, round(booked_rate, 6), round(held_rate, 6), round(opportunity_rate, 6),"
    " round(paying_rate, 6), round(median_days_to_booking, 6), round(median_days_to_held, 6),"
    " round(median_days_to_opportunity, 6), round(median_days_to_payment, 6), spend, is_rate_missing,"
    " leads_with_spend, bookings_with_spend, held_with_spend, opportunities_with_spend, customers_with_spend,"
    " cost_per_lead, cost_per_booking, cost_per_held_meeting, cost_per_opportunity, customer_acquisition_cost"
)


def figures(row: Row, *, has_costs: bool = True) -> tuple:
    """The columns of FIGURES."""
    costs = row.costs if has_costs else (None,) * len(row.costs)
    flat = (*row[: row._fields.index("rates")], *row.rates, *row.median_days, row.spend, row.is_rate_missing)
    return rounded((*flat, *row.with_spend, *costs))


@pytest.mark.parametrize("basis", ["cohort", "activity"])
def test_lead_funnel(built, basis):
    """What came of everybody, by where they were seen first, and by where it happened."""
    built.assert_same(
        f"select month_start_date, channel, campaign, is_linked, is_mature, is_cost_by_channel_only, {FIGURES}"
        f" from marts.lead_funnel where basis = '{basis}'",
        (
            (
                *(month, channel, campaign, channel != UNLINKED),
                built.funnel.is_mature(month) if month and basis == "cohort" else None,
                *(is_by_channel, *figures(row, has_costs=not is_by_channel)),
            )
            for (month, channel, campaign), (row, is_by_channel) in built.funnel.by_campaign(basis).items()
        ),
    )


@pytest.mark.parametrize("basis", ["cohort", "activity"])
def test_lead_funnel_by_channel(built, basis):
    """The same for all campaigns of a channel, and for all channels, in each month and in all of them."""
    funnel, expected = built.funnel, []
    for is_all in (False, True):
        groups = {
            "month": lambda day: (spend_by_hand.month_of(day),) if day else (None,),
            "all_time": lambda day: (None,),
            "mature": lambda day: (None,) if day and basis == "cohort" and funnel.is_mature(day) else None,
        }
        for kind, period_of in groups.items():
            found = funnel.grouped(
                basis,
                lambda place, of=period_of, is_all=is_all: (
                    (period := of(place.day)) and (*period, ALL_CHANNELS if is_all else place.channel)
                ),
            )
            expected += [
                (kind, month, channel, is_all, channel != UNLINKED, *figures(row))
                for (month, channel), row in found.items()
            ]
    built.assert_same(
        f"select period_kind, month_start_date, channel, is_all_channels, is_linked, {FIGURES}"
        f" from marts.lead_funnel_by_channel where basis = '{basis}'",
        expected,
    )


def test_channel_conversion(built):
    """How many of the accounts that a channel touched had an opportunity afterwards."""
    built.assert_same(
        "select channel, is_all_channels, accounts_touched, accounts_converted, accounts_converted_in_window,"
        " round(conversion_rate, 6) from marts.channel_conversion",
        (
            (channel, channel == ALL_CHANNELS, touched, converted, in_window, round(converted / touched, 6))
            for channel, (touched, converted, in_window) in channel_conversion(built.conversions).items()
        ),
    )


def test_account_journeys(built):
    """Everything that happened to an account, in order."""
    expected = []
    for world in built.conversions:
        for account_id, events in world.journeys.items():
            before = events[0]
            for position, one in enumerate(events, start=1):
                expected.append(
                    (
                        *(account_id, position, one.kind, one.event_id, one.at, MOMENT.date(one.at), one.channel),
                        *(one.label, one.person and one.person.person_id, one.amount),
                        round(days_between(before.at, one.at), 6) if position > 1 else None,
                        round(days_between(events[0].at, one.at), 6),
                    )
                )
                before = one
    built.assert_same(
        "select account_id, journey_position, event_kind, event_id, event_at, event_date, channel, event_label,"
        " person_id, amount, round(days_since_previous, 6), round(days_since_first, 6) from marts.account_journeys",
        expected,
    )


def test_opportunity_paths(built):
    """The way to each opportunity."""
    expected = []
    for world in built.conversions:
        for one in world.company.opportunities:
            events = world.path(one)
            first, last = (events[0], events[-1]) if events else (None, None)
            expected.append(
                (
                    *(one.opportunity_id, one.account_id, one.created_at, one.amount),
                    *(path_text(events), len(events), len(steps(events)), len({event.channel for event in events})),
                    *(first and first.channel, last and last.channel, first and first.at),
                    first and round(days_between(first.at, one.created_at), 6),
                )
            )
    built.assert_same(
        "select opportunity_id, account_id, opportunity_created_at, pipeline_amount, channel_path, path_length,"
        " step_count, channel_count,"
        " first_channel, last_channel, first_event_at, round(days_to_opportunity, 6) from marts.opportunity_paths",
        expected,
    )
