"""Subscribing the receiver: the address, the key, what is there already, and every way in which it may go wrong."""

import json
import logging
import stat
import tomllib
from datetime import UTC, datetime
from urllib.parse import urlsplit

import calendly_organization as acme
import pytest
import requests
from calendly_organization import ORGANIZATION, USER
from receiving import receiving
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from ingestion.demo.calendly_simulator import TOKEN, CalendlySimulator
from ingestion.demo.simulator import DROPPED, HTML, Fault, serving
from ingestion.errors import ThroughlineError
from ingestion.receiver import Receiver
from ingestion.signatures import HEADER, verify
from ingestion.signing_keys import SETTING, KeyRing, add_signing_key, signing_keys
from ingestion.subscriptions import subscribe_receiver

URL = "https://hooks.example.com/webhooks/calendly"
EVENTS = ["invitee.created", "invitee.canceled", "invitee_no_show.created", "invitee_no_show.deleted"]
FORM_EVENT = "routing_form_submission.created"


@pytest.fixture
def simulator():
    """Be Calendly with an organization without meetings."""
    return CalendlySimulator(acme.organization([]), requests_per_minute=1_000)


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """Be the file of secrets of a project of its own, with one key in it."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    add_signing_key("the-key-before")
    return tmp_path / ".dlt" / "secrets.toml"


@pytest.fixture
def subscribe(simulator, secrets, monkeypatch, capsys, caplog):
    """Be a function that subscribes and returns what was printed; no secret may ever show."""
    caplog.set_level(logging.DEBUG)
    with serving(simulator) as base_url:
        monkeypatch.setenv("SOURCES__CALENDLY__BASE_URL", base_url)
        monkeypatch.setenv("SOURCES__CALENDLY__API_TOKEN", TOKEN)

        def subscribe_it(url=URL, scope="organization", *, replace=False):
            simulator.asked.clear()
            complaint = ""
            try:
                subscribe_receiver(url, scope=scope, replace=replace)
            except ThroughlineError as error:
                complaint = str(error)
                raise
            finally:
                # On a terminal or not, long lines are whole.
                printed = "".join(capsys.readouterr())
                hidden = {TOKEN, *signing_keys(), *simulator._signing_keys.values()}
                assert not [secret for secret in hidden if secret in printed + complaint + caplog.text]
            return printed

        yield subscribe_it


def writes(simulator):
    """Return the methods of the requests that were to change something."""
    return [asked.method for asked in simulator.asked if asked.method != "GET"]


def key_of(simulator, number=-1):
    """Return the signing key of a subscription."""
    return simulator._signing_keys[simulator.subscriptions[number]["uri"]]


# What is subscribed


def test_an_organization_is_subscribed_with_a_fresh_key(simulator, subscribe, secrets):
    """All events that there are; the key is first in a file for its owner alone, and the one before stays accepted."""
    printed = subscribe()
    (subscription,) = simulator.subscriptions
    assert (subscription["callback_url"], subscription["scope"]) == (URL, "organization")
    assert (subscription["organization"], subscription["user"]) == (ORGANIZATION, None)
    assert subscription["events"] == [*EVENTS, FORM_EVENT]
    assert signing_keys() == [key_of(simulator), "the-key-before"]
    assert len(key_of(simulator)) >= 32
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert URL in printed
    assert "throughline receive" in printed
    assert "throughline load calendly --backfill" in printed


def test_a_user_is_subscribed_without_routing_forms(simulator, subscribe):
    """They belong to organizations; and no admin is needed."""
    simulator.is_admin = False
    subscribe(scope="user")
    (subscription,) = simulator.subscriptions
    assert (subscription["scope"], subscription["user"], subscription["events"]) == ("user", USER, EVENTS)


def test_each_subscription_has_a_key_of_its_own(simulator, subscribe):
    """None of them takes another's place."""
    for number in range(3):
        subscribe(f"https://hooks{number}.example.com")
    assert signing_keys() == [*(key_of(simulator, number) for number in (2, 1, 0)), "the-key-before"]
    assert len(set(simulator._signing_keys.values())) == 3


