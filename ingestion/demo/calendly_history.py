"""What happened in a Calendly organization, told act by act, and what its API and its webhooks say of it at any time.

    history = CalendlyHistory(seed)
    user = history.add_host(name, email, at, *, timezone="Europe/Berlin")
    history.remove_host(user, at)
    event_type = history.add_event_type(
        name, hosts, at, *, minutes=30, pooling=None, seats=1, location="zoom_conference", is_internal=False
    )
    history.retire_event_type(event_type, at)
    group = history.add_group(name, at, *, member_count=0)
    form = history.add_routing_form(name, questions, at)
    submission = history.submit_form(form, answers, at, *, event_type=None, tracking=None)
    invitee = history.book(
        event_type, at, start_at, *, name, email, host=None, timezone="Europe/Berlin", answers=(), tracking=None,
        guests=(), reminder_number=None, scheduled_by=None, submission=None
    )
    history.cancel(invitee, at, *, reason="")               # by the invitee
    history.cancel_event(event, at, *, reason="")           # by the host, for everybody who is still in it
    later = history.reschedule(invitee, at, start_at, *, email=None, host=None, reason="", is_by_host=False)
    history.mark_no_show(invitee, at)
    history.unmark_no_show(invitee, at)
    history.organization(until=None)
    history.deliveries(until=None)

Acts are told in the order in which they happened. Instants are datetimes, UTC where they have no zone. What is returned
are URIs, made of the seed and of what they stand for: whatever else happens in an organization leaves them as they are.
Whoever books a group event that others have booked for that time joins them. The first host owns the organization and
its webhook subscription.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

Document = dict[str, Any]

API = "https://api.calendly.com"

# Calendly writes event, cancellation or mark, and invitee one after the other, each with its own clock.
_MARK_LAG = timedelta(microseconds=14_411)
_EVENT_LAG = timedelta(microseconds=16_208)
_INVITEE_LAG = timedelta(microseconds=18_596)

_COLORS = ("#0069ff", "#17e885", "#8247f5", "#ff4f00", "#f8e436", "#e55cff")
_TRACKING = ("utm_campaign", "utm_source", "utm_medium", "utm_content", "utm_term", "salesforce_uuid")
# Zoom's answer lists the world's numbers; two show that this is an array in the middle of a meeting.
_DIAL_IN_NUMBERS = (
    {"number": "+1 555 0100", "country": "US", "type": "toll", "city": "New York", "country_name": "US"},
    {"number": "+49 555 0100", "country": "DE", "type": "toll", "city": "Berlin", "country_name": "Germany"},
)
_KINDS = (
    "organization_memberships",
    "event_types",
    "groups",
    "routing_forms",
    "routing_form_submissions",
    "scheduled_events",
    "invitees",
)


def event_of(invitee: str) -> str:
    """Return the URI of an invitee's scheduled event."""
    return invitee.rpartition("/invitees/")[0]


def written(at: datetime) -> str:
    """Return an instant as Calendly writes it."""
    # Not strftime: thousands of meetings have six instants each.
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _written_briefly(at: datetime) -> str:
    """Return an instant as Calendly writes it in routing forms, with milliseconds."""
    return f"{at.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _next_second(at: datetime) -> datetime:
    return at.replace(microsecond=0) + timedelta(seconds=1 if at.microsecond else 0)


def _slug(name: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())


def _tracking(values: Mapping[str, str | None] | None) -> Document:
    return {name: (values or {}).get(name) for name in _TRACKING}


