"""Small random companies whose people are known from several sides, and the raw tables that hold them.

All companies share one warehouse; what keeps them apart is the mark in front of every id, address and channel.
"""

import json
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from random import Random
from zoneinfo import ZoneInfo

from bookings_by_hand import Moment
from identity_by_hand import (
    Company,
    Contact,
    Invitee,
    Key,
    Opportunity,
    Override,
    Payment,
    People,
    Registration,
    Stay,
    Touch,
    User,
    Webinar,
)
from spend_by_hand import Figure, Rate

MOMENT = Moment(datetime(2026, 3, 1, 12), ZoneInfo("America/New_York"))
# Smaller than anybody would set them, so that few records stand on both sides of them.
LIMIT, DAYS_TO_OPPORTUNITY, WINDOW_DAYS, LONGEST_RATE_DAYS = 4, 30, 45, 7
RATES = (Rate(date(2026, 1, 29), "EUR", Decimal("1.1")), Rate(date(2026, 2, 9), "EUR", Decimal("1.2")))

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
INSTANT = timedelta(microseconds=1)

# --- Drawing a world ----------------------------------------------------------------------------------------

# Both sides of midnight in New York and of a month's end, of what a rate still holds for, and of two months' windows.
_TIMES = [
    *(datetime(2025, 12, 31, 22), datetime(2026, 1, 1, 6), datetime(2026, 1, 14, 9), datetime(2026, 1, 20)),
    *(datetime(2026, 1, 31, 23, 30), datetime(2026, 2, 1, 4, 59, 59), datetime(2026, 2, 1, 5), datetime(2026, 2, 3, 8)),
    *(datetime(2026, 2, 10, 10), datetime(2026, 2, 20, 15), datetime(2026, 2, 27, 9, 30)),
]
_NAMES = ["ada", "bob", "cy", "dee"]
# Some of those in seeds/common/free_mail_domains.csv.
FREE_DOMAINS = ("gmail.com", "example.org", "example.net")
# What Salesforce tells apart by capitals.
_SALESFORCE = ["AAAAAAaB", "AAAAAAAb", "AAAAAAAB"]
_LONGER = ["QAX", "QAY"]
_CHANNELS = [("tv", None), ("tv", "spring"), ("tv", "summer"), ("radio", None), ("radio", "spring"), None]
_TOUCHED = ["tv", "TV", "radio", "event", None]
_AMOUNTS = [None, "0", "100", "2500.5", "999.999999999"]
_PAID = [None, "0", "-40", "20", "99.99", "150"]
# How long after a booking an opportunity is made.
_TO_OPPORTUNITY = [
    *(timedelta(0), -INSTANT, HOUR, 10 * DAY, 20 * DAY),
    *(DAYS_TO_OPPORTUNITY * DAY, DAYS_TO_OPPORTUNITY * DAY + INSTANT),
]