def test_a_plan_without_routing_forms_has_the_rest(simulator, subscribe):
    """And it is said."""
    simulator.lacking = (FORM_EVENT,)
    assert f"The plan has no {FORM_EVENT}" in subscribe()
    assert [subscription["events"] for subscription in simulator.subscriptions] == [EVENTS]


@pytest.mark.parametrize("base", ["https://hooks.example.com", "https://hooks.example.com/"])
def test_an_address_without_a_path_gets_the_receivers(simulator, subscribe, base):
    """And it is said."""
    assert "--url has no path; /webhooks/calendly is added" in subscribe(base)
    assert simulator.subscriptions[0]["callback_url"] == URL


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/w", "http://localhost/w", "http://[::1]:8000/w", URL + "/acme"])
def test_addresses_that_are_taken(simulator, subscribe, url):
    """This machine needs no certificate, and a proxy may have any path."""
    subscribe(url)
    assert simulator.subscriptions[0]["callback_url"] == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("hooks.example.com", "begin with https|is no address"),
        ("", "is no address"),
        ("https://", "is no address"),
        ("https://hooks.example.com:port/", "is no address"),
        ("https://hooks.example.com/a b", "is no address"),
        ("https://[::1/", "is no address"),
        ("http://hooks.example.com/", "begin with https"),
        ("ftp://127.0.0.1/", "begin with https"),
        ("https://someone:pass-word@hooks.example.com/", "neither a user"),
        ("https://hooks.example.com/w?token=pass-word", "neither a user"),
        ("https://hooks.example.com/w#part", "neither a user"),
    ],
)
def test_addresses_that_make_no_sense(simulator, subscribe, url, words):
    """Nobody is asked, and what may be a password is not repeated."""
    with pytest.raises(ThroughlineError, match=words) as failure:
        subscribe(url)
    assert "pass-word" not in str(failure.value)
    assert simulator.asked == []
    assert signing_keys() == ["the-key-before"]


def test_a_scope_that_there_is_not(simulator, subscribe):
    """Groups are none."""
    with pytest.raises(ThroughlineError, match="--scope is 'group'; write organization or user"):
        subscribe(scope="group")
    assert simulator.asked == []


def test_without_a_token_there_is_a_sentence(simulator, subscribe, monkeypatch):
    """As with a load."""
    monkeypatch.delenv("SOURCES__CALENDLY__API_TOKEN")
    with pytest.raises(ThroughlineError, match=r"^SOURCES__CALENDLY__API_TOKEN is missing"):
        subscribe()


def test_a_key_in_the_environment_is_in_the_way(simulator, subscribe, monkeypatch):
    """It would win over the new one, so nothing is written anywhere."""
    monkeypatch.setenv(SETTING, "another-key-of-mine")
    with pytest.raises(ThroughlineError, match=f"{SETTING} is set in the environment"):
        subscribe()
    assert writes(simulator) == []


# What is there already


def test_an_active_subscription_stays(simulator, subscribe, secrets):
    """Unless --replace is given."""
    subscribe()
    before = secrets.read_text(encoding="utf-8")
    with pytest.raises(ThroughlineError, match=f"delivers to {URL} already.*add --replace"):
        subscribe("https://HOOKS.example.com/webhooks/calendly")
    assert writes(simulator) == []
    assert secrets.read_text(encoding="utf-8") == before


def test_a_users_subscription_is_seen_by_an_admin_too(simulator, subscribe):
    """An address is one, whosever meetings it is for."""
    subscribe(scope="user")
    with pytest.raises(ThroughlineError, match=f"delivers to {URL} already"):
        subscribe(scope="organization")
    assert writes(simulator) == []


