"""Calendly's API v2 over one invented organization: paging, filters, rate limit, errors, webhooks, faults on demand.

Documents are given out as they are, with the URIs that Calendly would give them, whatever host this one has; only the
links to other pages name the simulator itself.
"""

import base64
import hashlib
import json
import math
import re
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingestion.demo.simulator import Asked, Headers, Simulator
from ingestion.signatures import HEADER, sign

TOKEN = "simulated-token"

# Those that a subscription may be for; the last one belongs to an organization, and to none of its users.
_EVENTS = ("invitee.created", "invitee.canceled", "invitee_no_show.created", "invitee_no_show.deleted")
_FORM_EVENT = "routing_form_submission.created"

Document = dict[str, Any]


class RefusalError(Exception):
    """An error in Calendly's shape."""

    def __init__(self, status: int, title: str, message: str, /, **details: str) -> None:
        """Takes the status, the words, and for each faulty parameter what is wrong with it."""
        super().__init__(message)
        self.status = status
        self.body: Document = {"title": title, "message": message}
        if details:
            self.body["details"] = [{"parameter": name, "message": words} for name, words in details.items()]


def _invalid(**details: str) -> RefusalError:
    return RefusalError(400, "Invalid Argument", "The supplied parameters are invalid.", **details)


def _denied(message: str = "You do not have permission to access this resource.") -> RefusalError:
    return RefusalError(403, "Permission Denied", message)


NOT_FOUND = RefusalError(404, "Resource Not Found", "The server could not find the requested resource.")