class CalendlyHistory:
    """A fictional organization that remembers every state that its documents were in."""

    def __init__(self, seed: object) -> None:
        """Begins an organization without anybody in it; equal seeds and acts make equal documents."""
        self._seed = seed
        self._ids: set[str] = set()
        self._now = datetime.min.replace(tzinfo=UTC)
        self._owner: Document | None = None
        # By kind and URI, in order: since when the document reads so; None is gone.
        self._versions: dict[str, dict[str, list[tuple[datetime, Document | None]]]] = {kind: {} for kind in _KINDS}
        self._deliveries: list[tuple[datetime, Document]] = []
        self._users: dict[str, Document] = {}
        self._hosts_of: dict[str, tuple[str, ...]] = {}
        self._seats_of: dict[str, int] = {}
        self._invitees_of: dict[str, list[str]] = {}
        self._group_events: dict[tuple[str, datetime], str] = {}
        self._organization = f"{API}/organizations/{self._id('organization')}"

    # --- Who and what there is ------------------------------------------------------------------------------

    def add_host(self, name: str, email: str, at: datetime, *, timezone: str = "Europe/Berlin") -> str:
        """Take a member into the organization.

        Args:
            name: The member's full name.
            email: The member's e-mail address.
            at: When this happens.
            timezone: The member's own.

        Returns:
            The URI of the user.
        """
        at = self._happens(at)
        slug = _slug(email.partition("@")[0])
        user: Document = {
            "resource_type": "User",
            "uri": f"{API}/users/{self._id('user', email)}",
            "name": name,
            "slug": slug,
            "email": email,
            "scheduling_url": f"https://calendly.com/{slug}",
            "timezone": timezone,
            "avatar_url": None,
            "locale": "en",
            "created_at": written(at),
            "updated_at": written(at),
        }
        role = "user" if self._owner else "owner"
        self._owner = self._owner or user | {"current_organization": self._organization}
        membership = {
            "uri": f"{API}/organization_memberships/{self._id('membership', email)}",
            "role": role,
            "user": user,
            "organization": self._organization,
            "created_at": written(at),
            "updated_at": written(at),
        }
        self._put("organization_memberships", at, membership)
        self._users[user["uri"]] = user
        return user["uri"]

    def remove_host(self, user: str, at: datetime) -> None:
        """Take a member out: the API no longer names the membership, and the events stay."""
        at = self._happens(at)
        self._versions["organization_memberships"][self._membership(user)["uri"]].append((at, None))

    def add_event_type(
        self,
        name: str,
        hosts: Sequence[str],
        at: datetime,
        *,
        minutes: int = 30,
        pooling: str | None = None,
        seats: int = 1,
        location: str = "zoom_conference",
        is_internal: bool = False,
    ) -> str:
        """Offer a way to meet.

        Args:
            name: Its name, as Calendly keeps it: with blanks at the end if there are any.
            hosts: URIs of the users who hold it.
            at: When this happens.
            minutes: How long a meeting lasts.
            pooling: None, round_robin (one of the hosts at a time) or collective (all of them together).
            seats: How many can be in one meeting; more than one make a group event.
            location: zoom_conference, google_conference, outbound_call, or custom.
            is_internal: Whether it is hidden from visitors.

        Returns:
            Its URI.
        """
        at = self._happens(at)
        owner = self._users[hosts[0]]
        identifier = self._id("event_type", name, owner["email"])
        slug = _slug(name)
        kind = "group" if seats > 1 else "solo"
        names = {"round_robin": "Round Robin", "collective": "Collective"}
        document = {
            "uri": f"{API}/event_types/{identifier}",
            "name": name,
            "active": True,
            "booking_method": "instant",
            "slug": slug,
            "scheduling_url": f"{owner['scheduling_url']}/{slug}",
            "duration": minutes,
            "duration_options": None,
            "kind": kind,
            "pooling_type": pooling,
            "type": "StandardEventType",
            "kind_description": names[pooling] if pooling else "Group" if seats > 1 else "One-on-One",
            "color": _COLORS[int(identifier[:4], 16) % len(_COLORS)],
            "created_at": written(at),
            "updated_at": written(at),
            "internal_note": None,
            "description_plain": None,
            "description_html": None,
            "profile": {
                "type": "Team" if pooling else "User",
                "name": owner["name"],
                "owner": owner["uri"],
            },
            "secret": is_internal,
            "deleted_at": None,
            "admin_managed": False,
            "position": len(self._versions["event_types"]),
            "locale": "en",
            "locations": [{"kind": location}],
            "custom_questions": [
                {
                    "name": "What would you like to talk about?",
                    "type": "text",
                    "position": 0,
                    "enabled": True,
                    "required": False,
                    "answer_choices": [],
                    "include_other": False,
                }
            ],
        }
        self._put("event_types", at, document)
        self._hosts_of[document["uri"]] = tuple(hosts)
        self._seats_of[document["uri"]] = seats
        return document["uri"]

    def retire_event_type(self, event_type: str, at: datetime) -> None:
        """Take no more bookings of an event type; what was booked stays."""
        at = self._happens(at)
        document = self._latest("event_types", event_type)
        self._put("event_types", at, document | {"active": False, "updated_at": written(at)})

    def add_group(self, name: str, at: datetime, *, member_count: int = 0) -> str:
        """Make a group of members and return its URI."""
        at = self._happens(at)
        document = {
            "uri": f"{API}/groups/{self._id('group', name)}",
            "name": name,
            "organization": self._organization,
            "member_count": member_count,
            "created_at": written(at),
            "updated_at": written(at),
        }
        return self._put("groups", at, document)

    def add_routing_form(self, name: str, questions: Mapping[str, Sequence[str] | None], at: datetime) -> str:
        """Publish a form that leads to event types.

        Args:
            name: Its name.
            questions: The answers among which each of them lets choose; None is free text.
            at: When this happens.

        Returns:
            Its URI.
        """
        at = self._happens(at)
        document = {
            "uri": f"{API}/routing_forms/{self._id('form', name)}",
            "organization": self._organization,
            "name": name,
            "status": "published",
            "questions": [
                {
                    "uuid": self._id("question", name, question),
                    "name": question,
                    "type": "text" if choices is None else "select",
                    "required": True,
                    "answer_choices": None if choices is None else list(choices),
                }
                for question, choices in questions.items()
            ],
            "created_at": _written_briefly(at),
            "updated_at": _written_briefly(at),
        }
        return self._put("routing_forms", at, document)

    # --- What happens ---------------------------------------------------------------------------------------

    def submit_form(
        self,
        form: str,
        answers: Mapping[str, str],
        at: datetime,
        *,
        event_type: str | None = None,
        tracking: Mapping[str, str | None] | None = None,
    ) -> str:
        """Fill in a routing form.

        Args:
            form: Its URI.
            answers: By question; those that are not there stay unanswered.
            at: When this happens.
            event_type: Where the form leads; None is a message.
            tracking: UTM parameters, as far as there are any.

        Returns:
            The URI of the submission, which `book` takes.
        """
        at = self._happens(at)
        result = (
            {"type": "event_type", "value": event_type}
            if event_type
            else {"type": "custom_message", "value": {"headline": "Thank you", "body": "We will write to you."}}
        )
        document = {
            "uri": f"{API}/routing_form_submissions/{self._id('submission', form, at)}",
            "routing_form": form,
            "questions_and_answers": [
                {"question_uuid": question["uuid"], "question": question["name"], "answer": answers[question["name"]]}
                for question in self._latest("routing_forms", form)["questions"]
                if question["name"] in answers
            ],
            "tracking": _tracking(tracking),
            "result": result,
            "submitter": None,
            "submitter_type": None,
            "created_at": _written_briefly(at),
            "updated_at": _written_briefly(at),
        }
        self._deliver("routing_form_submission.created", at, at, document)
        return self._put("routing_form_submissions", at, document)

    def book(
        self,
        event_type: str,
        at: datetime,
        start_at: datetime,
        *,
        name: str,
        email: str,
        host: str | None = None,
        timezone: str = "Europe/Berlin",
        answers: Iterable[tuple[str, str]] = (),
        tracking: Mapping[str, str | None] | None = None,
        guests: Iterable[str] = (),
        reminder_number: str | None = None,
        scheduled_by: str | None = None,
        submission: str | None = None,
    ) -> str:
        """Book a meeting, or a seat in one that others have booked.

        Args:
            event_type: The URI of what is booked.
            at: When it is booked.
            start_at: When it begins.
            name: The invitee's.
            email: The invitee's.
            host: URI of the user whose turn it is; the event type's first host if None. A collective event takes all.
            timezone: The invitee's.
            answers: Questions with their answers.
            tracking: UTM parameters and salesforce_uuid, as far as there are any.
            guests: E-mail addresses of those whom the invitee brings along.
            reminder_number: A telephone number.
            scheduled_by: URI of the user who booked in the invitee's name.
            submission: URI of the form that led here.

        Returns:
            The URI of the invitee, under that of the scheduled event.
        """
        at = self._happens(at)
        event = self._seat(event_type, at, _utc(start_at), host, email, guests)
        written_at = written(at + _INVITEE_LAG)
        invitee = self._new_invitee(event["uri"], email, at) | {
            "email": email,
            "first_name": None,
            "last_name": None,
            "name": name,
            "status": "active",
            "questions_and_answers": [
                {"question": question, "answer": answer, "position": position}
                for position, (question, answer) in enumerate(answers)
            ],
            "timezone": timezone,
            "event": event["uri"],
            "created_at": written_at,
            "updated_at": written_at,
            "tracking": _tracking(tracking),
            "text_reminder_number": reminder_number,
            "rescheduled": False,
            "old_invitee": None,
            "new_invitee": None,
            "routing_form_submission": submission,
            "payment": None,
            "no_show": None,
            "reconfirmation": None,
            "scheduling_method": None,
            "invitee_scheduled_by": scheduled_by,
        }
        self._put("invitees", at, invitee)
        self._invitees_of[event["uri"]].append(invitee["uri"])
        if submission:
            form = self._latest("routing_form_submissions", submission)
            led = {"submitter": invitee["uri"], "submitter_type": "Invitee", "updated_at": _written_briefly(at)}
            self._put("routing_form_submissions", at, form | led)
        self._tell("invitee.created", at, invitee)
        return invitee["uri"]

    def cancel(self, invitee: str, at: datetime, *, reason: str = "") -> None:
        """Let an invitee call off; the event is canceled with the last of them."""
        at = self._happens(at)
        document = self._active(invitee, at)
        cancellation = self._cancellation(at, document["name"], reason, is_by_host=False)
        self._leave(document, at, cancellation)

    def cancel_event(self, event: str, at: datetime, *, reason: str = "") -> None:
        """Let the host call off a meeting for everybody who is still in it."""
        at = self._happens(at)
        host = self._latest("scheduled_events", event)["event_memberships"][0]["user_name"]
        cancellation = self._cancellation(at, host, reason, is_by_host=True)
        invitees = [
            invitee
            for invitee in (self._latest("invitees", uri) for uri in self._invitees_of[event])
            if invitee["status"] == "active"
        ]
        if not invitees:
            raise ValueError(f"nobody is in {event} any more")
        # All invitees are told of an event that is canceled, whichever of them is told first.
        self._empty(event, len(invitees), at, cancellation)
        for invitee in invitees:
            self._strike(self._active(invitee["uri"], at), at, cancellation)

    def reschedule(
        self,
        invitee: str,
        at: datetime,
        start_at: datetime,
        *,
        email: str | None = None,
        host: str | None = None,
        reason: str = "",
        is_by_host: bool = False,
    ) -> str:
        """Move an invitee to another meeting of the same kind: one invitee is canceled, another is made.

        Args:
            invitee: The URI of who is moved.
            at: When this happens.
            start_at: When the new meeting begins.
            email: The address that the invitee gives now; the old one if None.
            host: URI of the user whose turn it is; whoever held the old one if None.
            reason: What was given as a reason.
            is_by_host: Whether the host moves the meeting.

        Returns:
            The URI of the new invitee.
        """
        at = self._happens(at)
        old = self._active(invitee, at)
        old_event = self._latest("scheduled_events", old["event"])
        keeper = old_event["event_memberships"][0]
        guests = [guest["email"] for guest in old_event["event_guests"]] if self._is_solo(old_event) else []
        email = email or old["email"]
        event = self._seat(old_event["event_type"], at, _utc(start_at), host or keeper["user"], email, guests)
        written_at = written(at + _INVITEE_LAG)
        new = (
            old
            | self._new_invitee(event["uri"], email, at)
            | {
                "email": email,
                "event": event["uri"],
                "created_at": written_at,
                "updated_at": written_at,
                "old_invitee": invitee,
                "no_show": None,
                "routing_form_submission": None,
                "invitee_scheduled_by": keeper["user"] if is_by_host else None,
            }
        )
        by = keeper["user_name"] if is_by_host else old["name"]
        moved = old | {"rescheduled": True, "new_invitee": new["uri"]}
        self._leave(moved, at, self._cancellation(at, by, reason, is_by_host=is_by_host))
        self._put("invitees", at, new)
        self._invitees_of[event["uri"]].append(new["uri"])
        self._tell("invitee.created", at, new)
        return new["uri"]

    def mark_no_show(self, invitee: str, at: datetime) -> None:
        """Note that an invitee did not come; status and event stay as they are."""
        at = self._happens(at)
        document = self._active(invitee, at)
        if document["no_show"]:
            raise ValueError(f"{invitee} is marked already")
        mark = {
            "uri": f"{API}/invitee_no_shows/{self._id('no_show', invitee, at)}",
            "created_at": written(at + _MARK_LAG),
        }
        self._change(document, at, "invitee_no_show.created", no_show=mark)

    def unmark_no_show(self, invitee: str, at: datetime) -> None:
        """Take back that an invitee did not come."""
        at = self._happens(at)
        document = self._active(invitee, at)
        if not document["no_show"]:
            raise ValueError(f"{invitee} is not marked")
        self._change(document, at, "invitee_no_show.deleted", no_show=None)

    # --- What is seen of it ---------------------------------------------------------------------------------

    def organization(self, until: datetime | None = None) -> Document:
        """Return what the API knows: lists of documents by kind, and the owner as `users_me`.

        Args:
            until: The last instant whose acts count; None counts all.

        Returns:
            Documents that the history keeps: whoever wants to change one takes a copy.
        """
        if not self._owner:
            raise ValueError("an organization needs a host")
        moment = None if until is None else _utc(until)

        def standing(versions: list[tuple[datetime, Document | None]]) -> Document | None:
            return next((document for at, document in reversed(versions) if moment is None or at <= moment), None)

        documents: Document = {"users_me": self._owner}
        for kind, known in self._versions.items():
            documents[kind] = [document for document in map(standing, known.values()) if document]
        return documents

    def deliveries(self, until: datetime | None = None) -> list[Document]:
        """Return what the webhooks delivered, in order; `until` and the documents as for `organization`."""
        moment = None if until is None else _utc(until)
        return [document for at, document in self._deliveries if moment is None or at <= moment]

    # --- How it is done -------------------------------------------------------------------------------------

    def _id(self, *names: object) -> str:
        """Make an id of what it stands for; the second of that name gets another one."""
        for number in range(len(self._ids) + 1):
            text = "\n".join(map(str, (self._seed, number, *names)))
            identifier = str(UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))
            if identifier not in self._ids:
                break
        self._ids.add(identifier)
        return identifier

    def _happens(self, at: datetime) -> datetime:
        at = _utc(at)
        if at < self._now:
            raise ValueError(f"acts are told in order: {written(at)} comes before {written(self._now)}")
        self._now = at
        return at

    def _put(self, kind: str, at: datetime, document: Document) -> str:
        self._versions[kind].setdefault(document["uri"], []).append((at, document))
        return document["uri"]

    def _latest(self, kind: str, uri: str) -> Document:
        document = self._versions[kind][uri][-1][1]
        if document is None:
            raise ValueError(f"{uri} is gone")
        return document

    def _membership(self, user: str) -> Document:
        for versions in self._versions["organization_memberships"].values():
            document = versions[-1][1]
            if document and document["user"]["uri"] == user:
                return document
        raise ValueError(f"{user} is no member")

    def _active(self, invitee: str, at: datetime) -> Document:
        """Return an invitee whose state may change."""
        since, document = self._versions["invitees"][invitee][-1]
        if document is None or document["status"] != "active":
            raise ValueError(f"{invitee} is not active")
        # Readers tell states apart by updated_at alone.
        if since == at:
            raise ValueError(f"{invitee} changed at that very instant")
        return document

    def _is_solo(self, event: Document) -> bool:
        return event["invitees_counter"]["limit"] == 1

    def _seat(
        self, event_type: str, at: datetime, start_at: datetime, host: str | None, email: str, guests: Iterable[str]
    ) -> Document:
        """Find a place in a meeting that is there or make one, and return the meeting with its place taken."""
        slot = (event_type, start_at)
        if slot in self._group_events:
            event = self._latest("scheduled_events", self._group_events[slot])
            counter = event["invitees_counter"]
            if counter["active"] == counter["limit"]:
                raise ValueError(f"{event['uri']} is full")
            # The event itself stays as it is: only its counter tells of another invitee.
            event = event | {
                "invitees_counter": counter | {"total": counter["total"] + 1, "active": counter["active"] + 1}
            }
        else:
            event = self._new_event(event_type, at, start_at, host, email)
            if not self._is_solo(event):
                self._group_events[slot] = event["uri"]
        seen_at = written(at)
        event = event | {
            "event_guests": event["event_guests"]
            + [{"email": guest, "created_at": seen_at, "updated_at": seen_at} for guest in guests]
        }
        self._put("scheduled_events", at, event)
        return event

    def _new_event(self, event_type: str, at: datetime, start_at: datetime, host: str | None, email: str) -> Document:
        document = self._latest("event_types", event_type)
        seats, hosts = self._seats_of[event_type], self._hosts_of[event_type]
        names = (event_type, start_at) if seats > 1 else (event_type, start_at, email, at)
        identifier = self._id("event", *names)
        start, end = written(start_at), written(start_at + timedelta(minutes=document["duration"]))
        users = (
            self._users[user] for user in (hosts if document["pooling_type"] == "collective" else [host or hosts[0]])
        )
        event = {
            "uri": f"{API}/scheduled_events/{identifier}",
            "name": document["name"],
            "status": "active",
            "start_time": start,
            "end_time": end,
            "event_type": event_type,
            "location": _location(document["locations"][0]["kind"], identifier),
            "invitees_counter": {"total": 1, "active": 1, "limit": seats},
            "created_at": written(at),
            "updated_at": written(at),
            "event_memberships": [
                {
                    "user": user["uri"],
                    "user_email": user["email"],
                    "user_name": user["name"],
                    "buffered_start_time": start,
                    "buffered_end_time": end,
                }
                for user in users
            ],
            "event_guests": [],
            "calendar_event": {"kind": "google", "external_id": identifier.replace("-", "")[:26]},
            "meeting_notes_plain": None,
            "meeting_notes_html": None,
        }
        self._invitees_of[event["uri"]] = []
        return event

    def _new_invitee(self, event: str, email: str, at: datetime) -> Document:
        identifier = self._id("invitee", event, email, at)
        return {
            "uri": f"{event}/invitees/{identifier}",
            "cancel_url": f"https://calendly.com/cancellations/{identifier}",
            "reschedule_url": f"https://calendly.com/reschedulings/{identifier}",
        }

    def _cancellation(self, at: datetime, by: str, reason: str, *, is_by_host: bool) -> Document:
        return {
            "canceled_by": by,
            "reason": reason,
            "canceler_type": "host" if is_by_host else "invitee",
            "created_at": written(at + _MARK_LAG),
        }

    def _leave(self, invitee: Document, at: datetime, cancellation: Document) -> None:
        self._empty(invitee["event"], 1, at, cancellation)
        self._strike(invitee, at, cancellation)

    def _empty(self, event: str, places: int, at: datetime, cancellation: Document) -> None:
        """Free places in a meeting; when the last is free the meeting is canceled."""
        document = self._latest("scheduled_events", event)
        active = document["invitees_counter"]["active"] - places
        changes: Document = {"invitees_counter": document["invitees_counter"] | {"active": active}}
        if not active:
            changes |= {"status": "canceled", "cancellation": cancellation, "updated_at": written(at + _EVENT_LAG)}
            self._group_events.pop((document["event_type"], datetime.fromisoformat(document["start_time"])), None)
        self._put("scheduled_events", at, document | changes)

    def _strike(self, invitee: Document, at: datetime, cancellation: Document) -> None:
        self._change(invitee, at, "invitee.canceled", status="canceled", cancellation=cancellation)

    def _change(self, invitee: Document, at: datetime, event: str, **changes: object) -> None:
        document = invitee | changes | {"updated_at": written(at + _INVITEE_LAG)}
        self._put("invitees", at, document)
        self._tell(event, at, document)

    def _tell(self, event: str, at: datetime, invitee: Document) -> None:
        """Deliver an invitee with the meeting as it stands, of which webhooks leave some out."""
        meeting = self._latest("scheduled_events", invitee["event"])
        members = [
            {name: member[name] for name in ("user", "user_email", "user_name")}
            for member in meeting["event_memberships"]
        ]
        embedded = {name: value for name, value in meeting.items() if name != "calendar_event"}
        embedded["event_memberships"] = members
        self._deliver(event, at, at + _INVITEE_LAG, invitee | {"scheduled_event": embedded})

    def _deliver(self, event: str, at: datetime, sent_at: datetime, payload: Document) -> None:
        created_by = self._owner["uri"] if self._owner else None
        delivery = {
            "event": event,
            "created_at": written(_next_second(sent_at)),
            "created_by": created_by,
            "payload": payload,
        }
        self._deliveries.append((at, delivery))


def _location(kind: str, identifier: str) -> Document:
    """Return where a meeting is held; the vendor's own data come with it as they are."""
    number = int(identifier[:8], 16)
    match kind:
        case "zoom_conference":
            meeting = 80_000_000_000 + number
            return {
                "type": kind,
                "status": "pushed",
                "join_url": f"https://zoom.example.com/j/{meeting}",
                "data": {
                    "id": meeting,
                    "password": identifier[-6:],
                    "settings": {"global_dial_in_numbers": list(_DIAL_IN_NUMBERS)},
                },
            }
        case "google_conference":
            return {
                "type": kind,
                "status": "pushed",
                "join_url": f"https://calendly.com/events/{identifier}/google_meet",
            }
        case "outbound_call":
            return {"type": kind, "location": f"+1 555 01{number % 100:02d}"}
    return {"type": kind, "location": None}
