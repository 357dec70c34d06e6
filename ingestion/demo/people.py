"""Who is who at Larkfield, and whose: what must come out of all sources together, told from the world itself.

Somebody is found again by what a source keeps: an address that two records have, a link of the CRM's by which somebody
booked, a call that was moved under another address, or what the company says by hand. So whoever left no such trace is
two people here as well, and people who share an address are one.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from ingestion.demo import billing, crm, stream
from ingestion.demo.bookings import BERLIN, Chain, chains, told
from ingestion.demo.calendly import ERASED_BEFORE
from ingestion.demo.calendly_export import EXPORTS
from ingestion.demo.calendly_history import Document
from ingestion.demo.webinars import Part, parts
from ingestion.demo.world import Touch, World

# Of addresses, contacts and customers together. More of them are too many for one person.
MOST_IDENTIFIERS = 20
_BELONGS_TO_NOBODY = "example.com"
_SOURCES = {"contact": "crm", "customer": "stream", "invitee": "calendly", "email": "webinars"}


class Identifier(NamedTuple):
    """What stands for somebody in a source: an address, or the key of a record."""

    kind: str
    value: str


class Override(NamedTuple):
    """A row of the company's own seed; action is link or unlink."""

    left: Identifier
    right: Identifier
    action: str


@dataclass(frozen=True)
class Record:
    """What a source has of somebody.

    Attributes:
        identifier: What stands for them there; a webinar's platform has nothing but the address.
        email: The address, None where there is none.
        at: When they were first seen there.
    """

    identifier: Identifier
    email: str | None
    at: datetime | None

    @property
    def source(self) -> str:
        """From where it is."""
        return _SOURCES[self.identifier.kind]

    @property
    def star(self) -> Identifier:
        """What they are known by: the address, and where there is none the record alone."""
        return Identifier("email", self.email) if self.email else self.identifier


@dataclass(frozen=True)
class Invitee:
    """An invitee as the company's exports and Calendly's API have it in the end.

    Attributes:
        uri: Its URI.
        has_uri: Whether anybody knows it: the older export has none.
        email: The address, in small letters.
        at: When it was made, as exactly as it is known.
        start_at: When its meeting begins.
        contact: The key of a contact in its link, if there is one.
        is_told: Whether the API tells of it, and so of those before and after it.
        is_canceled: Whether it is canceled, as far as is known.
        is_no_show: Whether it is marked as somebody who did not come.
    """

    uri: str
    has_uri: bool
    email: str
    at: datetime
    start_at: datetime
    contact: str | None
    is_told: bool
    is_canceled: bool
    is_no_show: bool


def to_the_minute(at: datetime) -> datetime:
    """Return an instant as an export in Berlin's time says it; of an hour that comes twice it means the later one."""
    local = at.astimezone(BERLIN).replace(second=0, microsecond=0, fold=1)
    return local.astimezone(at.tzinfo)


class _Calendly:
    """What is known of the invitees in the end."""

    def __init__(self, world: World) -> None:
        self._now = self._documents(world)
        self._exported = {export: self._documents(world, export.taken_at) for export in EXPORTS}

    @staticmethod
    def _documents(world: World, until: datetime | None = None) -> dict[str, dict[str, Document]]:
        known = told(world).organization(until)
        return {kind: {one["uri"]: one for one in known[kind]} for kind in ("invitees", "scheduled_events")}

    def invitee(self, uri: str) -> Invitee:
        """Return what is known of an invitee."""
        start_at = self._start_at(self._now, uri)
        is_told = start_at >= ERASED_BEFORE
        export = None if is_told else next(one for one in EXPORTS if one.since <= start_at < one.until)
        document = (self._exported[export] if export else self._now)["invitees"][uri]
        at = datetime.fromisoformat(document["created_at"])
        return Invitee(
            uri,
            export is None or export.has_ids,
            document["email"].lower(),
            to_the_minute(at) if export else at,
            start_at,
            document["tracking"]["salesforce_uuid"],
            is_told,
            document["status"] == "canceled",
            document["no_show"] is not None,
        )

    def _start_at(self, known: dict[str, dict[str, Document]], uri: str) -> datetime:
        event = known["scheduled_events"][known["invitees"][uri]["event"]]
        return datetime.fromisoformat(event["start_time"])


@dataclass(frozen=True)
class Known:
    """A booking as far as anybody knows it.

    Attributes:
        key: The URI of its first invitee.
        chain: What happened.
        invitees: Those that are known, in order.
    """

    key: str
    chain: Chain
    invitees: list[Invitee]

    @property
    def star(self) -> Identifier:
        """What whoever made it is known by."""
        return Identifier("email", self.invitees[0].email)

    @property
    def at(self) -> datetime:
        """When it was made."""
        return self.invitees[0].at