class Drawing:
    """Draws one company; what keeps it apart from the others is the number in all its names."""

    def __init__(self, number: int) -> None:
        """Begins with nothing."""
        self._random = Random(number)
        self._mark, self._number = f"w{number:03}-", number
        self._ids = iter(range(10**6))
        self._address_of: dict[str, str | None] = {}
        self._found: dict[str, list] = {one.name: [] for one in fields(Company) if one.name != "rates"}

    def company(self) -> Company:
        """What everybody says of a handful of people."""
        # In some worlds nearly all have one address or two, and are too many for one person; in others all are of one
        # account, and come in one another's way.
        self._is_crowded, self._is_busy = self._one(
            [(True, False), (False, True), (False, True), *[(False, False)] * 4]
        )
        domains = [f"{self._mark}a.example.com", f"{self._mark}b.example.com", self._one(FREE_DOMAINS)]
        domains = domains[: 1 if self._is_busy else None]
        pool = [self._email(name, domain) for name in _NAMES for domain in domains]
        self._addresses = self._random.sample(
            pool, self._one([1, 2] if self._is_crowded else [2, 3, 4] if self._is_busy else [2, 3, 4, 6])
        )
        self._crm()
        for _ in range(self._one([3, 4, 5] if self._is_busy else [0, 1, 1, 2, 3])):
            self._chain()
        self._opportunities()
        self._billing()
        for _ in range(self._one([0, 0, 1, 2])):
            self._webinar(self._one(["zoom", "bigmarker"]))
        self._spend()
        company = self._whole()
        self._override(company)
        return self._whole()

    def _whole(self) -> Company:
        return Company(**{name: tuple(records) for name, records in self._found.items()}, rates=RATES)

    def _one(self, elements: Iterable) -> object:
        return self._random.choice(list(elements))

    def _is(self, chance: float) -> bool:
        return self._random.random() < chance

    def _some(self, elements: Iterable, chance: float) -> list:
        return [element for element in elements if self._is(chance)]

    def _id(self) -> str:
        return f"{self._mark}{next(self._ids)}"

    def _email(self, name: str, domain: str) -> str:
        # Mail that anybody can have knows no worlds.
        return f"{name if self._mark in domain else self._mark + name}@{domain}"

    def _address(self, blanks: float = 0.15) -> str | None:
        return None if self._is(blanks) and not self._is_busy else self._one(self._addresses)

    def _keep(self, kind: str, record: object) -> None:
        self._found[kind].append(record)

    # --- CRM ---

    def _crm(self) -> None:
        # Of an id as Salesforce shortens it there is one contact, or one for each of its endings.
        ids = [[ending] if self._is(0.4) else [ending + one for one in _LONGER] for ending in _SALESFORCE]
        ids = self._random.sample(list(chain.from_iterable(ids)), 3)
        for place in range(self._one([3, 4, 5, 6] if self._is_crowded else [0, 1, 2, 3])):
            contact_id = f"{self._mark}c{place}"
            if ids and self._is(0.5):
                contact_id = f"003w{self._number:03}{ids.pop()}"
            account = self._account([None])
            self._keep("contacts", Contact(contact_id, account, self._address()))
        contacts = [one.contact_id for one in self._found["contacts"]]
        for _ in range(self._one([0, 0, 1, 2, 4])):
            channel = self._one(_TOUCHED)
            touch = Touch(
                *(self._one(["marketing", "sales"]), self._id(), channel and f"{self._mark}{channel}"),
                *(self._one([*contacts * 3, f"{self._mark}gone", None]), self._time()),
            )
            self._keep("touches", touch)
        if self._is(0.7):
            self._keep("aliases", (f"{self._mark}TV", f"{self._mark}tv"))

    def _time(self) -> datetime:
        return self._one(_TIMES) + self._one([timedelta(0), timedelta(0), MINUTE, HOUR])

    def _account(self, others: list[str | None]) -> str | None:
        accounts = [f"{self._mark}A1", f"{self._mark}A1", f"{self._mark}A2", *others]
        return self._one(accounts[: 1 if self._is_busy else None])

    def _opportunities(self) -> None:
        booked = [one.created_at for one in self._found["invitees"]]
        for _ in range(self._one([1, 2, 3] if self._is_busy else [0, 1, 1, 2, 3])):
            at = self._one(booked) + self._one(_TO_OPPORTUNITY) if booked and self._is(0.9) else self._time()
            account = self._account([f"{self._mark}A3", None])
            self._keep("opportunities", Opportunity(self._id(), account, self._amount(_AMOUNTS), at))

    def _amount(self, amounts: list[str | None]) -> Decimal | None:
        amount = self._one(amounts)
        return None if amount is None else Decimal(amount)

    # --- Calendly ---

    def _chain(self) -> None:
        """A booking, perhaps moved, perhaps with a link of which no document is known."""
        mapped = self._one(_CHANNELS)
        channel, campaign = (f"{self._mark}{mapped[0]}", mapped[1]) if mapped else (None, None)
        uris = [self._invitee_uri() for _ in range(self._one([1, 1, 1, 2, 3]))]
        lost = self._one(uris) if len(uris) > 1 and self._is(0.3) else None
        email = self._address()
        touched = [one.at for one in self._found["touches"]]
        at = self._one(touched) if touched and self._is(0.3) else self._time()
        for place, uri in enumerate(uris):
            is_last = place == len(uris) - 1
            # Of two halves of a move one may be silent; of an unknown link the neighbours must not be.
            is_told = self._is(0.8)
            old = uris[place - 1] if place and (is_told or uris[place - 1] == lost) else None
            new = None if is_last else uris[place + 1]
            if uri != lost:
                one = Invitee(
                    *(uri, email if self._is(0.9) else self._address(), at, channel, campaign),
                    *(at + self._one([2 * HOUR, 3 * DAY, 40 * DAY]),),
                    *(self._one(["active", "active", "active", "canceled"]) if is_last else "rescheduled",),
                    *(is_last and self._is(0.2), old, new, self._salesforce_uuid()),
                )
                self._keep("invitees", one)
            at += self._one([MINUTE, DAY])

    def _invitee_uri(self) -> str:
        return f"https://api.calendly.com/scheduled_events/{self._id()}/invitees/{self._id()}"

    def _salesforce_uuid(self) -> str | None:
        """A contact's id as a link bears it: as it is, shorter, longer, with other capitals, or of nobody."""
        if self._is(0.6) or not self._found["contacts"]:
            return None
        contact_id = self._one(self._found["contacts"]).contact_id
        if not contact_id.startswith("003"):
            return self._one([contact_id, contact_id, f"{contact_id}x"])
        short = contact_id[:15]
        long = contact_id if len(contact_id) > len(short) else short + _LONGER[0]
        return self._one([short, short, long, long, short.lower(), short[:14], f"{short[:14]}z{_LONGER[0]}"])

    # --- Billing ---

    def _billing(self) -> None:
        customers = [f"{self._mark}u{place}" for place in range(self._one([0, 1, 1, 2, 3]))]
        for customer_id in customers:
            for place in range(self._one([0, 1, 1, 2])):
                # Some exports have an address's first part only.
                email = self._one([self._address(), self._address(), f"{self._mark}info"])
                self._keep("users", User(customer_id, email, datetime(2026, 1, 1) + place * DAY))
        for _ in range(self._one([0, 1, 2, 3, 5])):
            created = [one.created_at for one in self._found["opportunities"]]
            at = self._one(created) + self._one([timedelta(0), DAY]) if created and self._is(0.5) else self._time()
            payment = Payment(
                *(self._id(), self._one([*customers * 4, None, "Unknown"]), at),
                *(self._amount(_PAID), self._one(["USD", "USD", "USD", "EUR"])),
            )
            self._keep("payments", payment)

    # --- Webinars ---

    def _webinar(self, platform: str) -> None:
        number = f"8{self._number:03}{next(self._ids):07}" if platform == "zoom" else self._id()
        webinar = Webinar(platform, number, self._one(_TIMES).replace(second=0), HOUR)
        self._keep("webinars", webinar)
        # BigMarker knows people by one id in all conferences.
        known = [one for one in self._found["registrations"] if one.webinar.platform == "bigmarker" == platform]
        seats = []
        for _ in range(self._one([0, 1, 2, 3])):
            old = self._one(known) if known and self._is(0.5) else None
            registrant_id = old.registrant_id if old else self._id()
            if registrant_id in {one.registrant_id for one in seats}:
                continue
            # Who is known by an address comes with none or with that one, and now and then with another.
            email = self._address_of.setdefault(registrant_id, self._address(0.3))
            email = self._one([email, email, None, None, self._address(0)]) if old else email
            status = self._one(["approved", "approved", "denied", "pending"]) if platform == "zoom" else "approved"
            at = webinar.starts_at - self._one([DAY, 9 * DAY, HOUR])
            booked = [one.created_at for one in self._found["invitees"] if one.created_at < webinar.starts_at]
            at = self._one(booked) if booked and self._is(0.3) else at
            seats.append(Registration(webinar, registrant_id, email, status, at))
        for seat in seats:
            self._keep("registrations", seat)
        for seat in self._some(seats, 0.6):
            self._stay(webinar, seat.registrant_id, seat.email if self._is(0.5) else None)
        for _ in range(self._one([0, 0, 1])):
            # Somebody without a registration: signed in, or unknown.
            # In some worlds who gives no address types something else.
            email = self._address(0.4) or ("n/a" if self._number % 2 else None)
            self._stay(webinar, None if platform == "zoom" else self._id(), email)

    def _stay(self, webinar: Webinar, registrant_id: str | None, email: str | None) -> None:
        joined_at = webinar.starts_at + self._one([timedelta(0), 5 * MINUTE])
        self._keep("stays", Stay(webinar, self._id(), registrant_id, email, joined_at, joined_at + 20 * MINUTE))

    # --- Money ---

    def _spend(self) -> None:
        if self._is(0.4):
            return
        days = [MOMENT.date(one.created_at) for one in self._found["invitees"]] + [MOMENT.date(self._time())]
        days += [MOMENT.date(one.at) for one in self._found["touches"]]
        campaigns = self._one([[None], [None, "spring"], ["spring", "summer"]])
        keys = {
            (self._one(days), self._one(["tv", "radio", "Webinar"]), self._one(campaigns))
            for _ in range(self._one([1, 3, 6]))
        }
        for day, channel, campaign in sorted(keys, key=str):
            currency, spend = self._one(["USD", "USD", "USD", "EUR"]), self._amount(["0", "10", "99.99", "1000"])
            name = channel if channel == "Webinar" else f"{self._mark}{channel}"
            self._keep("figures", Figure(date(2026, 2, 28), day, name, campaign, currency, spend))

    # --- What the company says itself ---

    def _override(self, company: Company) -> None:
        """Pairs that are one person, pairs that are not, domains, and rows that mean nobody."""
        people = People(company, LIMIT, FREE_DOMAINS)
        keys = people.keys
        taken = set()
        for _ in range(self._one([0, 1, 1, 2, 3]) if len(keys) > 1 else 0):
            left = self._one(keys)
            # Mostly of one person: nothing else can be parted; and then by more than their address.
            near = [key for key in keys if key != left and people.person_of[key] == people.person_of[left]]
            beyond = [key for key in near if people.star_of[key] != people.star_of[left]]
            others = [key for key in keys if key != left]
            right = self._one(beyond if beyond and self._is(0.6) else near if near and self._is(0.7) else others)
            is_apart = people.person_of[left] != people.person_of[right]
            action = self._one(["link", "link", "unlink"] if is_apart else ["unlink", "unlink", "unlink", "link"])
            # Somebody anonymous is nobody's.
            if "session" in (left.kind, right.kind):
                continue
            if (left, right, action) not in taken:
                taken |= {(left, right, action), (right, left, action)}
                self._keep("overrides", self._written(left, right, action))
        # Two that are not one, though each is one with a third.
        if self._is(0.1) and len(stars := sorted({min(people.star_of[key]) for key in keys})) > 2:
            one, other, third = self._random.sample(stars, 3)
            if "session" not in (one.kind, other.kind, third.kind):
                for pair in ((one, third, "link"), (third, other, "link"), (one, other, "unlink")):
                    self._keep("overrides", self._written(*pair))
        if self._is(0.1):
            nobody = f"{self._mark}nobody@example.com"
            self._keep("overrides", Override("email", nobody, *self._one(keys or [("contact", "none")]), "link"))
        if self._is(0.2):
            domain = f"{self._mark}{self._one('ab')}.example.com"
            rest = self._one([("", "", "unlink"), ("account", f"{self._mark}A2", "link")])
            self._keep("overrides", Override(" Domain", domain.title(), *rest))

    def _written(self, left: Key, right: Key, action: str) -> Override:
        """The pair as somebody writes it."""
        cells = []
        for key in (left, right):
            value = key.value
            if key.kind == "email":
                value = self._one([value, f" {value.upper()} "])
            if key.kind == "invitee":
                value = self._one([value, value.replace("//api.", "//")])
            cells += [self._one([key.kind, key.kind.title()]), value]
        return Override(*cells, self._one([action, action.title()]))


