"""Who is one person, worked out record by record, from the definitions and not from any SQL.

Everything here takes what CRM, Calendly, two webinar platforms and a billing backend say, in no particular order, and
follows the sentences of the definitions one by one. Instants are UTC without a zone, as in the warehouse.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from hashlib import md5
from itertools import pairwise
from typing import NamedTuple

from spend_by_hand import Figure, Rate

# In the order in which they lead: the first that a person has gives the person its id.
KINDS = ("email", "contact", "customer", "registrant", "invitee", "session")
SOURCES = ("crm", "calendly", "webinars", "stream")
UNKNOWN = "unknown"
_SHORT, _LONG = 15, 18
_NEVER = datetime.max


# --- What is known ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Invitee:
    """Somebody who booked a meeting, as Calendly has it.

    Attributes:
        uri: Who.
        email: As it was typed.
        created_at: When they booked.
        channel: That of the event type; None where no channel is mapped to it.
        campaign: That of the event type.
        meeting_at: When the meeting begins.
        fate: active, canceled or rescheduled.
        has_mark: Whether they were marked as a no-show.
        old_uri: The invitee whose place this one took.
        new_uri: The invitee who took this one's place.
        salesforce_uuid: The contact as the booking link named it.
    """

    uri: str
    email: str | None
    created_at: datetime
    channel: str | None
    campaign: str | None
    meeting_at: datetime
    fate: str = "active"
    has_mark: bool = False
    old_uri: str | None = None
    new_uri: str | None = None
    salesforce_uuid: str | None = None


@dataclass(frozen=True)
class Contact:
    """A row of the CRM's contacts."""

    contact_id: str
    account_id: str | None
    email: str | None


@dataclass(frozen=True)
class Touch:
    """A touchpoint of the CRM, marketing or sales."""

    touchpoint_type: str
    touchpoint_id: str
    channel: str | None
    contact_id: str | None
    at: datetime


@dataclass(frozen=True)
class Opportunity:
    """Something that an account may buy."""

    opportunity_id: str
    account_id: str | None
    amount: Decimal | None
    created_at: datetime


@dataclass(frozen=True)
class User:
    """A customer as a file of that time wrote it."""

    customer_id: str
    email: str | None
    exported_at: datetime


@dataclass(frozen=True)
class Payment:
    """A transaction: a payment, a refund, or nothing."""

    transaction_id: str
    customer_id: str | None
    at: datetime
    amount: Decimal | None
    currency: str


@dataclass(frozen=True)
class Webinar:
    """A webinar that took place and was reported."""

    platform: str
    number: str
    starts_at: datetime
    length: timedelta

    @property
    def webinar_id(self) -> str:
        """Its name in the marts."""
        return f"{self.platform}:{self.number}" + (f":{self.starts_at.date()}" if self.platform == "zoom" else "")


@dataclass(frozen=True)
class Registration:
    """Somebody who registered with a platform."""

    webinar: Webinar
    registrant_id: str
    email: str | None
    status: str
    registered_at: datetime


@dataclass(frozen=True)
class Stay:
    """Somebody's stay in a webinar; without a registrant and an address nobody knows whose."""

    webinar: Webinar
    key: str
    registrant_id: str | None
    email: str | None
    joined_at: datetime
    left_at: datetime


@dataclass(frozen=True)
class Override:
    """A row of the company's identity overrides, as somebody wrote it."""

    left_kind: str
    left_id: str
    right_kind: str
    right_id: str
    action: str