def test_a_disabled_subscription_is_said_to_be(simulator, subscribe):
    """With what makes it anew and brings what it missed."""
    subscribe()
    simulator.subscriptions[0]["state"] = "disabled"
    with pytest.raises(ThroughlineError, match=r"has disabled the subscription.*--replace.*load calendly --backfill"):
        subscribe()
    assert writes(simulator) == []


@pytest.mark.parametrize("scope", ["organization", "user"])
def test_replacing_makes_it_anew(simulator, subscribe, scope):
    """Whosever meetings the old one was for; those of other addresses stay. The old key stays accepted."""
    subscribe("https://other.example.com/webhooks/calendly")
    subscribe()
    old, old_key = simulator.subscriptions[-1], key_of(simulator)
    subscribe(scope=scope, replace=True)
    assert writes(simulator) == ["DELETE", "POST"]
    assert old not in simulator.subscriptions
    assert [subscription["callback_url"] for subscription in simulator.subscriptions] == [
        "https://other.example.com/webhooks/calendly",
        URL,
    ]
    assert signing_keys() == [key_of(simulator), old_key, key_of(simulator, 0), "the-key-before"]


def test_replacing_what_is_not_there_makes_it(simulator, subscribe):
    """Without a word."""
    subscribe(replace=True)
    assert len(simulator.subscriptions) == 1


def test_the_key_is_accepted_before_anything_changes_at_calendly(simulator, subscribe):
    """Otherwise the first deliveries would be refused."""
    subscribe()
    known = []
    simulator.before_answer = lambda asked: known.append((asked.method, len(signing_keys()), signing_keys()[0]))
    subscribe(replace=True)
    at_writes = {method: first for method, _, first in known if method != "GET"}
    assert at_writes == dict.fromkeys(("DELETE", "POST"), key_of(simulator))


def test_pages_of_subscriptions_are_turned(simulator, subscribe):
    """An organization may have more than a page of them."""
    subscribe()
    (mine,) = simulator.subscriptions
    others = [mine | {"uri": f"{mine['uri']}{n}", "callback_url": f"https://{n}.example.com"} for n in range(150)]
    simulator.subscriptions = [*others, mine]
    with pytest.raises(ThroughlineError, match="already"):
        subscribe()


def test_a_receiver_that_runs_takes_the_new_key(simulator, subscribe, tmp_path):
    """No delivery is refused, whether it was signed before a replacement or after."""
    folder = tmp_path / "deliveries"
    with receiving(Receiver(folder, KeyRing()), folder) as service:
        for replace in (False, True):
            subscribe(service.url, replace=replace)
            delivery = {"event": "invitee.created", "payload": {"uri": f"https://example.com/{replace}"}}
            assert simulator.deliver([delivery]) == [200]
        assert [json.loads(body)["payload"]["uri"] for _, body in service.kept()] == [
            "https://example.com/False",
            "https://example.com/True",
        ]


# What may go wrong


@pytest.mark.parametrize(
    "fault",
    [
        Fault(400, '{"title":"Invalid Argument","details":[{"parameter":"url","message":"is not nice"}]}'),
        Fault(409, '{"title":"Already Exists","message":"Hook with this url already exists"}'),
        Fault(429, "{}", {"x-ratelimit-reset": "17"}),
        Fault(401, "{}"),
        Fault(307, "", {"location": "/elsewhere"}),
    ],
    ids=lambda fault: str(fault.status),
)
def test_a_refused_subscription_leaves_nothing(simulator, subscribe, fault):
    """The new key is taken back, and the sentence says why and what is the case."""
    simulator.before_answer = lambda asked: (
        simulator.fail("/webhook_subscriptions", fault) if asked.method == "POST" else None
    )
    with pytest.raises(ThroughlineError, match="Nothing was subscribed, and the new key was taken back") as failure:
        subscribe()
    assert (f" {fault.status}" in str(failure.value)) or fault.status in (401, 307)
    assert ("is not nice" in str(failure.value)) == (fault.status == 400)
    assert ("does not see" in str(failure.value)) == (fault.status == 409)
    assert writes(simulator) == ["POST"]
    assert signing_keys() == ["the-key-before"]