def together(companies: Iterable[Company]) -> Company:
    """All companies as one: as their names differ, each figure is still that of one of them."""
    companies = list(companies)
    parts = {
        one.name: tuple(chain.from_iterable(getattr(company, one.name) for company in companies))
        for one in fields(Company)
    }
    # But for webinars, of which many say what they cost, and only the largest figure counts.
    by_amount = sorted(parts["figures"], key=lambda one: one.spend)
    figures = {(one.day, one.channel, one.campaign, one.currency): one for one in by_amount}
    return Company(**(parts | {"figures": tuple(figures.values()), "rates": RATES}))


def earlier(company: Company, number: int) -> Company:
    """What was known of a company before: of some records nothing, and of some contacts no address.

    Of every third company all was known but what it says last itself.
    """
    random = Random(number)
    if number % 3 == 0:
        return replace(company, overrides=company.overrides[:-1])
    parts = {
        name: tuple(record for record in getattr(company, name) if random.random() < 0.6)
        for name in ("invitees", "contacts", "touches", "opportunities", "users", "payments", "registrations", "stays")
    }
    contacts = tuple(replace(one, email=None) if random.random() < 0.3 else one for one in parts["contacts"])
    return replace(company, **(parts | {"contacts": contacts}))


# --- What the loaders would land ----------------------------------------------------------------------------


