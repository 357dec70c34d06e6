"""By which addresses people reach Larkfield, and what it did to tell who they are.

Most people use one address, that of their company. Some begin with one of their own; a link of the CRM's, or a call
that they move under the other address, may tell later that both are theirs. Desks have an address that several share.
What is drawn here depends on an account alone, and on nothing else that it did.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from ingestion.demo.crm import kept
from ingestion.demo.world import Account, Contact, World

Evidence = Literal["link", "move", "nothing"]

# Of those who begin with an address of their own, how many are known again by what.
_BEGINS_BY_ONES_OWN = 0.16
_EVIDENCE: dict[Evidence, int] = {"link": 45, "move": 30, "nothing": 25}
# Of the others, how many sign up for webinars by one.
_INVITED = 0.1

# In so many accounts people book for the whole desk, whose address was another one before.
_HAS_DESK = 0.12
DESK_RENAMED_AT = datetime(2025, 5, 15, tzinfo=UTC)

# Larkfield's newsletter went to its first accounts for a while with a link that was meant for one person alone.
_READING_ACCOUNTS = 60
_READS = 0.75
NEWSLETTER = (datetime(2025, 7, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
NEWSLETTER_CONTACT = (1, 1)

# In these accounts the second contact once booked by the link that the first one had been sent, which the seed
# identity_overrides undoes.
FORWARDING_ACCOUNTS = (4, 13)


@dataclass(frozen=True)
class Habit:
    """How somebody goes about addresses.

    Attributes:
        evidence: What tells that the address of their own by which they began is theirs; None if they did not.
        calls: So many of their first calls they book by it, where a link tells, or nothing.
        is_reader: Whether they book by the newsletter.
        is_invited: Whether they sign up for webinars by it, through an invitation with a link of the CRM's.
        is_guest: Whether they register with a webinar's platform by it, which tells nobody who they are.
    """

    evidence: Evidence | None
    calls: int
    is_reader: bool
    is_invited: bool
    is_guest: bool


def habit(world: World, account: Account, contact: Contact) -> Habit:
    """Draw how a contact goes about addresses."""
    rng = world.stream(account.number, "habits", contact.number)
    is_owner = rng.random() < _BEGINS_BY_ONES_OWN
    evidence = rng.choices(list(_EVIDENCE), list(_EVIDENCE.values()))[0] if is_owner else None
    calls = rng.randint(1, 2)
    # Who was once taken for a colleague is enough.
    reads = account.number <= _READING_ACCOUNTS and account.number not in FORWARDING_ACCOUNTS
    is_reader = reads and rng.random() < _READS
    has_link = evidence == "link" or (evidence is None and rng.random() < _INVITED)
    return Habit(
        evidence,
        calls,
        is_reader,
        # A newsletter's reader may be taken for somebody else altogether, and would count twice in a webinar.
        is_invited=has_link and not is_reader and contact in kept(world, account),
        is_guest=evidence in ("move", "nothing") and not is_reader,
    )


def own_address(mark: object, contact: Contact) -> str:
    """Return the address of somebody's own, at a domain that belongs to nobody.

    Args:
        mark: Tells those of them who are called the same from each other: of a contact, the account's number.
        contact: Whose it is.
    """
    return f"{contact.first_name}.{contact.last_name}.{mark}@example.com".lower()


def has_desk(world: World, account: Account) -> bool:
    """Return whether people of an account book for the whole desk; of companies under one roof both do."""
    return account.is_of_holding or world.stream(account.number, "desk").random() < _HAS_DESK


def desk_address(account: Account, at: datetime) -> str:
    """Return the address of an account's desk at a time; companies under one roof share theirs."""
    return f"{'rota' if at < DESK_RENAMED_AT else 'shifts'}@{account.domain}"