def test_who_is_no_admin_is_told_of_the_other_scope(simulator, subscribe):
    """An organization's subscription is its admins'."""
    simulator.is_admin = False
    with pytest.raises(ThroughlineError, match=r"an admin or owner.*--scope user.*Nothing was subscribed"):
        subscribe()
    assert signing_keys() == ["the-key-before"]


def test_a_refusal_that_repeats_the_key_does_not_show_it(simulator, subscribe):
    """Nor the token; the fixture looks."""
    shown = []

    def repeat(asked):
        if asked.method == "POST":
            shown.append(signing_keys()[0])
            body = f'{{"title":"Bad","message":"{signing_keys()[0]} by {TOKEN}"}}'
            simulator.fail("/webhook_subscriptions", Fault(400, body))

    simulator.before_answer = repeat
    with pytest.raises(ThroughlineError, match="400 Bad: … by …") as failure:
        subscribe()
    assert shown[0] not in str(failure.value)


def test_an_old_subscription_that_cannot_be_deleted_stays(simulator, subscribe):
    """So does its key, and nothing new is made."""
    subscribe()
    simulator.before_answer = lambda asked: (
        simulator.fail("/webhook_subscriptions", Fault(403, "{}")) if asked.method == "DELETE" else None
    )
    key = key_of(simulator)
    with pytest.raises(ThroughlineError, match="is as it was, and the new key was taken back"):
        subscribe(replace=True)
    assert writes(simulator) == ["DELETE"]
    assert signing_keys()[0] == key == key_of(simulator)


def test_a_refusal_after_the_old_one_is_deleted_says_so(simulator, subscribe):
    """Nothing is delivered any more, which somebody must know."""
    subscribe()
    key = key_of(simulator)
    simulator.before_answer = lambda asked: (
        simulator.fail("/webhook_subscriptions", Fault(400, "{}")) if asked.method == "POST" else None
    )
    with pytest.raises(ThroughlineError, match=r"is deleted and there is no new one.*--backfill"):
        subscribe(replace=True)
    assert simulator.subscriptions == []
    assert signing_keys() == [key, "the-key-before"]


LOST = [Fault(500), DROPPED, HTML]


@pytest.mark.parametrize("fault", LOST, ids=["500", "dropped", "HTML"])
@pytest.mark.parametrize("is_done", [True, False])
def test_a_subscription_without_an_answer_is_looked_for(simulator, subscribe, fault, is_done):
    """It is never made twice: if it is in the list all is well, else its key stays, as it may yet appear."""
    answer = Fault(fault.status, fault.body, fault.headers, fault.is_dropped, is_done)
    simulator.before_answer = lambda asked: (
        simulator.fail("/webhook_subscriptions", answer) if asked.method == "POST" else None
    )
    if is_done:
        assert f"to {URL}" in subscribe()
        assert signing_keys()[0] == key_of(simulator)
    else:
        with pytest.raises(ThroughlineError, match=r"is not known; the new key stays accepted.*throughline doctor"):
            subscribe()
        assert len(signing_keys()) == 2
    assert writes(simulator) == ["POST"]


@pytest.mark.parametrize("is_done", [True, False])
def test_a_deletion_without_an_answer_is_looked_for(simulator, subscribe, is_done):
    """Only what is deleted is made anew."""
    subscribe()
    key = key_of(simulator)
    simulator.before_answer = lambda asked: (
        simulator.fail("/webhook_subscriptions", Fault(500, is_done=is_done)) if asked.method == "DELETE" else None
    )
    if is_done:
        subscribe(replace=True)
        assert writes(simulator) == ["DELETE", "POST"]
        assert signing_keys() == [key_of(simulator), key, "the-key-before"]
    else:
        with pytest.raises(ThroughlineError, match="is as it was"):
            subscribe(replace=True)
        assert writes(simulator) == ["DELETE"]
        assert signing_keys() == [key, "the-key-before"]