def _known(chain: Chain, invitees: list[Invitee]) -> Iterator[Known]:
    """Yield the bookings that are known of one: an export does not tell which invitee takes the place of which."""
    told_together = [invitees[:1]]
    for before, invitee in pairwise(invitees):
        if before.is_told or invitee.is_told:
            told_together[-1].append(invitee)
        else:
            told_together.append([invitee])
    for together in told_together:
        # What the older export tells of one whose URI the next one names stands by itself.
        nameless = [invitee for invitee in together if not invitee.has_uri]
        yield from (Known(invitee.uri, chain, [invitee]) for invitee in nameless)
        if named := [invitee for invitee in together if invitee.has_uri]:
            yield Known(together[0].uri, chain, named)


@lru_cache(maxsize=1)
def known_bookings(world: World) -> list[Known]:
    """Return all bookings as far as anybody knows them, by account."""
    calendly = _Calendly(world)
    return [known for chain in chains(world) for known in _known(chain, [calendly.invitee(uri) for uri in chain.uris])]


def attendances(part: Part) -> Iterator[datetime]:
    """Yield when a platform saw somebody whom it knew by the address."""
    if part.webinar.is_reported and not part.is_by_phone:
        yield from (span.joined_at for span in part.spans)


def _seen(part: Part) -> Iterator[datetime]:
    """Yield when a webinar's platform knew of somebody."""
    # Of what was never exported only the sign-ups by Calendly are known.
    if part.registration and (part.webinar.source != "reports" or part.webinar.is_exported):
        yield part.registration.at
    yield from attendances(part)


def visits(world: World) -> Iterator[tuple[str, datetime]]:
    """Yield the addresses that webinars' platforms know, and when each of them registered or came."""
    for part in (part for held in parts(world).values() for part in held):
        yield from ((part.email.lower(), at.replace(microsecond=0)) for at in _seen(part))


def touches(world: World) -> Iterator[tuple[str, Touch, str]]:
    """Yield the CRM's touches of the contacts that it still has: the contact's key, what happened, and its own key."""
    for account in world.accounts():
        keys = {contact: crm.contact_id(account.number, contact.number) for contact in crm.kept(world, account)}
        for number, touch in enumerate(account.touches, start=1):
            if touch.contact in keys:
                yield keys[touch.contact], touch, crm.touch_id(account, number)


def _earliest(seen: Iterable[tuple[str, datetime]]) -> dict[str, datetime]:
    """Return the earliest instant of each."""
    first: dict[str, datetime] = {}
    for key, at in seen:
        first[key] = min(first.get(key, at), at)
    return first


def _contacts(world: World) -> Iterator[Record]:
    met = _earliest((key, touch.at) for key, touch, _ in touches(world))
    for account in world.accounts():
        for contact in crm.kept(world, account):
            key = crm.contact_id(account.number, contact.number)
            yield Record(Identifier("contact", key), contact.email, met.get(key))
    yield Record(Identifier("contact", crm.FREELANCER_KEY), crm.FREELANCER_EMAIL, None)


def _customers(world: World) -> Iterator[Record]:
    addresses = billing.truth(world).people
    for customer in billing.customers(world):
        if customer.transactions:
            first = min(transaction.charge.at for transaction in customer.transactions)
            yield Record(Identifier("customer", customer.key), addresses[customer.key][1], first)
    key, _, email = stream.FRONT_DESK
    yield Record(Identifier("customer", key), email, None)


def _records(world: World) -> Iterator[Record]:
    """Yield what all sources have of anybody, but for webinars' guests who left no address."""
    yield from _contacts(world)
    yield from _customers(world)
    for known in known_bookings(world):
        for invitee in known.invitees:
            yield Record(Identifier("invitee", invitee.uri), invitee.email, invitee.at)
    for email, at in _earliest(visits(world)).items():
        yield Record(Identifier("email", email), email, at)


@dataclass
class Person:
    """Somebody, as all sources together tell.

    Attributes:
        records: What they have of them.
        is_over_limit: Whether they may be several, whom what is not to be trusted ties together.
        account: The key of their account, None where they have none.
        account_link: By what they belong to it: contact or domain.
        contact: The key of their first contact with that account.
    """

    records: list[Record]
    is_over_limit: bool
    account: str | None = None
    account_link: str | None = None
    contact: str | None = None

    @property
    def identifiers(self) -> set[Identifier]:
        """All that stands for them."""
        return {record.identifier for record in self.records} | {record.star for record in self.records}

    def _seen(self, identifier: Identifier) -> datetime | None:
        """Return when one of their identifiers was first seen: an address with the first that has it."""
        known = (record.at for record in self.records if identifier in (record.identifier, record.star))
        return min((at for at in known if at), default=None)

    @property
    def key(self) -> str:
        """The key that all marts have: of the address that was seen first, and without any of the first record."""
        kinds = ("email", "contact", "customer", "registrant", "invitee")

        def order(identifier: Identifier) -> tuple:
            at = self._seen(identifier)
            return kinds.index(identifier.kind), at is None, at or datetime.min.replace(tzinfo=UTC), identifier.value

        return hashlib.md5(":".join(min(self.identifiers, key=order)).encode()).hexdigest()

    @property
    def domains(self) -> set[str]:
        """The domains of their addresses, but for those that belong to nobody."""
        found = {record.email.partition("@")[2] for record in self.records if record.email}
        return found - {_BELONGS_TO_NOBODY}