def iso(at: datetime | None) -> str | None:
    """An instant as the platforms write it."""
    return at and f"{at.isoformat()}Z"


def spelt(email: str | None) -> str | None:
    """An address as people type it: not every time alike."""
    return email and (email if len(email) % 2 else f" {email.upper()}")


def document(**values: object) -> str:
    """A JSON document without the fields that have no value."""
    return json.dumps({name: value for name, value in values.items() if value is not None})


def event_type_of(one: Invitee) -> str:
    """The event type that serves the invitee's channel and campaign."""
    return f"https://api.calendly.com/event_types/{one.channel}~{one.campaign}"


def raw_tables(company: Company) -> dict[str, list[dict]]:
    """The rows of the raw tables, each with its key first."""
    return _calendly(company) | _crm(company) | _billing(company) | _zoom(company) | _bigmarker(company)


def _calendly(company: Company) -> dict[str, list[dict]]:
    events, invitees = [], []
    for one in company.invitees:
        event_uri = one.uri.partition("/invitees/")[0]
        status = "active" if one.fate == "active" else "canceled"
        times = {"created_at": iso(one.created_at), "updated_at": iso(one.created_at)}
        event = document(
            **{"uri": event_uri, "name": "Call", "status": status, "event_type": event_type_of(one)},
            **{"start_time": iso(one.meeting_at), "end_time": iso(one.meeting_at + HOUR), **times},
        )
        invitee = document(
            **{"uri": one.uri, "event": event_uri, "email": spelt(one.email), "status": status, **times},
            **{"rescheduled": one.fate == "rescheduled", "new_invitee": one.new_uri, "old_invitee": one.old_uri},
            tracking={"utm_source": None, "salesforce_uuid": one.salesforce_uuid},
            no_show={"uri": f"{one.uri}/mark", **times} if one.has_mark else None,
        )
        events.append({"uri": event_uri, "document": event})
        invitees.append({"uri": one.uri, "document": invitee})
    return {"raw_calendly.scheduled_events": events, "raw_calendly.invitees": invitees}