def test_nobody_there_changes_nothing(subscribe, secrets, monkeypatch):
    """The sentence names the host."""
    monkeypatch.setenv("SOURCES__CALENDLY__BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(ThroughlineError, match=r"^127\.0\.0\.1 gave no usable answer to GET /users/me"):
        subscribe()
    keys = tomllib.loads(secrets.read_text(encoding="utf-8"))["sources"]["calendly_webhooks"]["signing_keys"]
    assert keys == ["the-key-before"]


# The simulator itself


@pytest.fixture
def calendly(simulator):
    """Be a function that asks the simulator as the token's user does."""
    with serving(simulator) as base_url, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {TOKEN}"

        def ask(method, path="/webhook_subscriptions", **arguments):
            return session.request(method, base_url + path, **arguments)

        yield ask


def wanted(**changes):
    """Return a subscription to be made."""
    return {"url": URL, "events": EVENTS, "organization": ORGANIZATION, "scope": "organization"} | changes


def test_a_subscription_has_calendlys_fields_and_goes_when_deleted(calendly):
    """It can be listed, read and deleted by its URI."""
    answer = calendly("POST", json=wanted(signing_key="k"))
    assert answer.status_code == 201
    made = answer.json()["resource"]
    instants, people = {"created_at", "updated_at", "retry_started_at"}, {"organization", "user", "creator"}
    assert set(made) == {"uri", "callback_url", "state", "events", "scope"} | instants | people
    assert (made["state"], made["retry_started_at"], made["creator"]) == ("active", None, USER)
    path = urlsplit(made["uri"]).path
    assert calendly("GET", path).json() == {"resource": made}
    listed = calendly("GET", params={"organization": ORGANIZATION, "scope": "organization"}).json()
    assert listed["collection"] == [made]
    assert calendly("DELETE", path).status_code == 204
    assert [calendly(method, path).status_code for method in ("GET", "DELETE")] == [404, 404]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"url": "http://hooks.example.com"}, 400),
        ({"events": []}, 400),
        ({"events": ["invitee.rescheduled"]}, 400),
        ({"events": [FORM_EVENT], "scope": "user", "user": USER}, 400),
        ({"scope": "team"}, 400),
        ({"scope": "user"}, 400),
        ({"scope": "user", "user": f"{USER}-2"}, 403),
        ({"organization": f"{ORGANIZATION}-2"}, 403),
    ],
)
def test_the_simulator_refuses_what_calendly_does(simulator, calendly, changes, status):
    """And makes nothing."""
    assert calendly("POST", json=wanted(**changes)).status_code == status
    assert simulator.subscriptions == []


def test_the_same_address_twice_is_a_conflict(calendly):
    """In Calendly's words."""
    calendly("POST", json=wanted())
    again = calendly("POST", json=wanted(scope="user", user=USER))
    assert (again.status_code, again.json()["message"]) == (409, "Hook with this url already exists")


def test_deliveries_are_signed_with_the_subscriptions_key(simulator, subscribe):
    """Each goes once to every active subscription for its event; what is disabled gets none."""
    seen = []

    async def take(request):
        body = await request.body()
        seen.append((request.headers.get(HEADER), body))
        return Response(status_code=200)

    with serving(Starlette(routes=[Route("/{path:path}", take, methods=["POST"])])) as url:
        subscribe(f"{url}/webhooks/calendly")
        subscribe(f"{url}/own", scope="user")
        deliveries = [{"event": "invitee.created", "payload": {"name": "Zoë"}}, {"event": FORM_EVENT, "payload": {}}]
        assert simulator.deliver(deliveries) == [200, 200, 200]
        simulator.subscriptions[0]["state"] = "disabled"
        assert simulator.deliver(deliveries) == [200]
    keys = [key_of(simulator, number) for number in (0, 1, 0, 1)]
    outcomes = [
        verify(header, body, [key], datetime.now(UTC), 60).outcome
        for (header, body), key in zip(seen, keys, strict=True)
    ]
    assert outcomes == ["verified"] * 4