def _moves(world: World) -> Iterator[tuple[Identifier, Identifier]]:
    """Yield what ties people together because a call was moved under another address."""
    for known in known_bookings(world):
        for before, after in pairwise(known.invitees):
            yield Identifier("email", before.email), Identifier("email", after.email)


def _links(world: World, contacts: Mapping[str, Identifier]) -> Iterator[tuple[Identifier, Identifier]]:
    """Yield what ties people together because somebody booked by a link with a contact's key, long or short."""
    short = {key[: crm.SHORT_KEY]: star for key, star in contacts.items()}
    for invitee in (invitee for known in known_bookings(world) for invitee in known.invitees):
        if invitee.contact and invitee.contact[: crm.SHORT_KEY] in short:
            yield Identifier("email", invitee.email), short[invitee.contact[: crm.SHORT_KEY]]


def _tied(
    ties: Iterable[tuple[Identifier, Identifier]], stars: Iterable[Identifier]
) -> dict[Identifier, set[Identifier]]:
    """Return with whom each is tied together, over any number of others."""
    groups = {star: {star} for star in stars}
    for one, other in ties:
        if groups[one] is not groups[other]:
            groups[one] |= groups[other]
            for star in groups[other]:
                groups[star] = groups[one]
    return groups


def _size(group: Iterable[Identifier], of_star: Mapping[Identifier, list[Record]]) -> int:
    """Return how many identifiers of which a person has few there are."""
    return sum(
        (star.kind == "email") + sum(record.identifier.kind in ("contact", "customer") for record in of_star[star])
        for star in group
    )


def _told_apart(world: World, overrides: Iterable[Override]) -> Iterator[Person]:
    """Yield everybody, without their accounts."""
    of_star: dict[Identifier, list[Record]] = defaultdict(list)
    for record in _records(world):
        of_star[record.star].append(record)
    star_of = {star: star for star in of_star}
    star_of |= {record.identifier: star for star, records in of_star.items() for record in records}
    contacts = {one.value: star for one, star in star_of.items() if one.kind == "contact"}
    ties = {frozenset(tie) for tie in (*_moves(world), *_links(world, contacts))}
    said = {"link": set(), "unlink": set()}
    for left, right, action in overrides:
        if left in star_of and right in star_of:
            said[action].add(frozenset((star_of[left], star_of[right])))
    standing = (ties | said["link"]) - said["unlink"]
    groups = _tied((tuple(tie) for tie in standing if len(tie) == 2), of_star)
    for group in {id(group): group for group in groups.values()}.values():
        is_over_limit = _size(group, of_star) > MOST_IDENTIFIERS
        for together in ([star] for star in group) if is_over_limit else [group]:
            yield Person([record for star in together for record in of_star[star]], is_over_limit)


def accounts_of_contacts(world: World) -> dict[str, str]:
    """Return the key of the account of each contact that has one, by its own key."""
    known = {
        crm.contact_id(account.number, contact.number): key
        for account in world.accounts()
        for contact, key in crm.kept(world, account).items()
        if key
    }
    return known | {crm.FREELANCER_KEY: crm.account_id(1)}


def people(world: World, overrides: Iterable[Override] = ()) -> list[Person]:
    """Return everybody but webinars' guests who left no address, each with their account.

    Args:
        world: Whose people.
        overrides: What the company says by hand; rows about somebody who is not there say nothing.
    """
    account_of = accounts_of_contacts(world)
    users: dict[str, set[str]] = defaultdict(set)
    for record in _contacts(world):
        if record.identifier.value in account_of:
            users[record.email.partition("@")[2]].add(account_of[record.identifier.value])
    owners = {domain: next(iter(keys)) for domain, keys in users.items() if len(keys) == 1}
    found = list(_told_apart(world, overrides))
    for person in found:
        contacts = sorted(one.value for one in person.identifiers if one.kind == "contact" and one.value in account_of)
        accounts = {owners[domain] for domain in person.domains if domain in owners}
        if contacts:
            person.contact, person.account, person.account_link = contacts[0], account_of[contacts[0]], "contact"
        elif len(accounts) == 1:
            person.account, person.account_link = accounts.pop(), "domain"
    return found


def anonymous_sessions(world: World) -> int:
    """Return how many times somebody was at a webinar of whom nothing is known."""
    everybody = (part for held in parts(world).values() for part in held)
    return sum(len(part.spans) for part in everybody if part.webinar.is_reported and part.is_by_phone)