def _crm(company: Company) -> dict[str, list[dict]]:
    def touches(kind: str) -> list[dict]:
        return [
            {
                **{f"{kind}_touchpoint_id": one.touchpoint_id, "channel_name": one.channel},
                **{"contact_id": one.contact_id, f"{kind}_touchpoint_date": one.at},
            }
            for one in company.touches
            if one.touchpoint_type == kind
        ]

    opportunities = [
        {
            **{"opportunity_id": one.opportunity_id, "account_id": one.account_id},
            **{"pipeline_amount": one.amount, "opportunity_created_date": one.created_at},
        }
        for one in company.opportunities
    ]
    return {
        "raw_crm.contacts": [vars(one) for one in company.contacts],
        "raw_crm.marketing_touchpoints": touches("marketing"),
        "raw_crm.sales_touchpoints": touches("sales"),
        "raw_crm.opportunities": opportunities,
    }


def _billing(company: Company) -> dict[str, list[dict]]:
    users: dict[tuple, datetime] = {}
    for one in company.users:
        key = (one.customer_id, one.email)
        users[key] = max(one.exported_at, users.get(key, one.exported_at))
    payments = [
        {
            **{"transaction_id": one.transaction_id, "customer_id": one.customer_id, "transaction_at": one.at},
            **{"total": one.amount, "currency": one.currency},
        }
        for one in company.payments
    ]
    figures = [
        {
            **{"spend_id": f"{one.day} {one.channel} {one.campaign} {one.currency}", "as_of_date": one.as_of},
            **{"spend_date": one.day, "channel": one.channel, "campaign": one.campaign},
            **{"spend": one.spend, "currency": one.currency},
        }
        for one in company.figures
    ]
    return {
        "raw_stream.users": [
            {"user_key": json.dumps(key), "customer_id": key[0], "customer_email": key[1], "exported_at": exported_at}
            for key, exported_at in users.items()
        ],
        "raw_stream.transactions": payments,
        "raw_ad_spend.spend": figures,
    }