@dataclass(frozen=True)
class Company:
    """All that the sources and the company's seeds hold."""

    invitees: tuple[Invitee, ...] = ()
    contacts: tuple[Contact, ...] = ()
    touches: tuple[Touch, ...] = ()
    opportunities: tuple[Opportunity, ...] = ()
    users: tuple[User, ...] = ()
    payments: tuple[Payment, ...] = ()
    webinars: tuple[Webinar, ...] = ()
    registrations: tuple[Registration, ...] = ()
    stays: tuple[Stay, ...] = ()
    overrides: tuple[Override, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    figures: tuple[Figure, ...] = ()
    rates: tuple[Rate, ...] = ()


# --- What comes of it ---------------------------------------------------------------------------------------


class Key(NamedTuple):
    """An identifier: what kind it is, and its value."""

    kind: str
    value: str


class Link(NamedTuple):
    """What shows that two identifiers are one person's, and when it did."""

    left: Key
    right: Key
    evidence: str
    linked_at: datetime | None


@dataclass(frozen=True)
class Record:
    """Something that speaks of somebody.

    Attributes:
        source: Who knows of it.
        key: The record's own identifier; None where it has an address and nothing else.
        email: The address, if it has one.
        at: When it is of, if that is known; without it, it may only say whose address it is.
    """

    source: str
    key: Key | None
    email: str | None
    at: datetime | None

    @property
    def keys(self) -> list[Key]:
        """All identifiers in it."""
        return [key for key in (self.key, self.email and Key("email", self.email)) if key]

    @property
    def owner(self) -> Key:
        """Whose it is."""
        return self.keys[0]


@dataclass(frozen=True)
class Verdict:
    """A link with what became of it."""

    link: Link
    is_trusted: bool
    is_undone: bool


@dataclass(frozen=True)
class Person:
    """A person with all that is theirs.

    Attributes:
        keys: The identifiers.
        leader: The one that gives the person its id.
        is_over_limit: Whether more was tied together than one person is likely to have.
        first_seen_at: When anything of theirs was seen first.
        account_id: The account, if any.
        account_link: Whether a contact or a domain tells it.
        contact_id: The contact that does.
    """

    keys: frozenset[Key]
    leader: Key
    is_over_limit: bool
    first_seen_at: datetime | None
    account_id: str | None
    account_link: str | None
    contact_id: str | None

    @property
    def person_id(self) -> str:
        """The hash of what leads."""
        return md5(f"{self.leader.kind}:{self.leader.value}".encode(), usedforsecurity=False).hexdigest()

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing but a stay is known."""
        return {key.kind for key in self.keys} == {"session"}

    def values(self, kind: str) -> list[str]:
        """Identifiers of a kind, sorted."""
        return sorted(key.value for key in self.keys if key.kind == kind)


def address(text: str | None) -> str | None:
    """The e-mail address of a text as people type it; what has not both halves is none."""
    name, at, domain = (text or "").strip().lower().rpartition("@")
    return f"{name}{at}{domain}" if name and domain else None


def is_customer(customer_id: str | None) -> bool:
    """Whether the files do not say themselves that they know nobody."""
    return customer_id is not None and customer_id.lower() != UNKNOWN


def domain_of(email: str) -> str:
    """What stands behind the @."""
    return email.rpartition("@")[2]


def calendly_uri(text: str) -> str:
    """A URI of Calendly's in the one spelling that all have in common."""
    return text.strip().rstrip("/").replace("https://calendly.com/", "https://api.calendly.com/")


def named_contacts(uuid: str, contact_ids: Iterable[str]) -> list[str]:
    """The contacts of a Salesforce id, of which either may lack the three letters that make up for lost capitals."""
    contact_ids = list(contact_ids)
    longer = [one for one in contact_ids if (len(uuid), len(one)) == (_SHORT, _LONG) and one[:_SHORT] == uuid]
    shorter = [one for one in contact_ids if (len(one), len(uuid)) == (_SHORT, _LONG) and uuid[:_SHORT] == one]
    # What is short for several is none of them.
    return [one for one in contact_ids if one == uuid] + shorter + (longer if len(longer) == 1 else [])


def components(keys: Iterable[Key], pairs: Iterable[tuple[Key, Key]]) -> list[frozenset[Key]]:
    """What hangs together."""
    neighbours = defaultdict(set)
    for one, other in pairs:
        neighbours[one].add(other)
        neighbours[other].add(one)
    found, seen = [], set()
    for key in keys:
        if key in seen:
            continue
        reached, waiting = set(), [key]
        while waiting:
            if (at := waiting.pop()) not in reached:
                reached.add(at)
                waiting += neighbours[at]
        seen |= reached
        found.append(frozenset(reached))
    return found


class People:
    """The people of a company.

    Args:
        company: What is known.
        limit: Above how many addresses, contacts and customers nobody is taken for one person.
        free_domains: Domains of mail that anybody can have.
    """

    def __init__(self, company: Company, limit: int, free_domains: Collection[str]) -> None:
        """Takes what is known; everything else is worked out when it is asked for."""
        self.company, self.limit, self.free_domains = company, limit, free_domains

    # --- Identifiers ---

    @cached_property
    def records(self) -> list[Record]:
        """Everything that speaks of somebody."""
        return [*self._of_calendly(), *self._of_crm(), *self._of_billing(), *self._of_webinars()]

    def _of_calendly(self) -> Iterator[Record]:
        for one in self.company.invitees:
            yield Record("calendly", Key("invitee", one.uri), address(one.email), one.created_at)

    def _of_crm(self) -> Iterator[Record]:
        touched = defaultdict(list)
        for touch in self.company.touches:
            touched[touch.contact_id].append(touch.at)
        for one in self.company.contacts:
            at = min(touched[one.contact_id], default=None)
            yield Record("crm", Key("contact", one.contact_id), address(one.email), at)

    def _of_billing(self) -> Iterator[Record]:
        """Customers of the users files and of transactions, with the last address that a file has."""
        emails: dict[str | None, str | None] = {}
        for user in sorted(self.company.users, key=lambda user: user.exported_at):
            emails[user.customer_id] = user.email or emails.get(user.customer_id)
        paid = defaultdict(list)
        for payment in self.company.payments:
            paid[payment.customer_id].append(payment.at)
        for customer_id in filter(is_customer, {*emails, *paid}):
            at = min(paid[customer_id], default=None)
            yield Record("stream", Key("customer", customer_id), address(emails.get(customer_id)), at)

    def _of_webinars(self) -> Iterator[Record]:
        """Registrations and stays: of the address that they tell, else of the registrant, else of nobody known."""
        seats = [(one.webinar.platform, one.registrant_id, address(one.email), one) for one in self._seats]
        stays = [(one.webinar.platform, one.registrant_id, self._address_of(one), one) for one in self.company.stays]
        for platform, registrant_id, email, one in seats + stays:
            at = one.registered_at if isinstance(one, Registration) else one.joined_at
            key = Key("registrant", f"{platform}:{registrant_id}") if registrant_id else None
            yield Record("webinars", None if email else key or Key("session", one.key), email, at)
        told = defaultdict(set)
        for platform, registrant_id, email, _ in seats + stays:
            told[platform, registrant_id] |= {email}
        for (platform, registrant_id), emails in told.items():
            known = emails - {None}
            # Whoever gives an address here and none there has it there, too; of two nobody knows which.
            if registrant_id and None in emails and len(known) == 1:
                yield Record("webinars", Key("registrant", f"{platform}:{registrant_id}"), known.pop(), None)

    @property
    def _seats(self) -> tuple[Registration, ...]:
        return self.company.registrations

    def _address_of(self, one: Stay) -> str | None:
        """Whose stay it is: whoever comes by a registrant's link to Zoom, whatever account the device has."""
        seats = [seat for seat in self._seats if (seat.webinar, seat.registrant_id) == (one.webinar, one.registrant_id)]
        own, its = address(one.email), min(filter(None, (address(seat.email) for seat in seats)), default=None)
        return its or own if one.webinar.platform == "zoom" else own or its

    @cached_property
    def keys(self) -> list[Key]:
        """All identifiers."""
        return sorted({key for record in self.records for key in record.keys})

    def _having(self, email: Key) -> set[Key]:
        """What has an address, has not left it and does not stand alone."""
        having = {one for one, other in self.email_pairs if other == email} - self.leavers
        return {one for one in having if self._group(one) == self._group(email)}

    def _group(self, key: Key) -> frozenset[Key]:
        return next(group for group, _ in self.groups if key in group)

    @cached_property
    def seen_at(self) -> dict[Key, datetime | None]:
        """When each identifier was seen first, an address with the first of what has it."""
        found = defaultdict(set)
        for record in self.records:
            found[record.owner].add(record.at)
        for email in (key for key in self.keys if key.kind == "email"):
            found[email] |= {at for key in self._having(email) for at in found[key]}
        return {key: min(filter(None, found[key]), default=None) for key in self.keys}

    @cached_property
    def sources(self) -> dict[Key, set[str]]:
        """Which sources know each identifier."""
        found = defaultdict(set)
        for record in self.records:
            found[record.owner].add(record.source)
        for email in (key for key in self.keys if key.kind == "email"):
            found[email] |= {source for key in self._having(email) for source in found[key]}
        return found

    def sources_of(self, person: Person) -> set[str]:
        """Which sources know a person."""
        return set().union(*(self.sources[key] for key in person.keys))

    @cached_property
    def first_records(self) -> list[tuple[str, Key, datetime | None]]:
        """Of each source whom it saw, and when first; nobody of whom nothing but a stay is known."""
        found = defaultdict(set)
        for record in self.records:
            if record.owner.kind != "session":
                found[record.source, record.owner].add(record.at)
        return [(source, key, min(filter(None, at), default=None)) for (source, key), at in found.items()]

    # --- Links ---

    @cached_property
    def email_pairs(self) -> list[tuple[Key, Key]]:
        """Who has which address."""
        return sorted({(one.key, Key("email", one.email)) for one in self.records if one.key and one.email})

    @cached_property
    def other_links(self) -> list[Link]:
        """Links between records: what the booking link named, moved bookings, and what the company says itself."""
        found = []
        created_at = {one.uri: one.created_at for one in self.company.invitees}
        contact_ids = [one.contact_id for one in self.company.contacts]
        for one in self.company.invitees:
            for contact_id in named_contacts(one.salesforce_uuid or "", contact_ids):
                keys = Key("invitee", one.uri), Key("contact", contact_id)
                found.append(Link(*keys, "salesforce_uuid", one.created_at))
        for _, chain in chains(self.company.invitees):
            for old, new in pairwise(chain):
                at = max(created_at[old], created_at[new])
                found.append(Link(Key("invitee", old), Key("invitee", new), "reschedule", at))
        found += [Link(left, right, "override", None) for left, right in self._overrides("link")]
        # Said twice, it is one link.
        return list({(one.evidence, *sorted(one[:2])): one for one in found}.values())

    def _overrides(self, action: str) -> list[tuple[Key, Key]]:
        """The pairs of identifiers of which the company says so, if both are known."""
        pairs = [
            (_key_of(row.left_kind, row.left_id), _key_of(row.right_kind, row.right_id))
            for row in self.company.overrides
            if row.action.strip().lower() == action
        ]
        return [pair for pair in pairs if set(pair) <= set(self.keys)]

    @cached_property
    def unlinked(self) -> list[tuple[Key, Key]]:
        """The pairs that the company says are not one person."""
        return self._overrides("unlink")

    # --- Who is one ---

    @cached_property
    def leavers(self) -> set[Key]:
        """Who leaves the address that another one has, too."""
        stars = _group_of(components(self.keys, self.email_pairs))
        return {
            left if right.kind == "email" else right for left, right in self.unlinked if stars[left] == stars[right]
        }

    @cached_property
    def star_of(self) -> dict[Key, frozenset[Key]]:
        """The address with all that has it, or a record alone, to which each identifier belongs."""
        return _group_of(components(self.keys, (pair for pair in self.email_pairs if pair[0] not in self.leavers)))

    def is_undone(self, link: Link) -> bool:
        """Whether the company says that the two, or who shares an address with them, are not one person."""
        if link.evidence == "email":
            return link.left in self.leavers
        return {self.star_of[link.left], self.star_of[link.right]} in self._parted

    def is_parted(self, left: Key, right: Key) -> bool:
        """Whether an unlink of the two undoes a link between others than an address and what has it."""
        stars = {self.star_of[left], self.star_of[right]}
        return any({self.star_of[one.left], self.star_of[one.right]} == stars for one in self.other_links)

    @cached_property
    def _parted(self) -> list[set[frozenset[Key]]]:
        return [{self.star_of[left], self.star_of[right]} for left, right in self.unlinked]

    @cached_property
    def tied(self) -> list[frozenset[Key]]:
        """What hangs together by links that nobody has undone."""
        kept = [pair for pair in self.email_pairs if pair[0] not in self.leavers]
        kept += [(one.left, one.right) for one in self.other_links if not self.is_undone(one)]
        return components(self.keys, kept)

    @cached_property
    def groups(self) -> list[tuple[frozenset[Key], bool]]:
        """Who is one, with whether more hung together than is likely, so that only addresses were trusted."""
        found = []
        for group in self.tied:
            if self.size(group) <= self.limit:
                found.append((group, False))
                continue
            for star in {self.star_of[key] for key in group}:
                found += [(part, True) for part in self._parts(star)]
        return found

    def _parts(self, star: frozenset[Key]) -> Iterator[frozenset[Key]]:
        """A star that is no larger than likely is one; else its contacts and customers each stand alone."""
        alone = {key for key in star if key.kind in ("contact", "customer")} if self.size(star) > self.limit else set()
        yield from (frozenset({key}) for key in alone)
        if star - alone:
            yield star - alone

    def size(self, group: Collection[Key]) -> int:
        """Addresses, contacts, customers, and records that have none of these."""
        having = {record for record, _ in self.email_pairs} - self.leavers
        return sum(key.kind in ("email", "contact", "customer") or key not in having for key in group)

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """All links, and what became of them."""
        person_of = self.person_of
        found = []
        email_links = [Link(record, email, "email", self.seen_at[record]) for record, email in self.email_pairs]
        for link in [*email_links, *self.other_links]:
            is_undone = self.is_undone(link)
            is_over_limit = person_of[link.left].is_over_limit and not is_undone
            is_apart = link.evidence != "email" or person_of[link.left] != person_of[link.right]
            found.append(Verdict(link, not is_undone and not (is_over_limit and is_apart), is_undone))
        return found

    @cached_property
    def first_sources(self) -> dict[str, set[str]]:
        """By each person's id who saw them first; who knows them at all, where none says when."""
        found = defaultdict(set)
        for record in self.records:
            person = self.person_of[record.owner]
            if record.at == person.first_seen_at:
                found[person.person_id].add(record.source)
        return found

    @property
    def unlinks_without_effect(self) -> int:
        """Pairs that the company says are two, and that are one by way of somebody else."""
        return sum(self.person_of[left] == self.person_of[right] for left, right in self.unlinked)

    # --- The people ---

    @cached_property
    def people(self) -> list[Person]:
        """Everybody, each with the account."""
        return [self._person(group, is_over_limit=is_over_limit) for group, is_over_limit in self.groups]

    @cached_property
    def person_of(self) -> dict[Key, Person]:
        """Whose each identifier is."""
        return {key: person for person in self.people for key in person.keys}

    def _person(self, group: frozenset[Key], *, is_over_limit: bool) -> Person:
        leader = min(group, key=lambda key: (KINDS.index(key.kind), self.seen_at[key] or _NEVER, key.value))
        seen = min((at for key in group if (at := self.seen_at[key])), default=None)
        return Person(group, leader, is_over_limit, seen, *self._account(group))

    def _account(self, group: Collection[Key]) -> tuple[str | None, str | None, str | None]:
        """The account, what tells it, and the contact that does."""
        accounts = {
            one.contact_id: one.account_id
            for one in self.company.contacts
            if one.account_id and Key("contact", one.contact_id) in group
        }
        if accounts:
            return accounts[min(accounts)], "contact", min(accounts)
        domains = {domain_of(key.value) for key in group if key.kind == "email"}
        found = {self.account_of_domain[domain] for domain in domains if domain in self.account_of_domain}
        return (found.pop(), "domain", None) if len(found) == 1 else (None, None, None)

    @cached_property
    def accounts_of_domain(self) -> dict[str, set[str]]:
        """The accounts whose contacts use a domain, if not anybody can."""
        found = defaultdict(set)
        for one in self.company.contacts:
            if one.account_id and (email := address(one.email)) and not self.is_free(email):
                found[domain_of(email)].add(one.account_id)
        return found

    @property
    def unsure_domains(self) -> list[str]:
        """Domains of several accounts, of which the company does not say whose they are."""
        rows = [row for row in self.company.overrides if row.left_kind.strip().lower() == "domain"]
        said = {row.left_id.strip().lower() for row in rows}
        return [
            domain for domain, used_by in self.accounts_of_domain.items() if len(used_by) > 1 and domain not in said
        ]

    def is_of_nobody(self, row: Override) -> bool:
        """Whether a row names something that no record has."""
        if row.left_kind.strip().lower() == "domain":
            known = {one.account_id for one in [*self.company.contacts, *self.company.opportunities]}
            return row.right_id != "" and row.right_id.strip() not in known
        pairs = [(row.left_kind, row.left_id), (row.right_kind, row.right_id)]
        return not {_key_of(*pair) for pair in pairs} <= set(self.keys)

    @cached_property
    def account_of_domain(self) -> dict[str, str]:
        """The one account whose contacts use a domain, or the one that the company says."""
        found = {domain: min(accounts) for domain, accounts in self.accounts_of_domain.items() if len(accounts) == 1}
        known = {one.account_id for one in [*self.company.contacts, *self.company.opportunities]}
        for row in self.company.overrides:
            action, account_id = row.action.strip().lower(), row.right_id.strip()
            domain = row.left_id.strip().lower() if row.left_kind.strip().lower() == "domain" else None
            if domain and domain not in self.free_domains and (action == "unlink" or account_id in known):
                found.pop(domain, None)
                found |= {domain: account_id} if action == "link" else {}
        return found

    def is_free(self, email: str) -> bool:
        """Whether anybody can have such an address."""
        return domain_of(email) in self.free_domains


def chains(invitees: Iterable[Invitee]) -> list[tuple[str, list[str]]]:
    """Of each booking the first invitee, and those in order of whom more is known than their name."""
    invitees = {one.uri: one for one in invitees}
    before = {one.new_uri: one.uri for one in invitees.values() if one.new_uri}
    before |= {one.uri: one.old_uri for one in invitees.values() if one.old_uri}
    after = {old: new for new, old in before.items()}
    found = []
    for first in sorted((invitees.keys() | after.keys()) - before.keys()):
        chain = [first]
        while chain[-1] in after:
            chain.append(after[chain[-1]])
        found.append((first, [uri for uri in chain if uri in invitees]))
    return found


def _group_of(groups: Iterable[frozenset[Key]]) -> dict[Key, frozenset[Key]]:
    return {key: group for group in groups for key in group}


def _key_of(kind: str, value: str) -> Key:
    """An identifier as people write it."""
    kind, value = kind.strip().lower(), value.strip()
    match kind:
        case "email":
            return Key(kind, value.lower())
        case "invitee":
            return Key(kind, calendly_uri(value))
    return Key(kind, value)
