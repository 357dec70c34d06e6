"""Subscribing the receiver to Calendly's webhooks, and what Calendly says of its subscriptions."""

import ipaddress
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ingestion.apis import RefusalError
from ingestion.calendly_api import Api, ApiSettings
from ingestion.errors import ThroughlineError
from ingestion.receiver_openapi import WEBHOOK_PATH
from ingestion.rest import ApiError, NoAnswerError, RateLimitedError
from ingestion.signing_keys import add_signing_key, remove_signing_key, secrets_path
from ingestion.warehouse import console

SCOPES = ("organization", "user")

_LIST = "webhook_subscriptions"
_EVENTS = ("invitee.created", "invitee.canceled", "invitee_no_show.created", "invitee_no_show.deleted")
_FORM_EVENT = "routing_form_submission.created"
# What a refusal says if it is about routing forms, or about a plan.
_OF_THE_PLAN = re.compile("routing.?form|upgrade", re.IGNORECASE)


@dataclass(frozen=True)
class Subscription:
    """A webhook subscription as Calendly lists it.

    Attributes:
        uri: Its identifier.
        address: Where it delivers.
        is_active: Whether it does.
        retrying_since: When the deliveries began to fail that Calendly sends again; None if none is under way.
    """

    uri: str
    address: str
    is_active: bool
    retrying_since: datetime | None

    @classmethod
    def of(cls, document: Any) -> "Subscription":
        """Picks it from the API's document.

        Raises:
            ApiError: It is no subscription.
        """
        texts = [document.get(name) if isinstance(document, dict) else None for name in ("uri", "callback_url")]
        if not all(isinstance(text, str) for text in texts):
            raise ApiError(f"{_LIST} lists what is no subscription; see whether SOURCES__CALENDLY__BASE_URL is right.")
        retrying_since = None
        with suppress(TypeError, ValueError):
            instant = datetime.fromisoformat(document.get("retry_started_at"))
            retrying_since = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
        return cls(*texts, document.get("state") == "active", retrying_since)

    @property
    def is_ours(self) -> bool:
        """Whether it leads to where a receiver listens; an organization has subscriptions for other tools, too."""
        return urlsplit(self.address).path.rstrip("/").endswith(WEBHOOK_PATH)

    @property
    def place(self) -> str:
        """Its address as messages may show it: what follows a question mark may be a password."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def subscriptions(api: Api, user: str, organization: str) -> tuple[list[Subscription], bool]:
    """Those of an organization and of a user.

    Returns:
        The subscriptions, and whether those of the organization are among them, which only its admins may see.

    Raises:
        ApiError: They cannot be listed.
    """
    own = list(api.collection(_LIST, organization=organization, scope="user", user=user))
    try:
        shared = list(api.collection(_LIST, organization=organization, scope="organization"))
    except RefusalError as refusal:
        if refusal.status != 403:
            raise
        return [Subscription.of(document) for document in own], False
    return [Subscription.of(document) for document in shared + own], True


def subscribe_receiver(url: str, *, scope: str, replace: bool) -> None:
    """Has Calendly deliver to an address, signed with a fresh key that the receiver accepts before the first delivery.

    Args:
        url: Where the receiver is reached from outside: https, with its path or without.
        scope: Whose meetings: `organization` or `user`.
        replace: Delete the subscriptions of this address that are there.

    Raises:
        ThroughlineError: The address or a setting makes no sense, the address is subscribed already, or Calendly
            refused; the text says what is the case then, and what to do.
    """
    if scope not in SCOPES:
        raise ThroughlineError(f"--scope is {scope!r}; write {' or '.join(SCOPES)}.")
    address = _checked_address(url)
    with Api.impatient(ApiSettings.read()) as api:
        user, organization = api.me()
        desk = _Desk(api, user, organization, address)
        present = desk.present()
        if present and not replace:
            raise ThroughlineError(_already_there(present[0], address))
        key = secrets.token_urlsafe(32)
        # First, so that no delivery comes that the receiver would refuse.
        add_signing_key(key)
        events = desk.renew(present, key, scope)
    console.print(
        f"Calendly delivers {', '.join(events)} of the {scope} to {address}, signed with a new key. It stands in"
        f" {secrets_path()}, from where a receiver that runs takes it by itself."
    )
    console.print(
        "Now run `throughline receive`, if it does not run yet, and `throughline load calendly --backfill` for what"
        " happened before."
    )


def _checked_address(url: str) -> str:
    """The address to subscribe, with the receiver's path if it has none.

    Raises:
        ThroughlineError: Calendly could not deliver there. The address is not repeated: it may hold a password.
    """
    try:
        parts = urlsplit(url.strip())
        is_fitting = bool(parts.hostname) and parts.port != 0 and not re.search(r"[\s\x00-\x1f\\]", url.strip())
    except ValueError:
        is_fitting = False
    if not is_fitting:
        raise ThroughlineError("--url is no address; write it like https://hooks.example.com/webhooks/calendly.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ThroughlineError("--url must begin with https://, as Calendly delivers nowhere else.")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ThroughlineError("--url may hold neither a user, nor ?, nor #: deliveries are known by their signature.")
    path = parts.path
    if path in ("", "/"):
        path = WEBHOOK_PATH
        console.print(f"--url has no path; {WEBHOOK_PATH} is added, where `throughline receive` listens.")
    return _known(f"{parts.scheme}://{parts.netloc}{path}")


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _already_there(present: Subscription, address: str) -> str:
    remedy = (
        f"Have it made anew with `throughline subscribe --url {address} --replace`, then load what was missed with"
        " `throughline load calendly --backfill`."
    )
    if not present.is_active:
        return f"Calendly has disabled the subscription of {address}, and nothing else enables it again. {remedy}"
    return (
        f"Calendly delivers to {address} already. If its signing key is lost or is to be another, add --replace: it"
        " makes the subscription anew, with a new key."
    )


class _Desk:
    """Makes and deletes the subscriptions of one address, and says what is the case where that goes wrong.

    No write is tried twice, as one without an answer may have been done: the list then tells.
    """

    def __init__(self, api: Api, user: str, organization: str, address: str) -> None:
        self._api = api
        self._user = user
        self._organization = organization
        self._address = address

    def present(self) -> list[Subscription]:
        """The subscriptions of the address."""
        known, _ = subscriptions(self._api, self._user, self._organization)
        return [subscription for subscription in known if _known(subscription.address) == self._address]

    def renew(self, old: list[Subscription], key: str, scope: str) -> tuple[str, ...]:
        """Deletes old subscriptions, makes a new one, and returns the events that it is for.

        Args:
            old: Those of the address.
            key: The new one's signing key, which is accepted already.
            scope: The new one's.

        Raises:
            ThroughlineError: Something was refused, or may have been done and may not. The key is taken back if
                nothing can be signed with it.
        """
        for subscription in old:
            try:
                self._delete(subscription)
            except ApiError as error:
                remove_signing_key(key)
                raise ThroughlineError(
                    f"{error} The subscription of {self._address} is as it was, and the new key was taken back. Try"
                    " again, or delete it at Calendly."
                ) from None
        try:
            return self._create(key, scope)
        except _UnknownError as error:
            raise ThroughlineError(
                f"{error} Whether {self._address} is subscribed now is not known; the new key stays accepted for that"
                " case. Run `throughline doctor`, and if it finds no subscription, this command again."
            ) from None
        except ApiError as error:
            remove_signing_key(key)
            state = (
                f"The old subscription of {self._address} is deleted and there is no new one: Calendly delivers nothing"
                " there. Mend this, run the command again, then `throughline load calendly --backfill`."
                if old
                else "Nothing was subscribed, and the new key was taken back."
            )
            raise ThroughlineError(f"{error}{_hint(error, scope)} {state}") from None

    def _delete(self, subscription: Subscription) -> None:
        try:
            self._api.delete(_LIST, subscription.uri)
        except NoAnswerError:
            # Whatever the list does not have any more is deleted.
            if subscription.uri in [present.uri for present in self.present()]:
                raise

    def _create(self, key: str, scope: str) -> tuple[str, ...]:
        events = (*_EVENTS, _FORM_EVENT) if scope == "organization" else _EVENTS
        try:
            self._post(key, scope, events)
        except RefusalError as refusal:
            is_of_the_plan = refusal.status in (400, 403) and _OF_THE_PLAN.search(refusal.reason)
            if _FORM_EVENT not in events or not is_of_the_plan:
                raise
            events = _EVENTS
            self._post(key, scope, events)
            console.print(f"The plan has no {_FORM_EVENT} ({refusal.reason}); the others are subscribed.")
        return events

    def _post(self, key: str, scope: str, events: tuple[str, ...]) -> None:
        """Makes a subscription.

        Raises:
            RefusalError: It was refused.
            RateLimitedError: It was not looked at.
            _UnknownError: There was no answer, nor is it in the list, where it might still appear.
        """
        user = {"user": self._user} if scope == "user" else {}
        wanted = {
            "url": self._address,
            "events": list(events),
            "organization": self._organization,
            "scope": scope,
            "signing_key": key,
        }
        try:
            self._api.create(_LIST, wanted | user, hidden=key)
        except RateLimitedError:
            raise
        except NoAnswerError as error:
            try:
                is_made = bool(self.present())
            except ApiError:
                is_made = False
            if not is_made:
                raise _UnknownError(str(error)) from None


class _UnknownError(ApiError):
    """A subscription may have been made and may not."""


def _hint(error: ApiError, scope: str) -> str:
    """What else a person should know about a refusal."""
    status = error.status if isinstance(error, RefusalError) else None
    if status == 403 and scope == "organization":
        return " The token must be that of an admin or owner of the organization; others can take --scope user."
    if status == 409:
        return " A subscription that this token does not see has this address: another user's, perhaps."
    return ""


def _known(address: str) -> str:
    """An address in the one way in which addresses are compared: names of schemes and hosts are in no case."""
    parts = urlsplit(address)
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl()