class CalendlySimulator(Simulator):
    """An ASGI app; what it does may be changed while it serves.

    Attributes:
        organization: The documents, as Calendly's API returns them; to change them, assign others.
        lacking: Paths' first segments, and webhooks' events, that the plan does not have: 403.
        subscriptions: The webhook subscriptions; a test may set the `state` and `retry_started_at` of one.
        is_admin: Whether the token may read the organization's scheduled events.
        token: The one that is accepted.
        requests_per_minute: What X-RateLimit-Limit says.
        window_seconds: How long such a minute lasts here.
    """

    def __init__(
        self,
        organization: Document,
        *,
        token: str = TOKEN,
        requests_per_minute: int = 500,
        window_seconds: float = 60.0,
        latency: float = 0.0,
        lacking: tuple[str, ...] = (),
        is_admin: bool = True,
    ) -> None:
        """Serves an organization; the arguments are the attributes of these names."""
        self.organization = organization
        self.token = token
        self.requests_per_minute = requests_per_minute
        self.window_seconds = window_seconds
        self.lacking = lacking
        self.is_admin = is_admin
        self.subscriptions: list[Document] = []
        self._signing_keys: dict[str, str] = {}
        self._window = (0.0, 0)
        app = Starlette(
            routes=[
                Route("/users/me", self._me),
                Route("/organization_memberships", self._list("organization_memberships", "organization")),
                Route("/event_types", self._list("event_types", "organization")),
                Route("/groups", self._list("groups", "organization")),
                Route("/routing_forms", self._list("routing_forms", "organization")),
                Route("/routing_form_submissions", self._list("routing_form_submissions", "form")),
                Route("/scheduled_events", self._scheduled_events),
                Route("/scheduled_events/{event}/invitees", self._invitees),
                Route("/webhook_subscriptions", self._subscribe, methods=["POST"]),
                Route("/webhook_subscriptions", self._list_subscriptions),
                Route("/webhook_subscriptions/{name}", self._delete_subscription, methods=["DELETE"]),
                Route("/webhook_subscriptions/{name}", self._subscription),
            ],
            exception_handlers={RefusalError: _refuse, 404: lambda request, _: _refuse(request, NOT_FOUND)},
        )
        super().__init__(app, latency=latency)

    @property
    def organization(self) -> Document:
        """The documents."""
        return self._organization

    @organization.setter
    def organization(self, organization: Document) -> None:
        invitees: dict[str, list[Document]] = {
            _name(event["uri"]): [] for event in organization.get("scheduled_events", ())
        }
        for invitee in organization.get("invitees", ()):
            invitees.setdefault(_name(invitee["event"]), []).append(invitee)
        self._organization, self._invitees_of = organization, invitees

    def count(self, asked: Asked) -> Headers:
        """Counts a request in its window and returns the headers that say so."""
        instant = time.monotonic()
        began, count = self._window
        if instant >= began + self.window_seconds:
            began, count = instant, 0
        self._window = began, count + 1
        values = {
            "limit": self.requests_per_minute,
            "remaining": max(self.requests_per_minute - count - 1, 0),
            # In this order, so that a window that has just begun has all its seconds, whatever the clock shows.
            "reset": math.ceil(self.window_seconds - (instant - began)),
        }
        return [(f"x-ratelimit-{name}".encode(), str(value).encode()) for name, value in values.items()]

    def refusal(self, asked: Asked, request: Request) -> Response | None:
        """Refuses another token, what is beyond the limit, and what the plan lacks."""
        if asked.authorization != f"Bearer {self.token}":
            return _refuse(request, RefusalError(401, "Unauthenticated", "The access token is invalid"))
        if self._window[1] > self.requests_per_minute:
            return _refuse(request, RefusalError(429, "Too Many Requests", "The rate limit is exceeded."))
        if asked.path.split("/")[1] in self.lacking:
            return _refuse(request, _denied("Please upgrade to a paid Calendly account."))
        return None

    async def _me(self, _: Request) -> Response:
        return JSONResponse({"resource": self.organization["users_me"]})

    def _list(self, name: str, scope: str) -> Callable:
        field_name = {"form": "routing_form"}.get(scope, scope)

        async def answer(request: Request) -> Response:
            wanted = _required(request, scope)
            if scope == "organization":
                self._check_organization(wanted)
            elif wanted not in {form["uri"] for form in self.organization.get("routing_forms", ())}:
                raise NOT_FOUND
            documents = [
                document
                for document in self.organization.get(name, ())
                # An event type names its owner, and not its organization.
                if document.get(field_name, wanted) == wanted
            ]
            fields = ("name",) if name == "event_types" else ("created_at",)
            return self._page(request, _sorted(request, documents, fields))

        return answer

    async def _scheduled_events(self, request: Request) -> Response:
        query = request.query_params
        me = self.organization["users_me"]
        if "organization" in query:
            self._check_organization(_required(request, "organization"))
            if not self.is_admin and query.get("user") != me["uri"]:
                raise _denied()
        elif "user" not in query:
            raise _invalid(organization="must be a valid URI")
        elif query["user"] != me["uri"]:
            raise _denied(
                "Please also specify organization when requesting events for a user within your organization."
            )
        status = _status(request)
        earliest, latest = (_instant(request, f"{end}_start_time") for end in ("min", "max"))
        documents = [
            document
            for document in self.organization.get("scheduled_events", ())
            if (earliest is None or _parsed(document["start_time"]) >= earliest)
            and (latest is None or _parsed(document["start_time"]) <= latest)
            and status in (None, document["status"])
            and ("user" not in query or query["user"] in {host["user"] for host in document["event_memberships"]})
        ]
        return self._page(request, _sorted(request, documents, ("start_time",)))

    async def _invitees(self, request: Request) -> Response:
        name = request.path_params["event"]
        if name not in self._invitees_of:
            raise NOT_FOUND
        status, email = _status(request), request.query_params.get("email")
        documents = [
            invitee
            for invitee in self._invitees_of[name]
            if status in (None, invitee["status"]) and email in (None, invitee["email"])
        ]
        return self._page(request, _sorted(request, documents, ("created_at",)))

    async def _subscribe(self, request: Request) -> Response:
        wanted = await request.json()
        self._check_subscription(wanted)
        uri = f"https://api.calendly.com/webhook_subscriptions/{uuid.uuid4()}"
        made_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        me = self.organization["users_me"]
        subscription = {
            "uri": uri,
            "callback_url": wanted["url"],
            "created_at": made_at,
            "updated_at": made_at,
            "retry_started_at": None,
            "state": "active",
            "events": wanted["events"],
            "scope": wanted["scope"],
            "organization": wanted["organization"],
            "user": wanted.get("user"),
            "creator": me["uri"],
        }
        self.subscriptions.append(subscription)
        if "signing_key" in wanted:
            self._signing_keys[uri] = wanted["signing_key"]
        return JSONResponse({"resource": subscription}, 201)

    def _check_subscription(self, wanted: Document) -> None:
        """Refuses what Calendly would not subscribe."""
        address = urlsplit(wanted.get("url", ""))
        # A receiver that a test runs on this machine has no certificate.
        if address.scheme != "https" and address.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise _invalid(url="must be a valid https URL")
        scope, events = wanted.get("scope"), wanted.get("events")
        if scope not in ("organization", "user"):
            raise _invalid(scope="must be one of organization, user")
        known = (*_EVENTS, _FORM_EVENT) if scope == "organization" else _EVENTS
        if not events or not set(events) <= set(known):
            raise _invalid(events=f"must be some of {', '.join(known)}")
        self._check_organization(wanted.get("organization", ""))
        self._check_scope(scope, wanted.get("user"))
        for event in events:
            if event in self.lacking:
                raise _denied(f"Please upgrade your Calendly account to subscribe to {event}.")
        if wanted["url"] in [subscription["callback_url"] for subscription in self.subscriptions]:
            raise RefusalError(409, "Already Exists", "Hook with this url already exists")

    def _check_scope(self, scope: str, user: str | None) -> None:
        """An organization's subscriptions are for its admins, a user's for this user."""
        if scope == "organization" and not self.is_admin:
            raise _denied()
        if scope == "user" and user != self.organization["users_me"]["uri"]:
            raise _denied() if user else _invalid(user="must be a valid URI")

    async def _list_subscriptions(self, request: Request) -> Response:
        self._check_organization(_required(request, "organization"))
        scope, user = request.query_params.get("scope"), request.query_params.get("user")
        if scope not in ("organization", "user"):
            raise _invalid(scope="must be one of organization, user")
        self._check_scope(scope, user)
        documents = [
            document
            for document in self.subscriptions
            if document["scope"] == scope and (scope == "organization" or document["user"] == user)
        ]
        return self._page(request, _sorted(request, documents, ("created_at",)))

    async def _subscription(self, request: Request) -> Response:
        return JSONResponse({"resource": self._known_subscription(request)})

    async def _delete_subscription(self, request: Request) -> Response:
        self.subscriptions.remove(self._known_subscription(request))
        return Response(status_code=204)

    def _known_subscription(self, request: Request) -> Document:
        name = request.path_params["name"]
        for subscription in self.subscriptions:
            if _name(subscription["uri"]) == name:
                return subscription
        raise NOT_FOUND

    def deliver(self, deliveries: Iterable[Document]) -> list[int]:
        """Posts deliveries, one after the other, to every active subscription that is for their events.

        It is not for the event loop that serves the simulator: whoever calls it waits for the answers.

        Args:
            deliveries: The documents, as Calendly words them.

        Returns:
            The statuses of the answers, in the order of the deliveries.
        """
        statuses = []
        with requests.Session() as session:
            # A company's proxy would not find this machine.
            session.trust_env = False
            for delivery in deliveries:
                body = json.dumps(delivery, ensure_ascii=False, separators=(",", ":")).encode()
                for subscription in list(self.subscriptions):
                    if subscription["state"] != "active" or delivery["event"] not in subscription["events"]:
                        continue
                    headers = {"Content-Type": "application/json"}
                    if key := self._signing_keys.get(subscription["uri"]):
                        headers[HEADER] = sign(body, key, datetime.now(UTC))
                    # As Calendly does, for which a redirect is a failure.
                    answer = session.post(
                        subscription["callback_url"],
                        data=body,
                        headers=headers,
                        timeout=(10, 15),
                        allow_redirects=False,
                    )
                    statuses.append(answer.status_code)
        return statuses

    def _check_organization(self, uri: str) -> None:
        if uri != self.organization["users_me"]["current_organization"]:
            raise _denied()

    def _page(self, request: Request, documents: list[Document]) -> Response:
        """One page; a token is good for its own list with the same filters only, and holds a mere offset.

        So a row that comes or goes while somebody pages is repeated or left out, as Calendly rules out neither.
        """
        query = dict(request.query_params)
        token = query.pop("page_token", None)
        text = query.get("count", "20")
        if not re.fullmatch(r"\d{1,3}", text) or not 1 <= int(text) <= 100:
            raise _invalid(count="must be between 1 and 100")
        count = int(text)
        scope = hashlib.sha256(json.dumps([request.url.path, sorted(query.items())]).encode()).hexdigest()[:12]
        start = 0 if token is None else _offset(token, scope)
        rows = documents[start : start + count]
        pagination: Document = {"count": len(rows)}
        for name, offset in (("next", start + count), ("previous", start - count)):
            is_there = offset < len(documents) if name == "next" else start > 0
            other = base64.urlsafe_b64encode(f"{scope}{max(offset, 0)}".encode()).decode() if is_there else None
            link = f"{request.base_url}{request.url.path[1:]}?{urlencode({**query, 'page_token': other})}"
            pagination |= {f"{name}_page": link if other else None, f"{name}_page_token": other}
        return JSONResponse({"collection": rows, "pagination": pagination})