def _zoom(company: Company) -> dict[str, list[dict]]:
    webinars = [one for one in company.webinars if one.platform == "zoom"]
    seats = [one for one in company.registrations if one.webinar.platform == "zoom"]
    stays = [one for one in company.stays if one.webinar.platform == "zoom"]
    return {
        "raw_zoom.webinars": [
            {"webinar_id": one.number, "document": document(id=int(one.number), topic="Topic", type=5)}
            for one in webinars
        ],
        "raw_zoom.instances": [
            {
                **{"instance_uuid": f"{one.number}==", "webinar_id": one.number},
                "document": document(uuid=f"{one.number}==", start_time=iso(one.starts_at)),
            }
            for one in webinars
        ],
        "raw_zoom.reports": [
            {
                "instance_uuid": f"{one.number}==",
                "document": document(
                    **{"uuid": f"{one.number}==", "id": int(one.number), "topic": "Topic"},
                    **{"start_time": iso(one.starts_at), "end_time": iso(one.starts_at + one.length)},
                ),
            }
            for one in webinars
        ],
        "raw_zoom.registrants": [
            {
                **{"registrant_key": one.registrant_id, "webinar_id": one.webinar.number},
                "document": document(
                    **{"id": one.registrant_id, "email": spelt(one.email), "status": one.status},
                    create_time=iso(one.registered_at),
                ),
            }
            for one in seats
        ],
        "raw_zoom.participants": [
            {
                **{"session_key": one.key, "instance_uuid": f"{one.webinar.number}=="},
                "document": document(
                    **{"user_id": one.key, "user_email": spelt(one.email) or "", "registrant_id": one.registrant_id},
                    **{"join_time": iso(one.joined_at), "leave_time": iso(one.left_at), "status": "in_meeting"},
                ),
            }
            for one in stays
        ],
    }


def _bigmarker(company: Company) -> dict[str, list[dict]]:
    conferences = [one for one in company.webinars if one.platform == "bigmarker"]
    seats = [one for one in company.registrations if one.webinar.platform == "bigmarker"]
    stays = [one for one in company.stays if one.webinar.platform == "bigmarker"]
    return {
        "raw_bigmarker.conferences": [
            {
                "conference_id": one.number,
                "document": document(
                    **{"id": one.number, "title": "Topic", "start_time": iso(one.starts_at)},
                    end_time=iso(one.starts_at + one.length),
                ),
            }
            for one in conferences
        ],
        "raw_bigmarker.attendance_lists": [
            {"conference_id": one.number, "document": document(conference_id=one.number, total_pages=1)}
            for one in conferences
        ],
        "raw_bigmarker.registrations": [
            {
                "registration_key": f"{one.webinar.number} {one.registrant_id}",
                "conference_id": one.webinar.number,
                "document": document(
                    bmid=one.registrant_id, email=spelt(one.email), registered_at=iso(one.registered_at)
                ),
            }
            for one in seats
        ],
        "raw_bigmarker.attendees": [
            {
                **{"session_key": one.key, "conference_id": one.webinar.number},
                "document": document(
                    **{"bmid": one.registrant_id, "email": spelt(one.email)},
                    **{"entered_at": iso(one.joined_at), "leaved_at": iso(one.left_at)},
                ),
            }
            for one in stays
        ],
    }