def _name(uri: str) -> str:
    """The id at the end of a URI."""
    return uri.rsplit("/", 1)[-1]


def _required(request: Request, name: str) -> str:
    value = request.query_params.get(name, "")
    if not value.startswith("https://"):
        raise _invalid(**{name: "must be a valid URI"})
    return value


def _status(request: Request) -> str | None:
    status = request.query_params.get("status")
    if status not in (None, "active", "canceled"):
        raise _invalid(status="must be one of active, canceled")
    return status


def _instant(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    try:
        return None if text is None else _parsed(text)
    except ValueError:
        raise _invalid(**{name: "must be a valid UTC time"}) from None


def _parsed(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _sorted(request: Request, documents: list[Document], fields: tuple[str, ...]) -> list[Document]:
    order = request.query_params.get("sort", f"{fields[0]}:asc")
    name, _, direction = order.partition(":")
    if name not in fields or direction not in ("asc", "desc"):
        raise _invalid(sort=f"must be one of {', '.join(fields)} with asc or desc")
    return sorted(documents, key=lambda document: document[name] or "", reverse=direction == "desc")


def _offset(token: str, scope: str) -> int:
    try:
        text = base64.urlsafe_b64decode(token).decode()
    except ValueError:
        text = ""
    if not re.fullmatch(rf"{scope}\d+", text):
        raise _invalid(page_token="is invalid")
    return int(text.removeprefix(scope))


def _refuse(_: Request, refusal: RefusalError) -> Response:
    return JSONResponse(refusal.body, refusal.status)
