"""The fictional Calendly organization: what its documents say after each act, and what anybody knew before."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ingestion.demo.calendly_history import CalendlyHistory, event_of

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def history():
    """Be an organization in which nothing happened."""
    return CalendlyHistory("test")


@pytest.fixture
def hosts(history):
    """Be the URIs of its two hosts."""
    return [history.add_host(f"{name} Host", f"{name.lower()}@example.com", NOON - DAY) for name in ("Ann", "Bo")]


@pytest.fixture
def demo(history, hosts):
    """Be the URI of an event type that one of the hosts holds at a time."""
    return history.add_event_type("Demo", hosts, NOON - DAY, pooling="round_robin")


@pytest.fixture
def tour(history, hosts):
    """Be the URI of an event type with three seats."""
    return history.add_event_type("Tour", hosts[:1], NOON - DAY, seats=3)


def book(history, event_type, at=NOON, start_at=NOON + DAY, who="zoe", **other):
    """Book a meeting and return the invitee's URI."""
    return history.book(event_type, at, start_at, name=who.title(), email=f"{who}@example.com", **other)


def one(history, kind, uri, until=None):
    """Return the document of that URI."""
    return next(document for document in history.organization(until)[kind] if document["uri"] == uri)


def counter(history, event):
    """Return an event's status with its counter."""
    document = one(history, "scheduled_events", event)
    return document["status"], document["invitees_counter"]["total"], document["invitees_counter"]["active"]


def told(history):
    """Return each delivery's kind, invitee and status, and the status of the event in it."""
    return [
        (
            delivery["event"],
            delivery["payload"]["uri"],
            delivery["payload"]["status"],
            delivery["payload"]["scheduled_event"]["status"],
        )
        for delivery in history.deliveries()
    ]


def test_a_booking_is_an_event_with_an_invitee(history, hosts, demo):
    """The event first, the invitee a moment later, and the delivery with the next whole second."""
    uri = book(history, demo, host=hosts[1], answers=[("Why?", "Shifts")], guests=["guest@example.com"])
    invitee, event = one(history, "invitees", uri), one(history, "scheduled_events", event_of(uri))
    assert event["created_at"] == "2025-03-03T12:00:00.000000Z"
    assert (event["start_time"], event["end_time"]) == ("2025-03-04T12:00:00.000000Z", "2025-03-04T12:30:00.000000Z")
    assert [member["user_email"] for member in event["event_memberships"]] == ["bo@example.com"]
    assert [guest["email"] for guest in event["event_guests"]] == ["guest@example.com"]
    assert invitee["created_at"] == invitee["updated_at"] == "2025-03-03T12:00:00.018596Z"
    assert invitee["questions_and_answers"] == [{"question": "Why?", "answer": "Shifts", "position": 0}]
    (delivery,) = history.deliveries()
    assert delivery["created_at"] == "2025-03-03T12:00:01.000000Z"
    assert delivery["created_by"] == hosts[0]
    assert delivery["payload"].items() >= invitee.items()


def test_naive_instants_and_other_zones_are_utc(history, demo):
    """What is told in another zone happens when it happens."""
    berlin = timezone(timedelta(hours=1))
    uri = book(history, demo, NOON.replace(tzinfo=None), (NOON + DAY).astimezone(berlin))
    event = one(history, "scheduled_events", event_of(uri))
    assert (event["created_at"][11:16], event["start_time"][11:16]) == ("12:00", "12:00")


def test_moving_makes_another_invitee_in_another_event(history, hosts, demo):
    """`rescheduled` stands on the old one alone, and the host stays unless another is named."""
    first = book(history, demo, host=hosts[1])
    second = history.reschedule(first, NOON + INSTANT, NOON + 2 * DAY)
    third = history.reschedule(second, NOON + 2 * INSTANT, NOON + 2 * DAY, host=hosts[0], is_by_host=True)
    chain = [one(history, "invitees", uri) for uri in (first, second, third)]
    assert [invitee["old_invitee"] for invitee in chain] == [None, first, second]
    assert [invitee["new_invitee"] for invitee in chain] == [second, third, None]
    assert [invitee["rescheduled"] for invitee in chain] == [True, True, False]
    assert [invitee["cancellation"]["canceler_type"] for invitee in chain[:2]] == ["invitee", "host"]
    assert "cancellation" not in chain[2]
    assert len({invitee["event"] for invitee in chain}) == 3
    members = [one(history, "scheduled_events", invitee["event"])["event_memberships"][0]["user"] for invitee in chain]
    assert members == [hosts[1], hosts[1], hosts[0]]
    assert told(history) == [
        ("invitee.created", first, "active", "active"),
        ("invitee.canceled", first, "canceled", "canceled"),
        ("invitee.created", second, "active", "active"),
        ("invitee.canceled", second, "canceled", "canceled"),
        ("invitee.created", third, "active", "active"),
    ]


def test_leaving_a_group_leaves_the_event(history, tour):
    """It goes with the last who leaves; whoever books that time afterwards is in another one."""
    ann, bo = (book(history, tour, who=who) for who in ("ann", "bo"))
    event = event_of(ann)
    assert event_of(bo) == event
    before = one(history, "scheduled_events", event)
    history.cancel(ann, NOON + INSTANT)
    assert counter(history, event) == ("active", 2, 1)
    assert one(history, "scheduled_events", event)["updated_at"] == before["updated_at"]
    history.cancel(bo, NOON + 2 * INSTANT)
    assert counter(history, event) == ("canceled", 2, 0)
    assert event_of(book(history, tour, NOON + 3 * INSTANT)) != event


def test_host_calls_off_for_all_who_are_left(history, tour):
    """Each is told so, of an event that is canceled for each; who left before is told nothing."""
    ann, bo, cy = (book(history, tour, who=who) for who in ("ann", "bo", "cy"))
    history.cancel(bo, NOON + INSTANT)
    history.cancel_event(event_of(ann), NOON + 2 * INSTANT, reason="Ill")
    assert told(history)[-3:] == [
        ("invitee.canceled", bo, "canceled", "active"),
        ("invitee.canceled", ann, "canceled", "canceled"),
        ("invitee.canceled", cy, "canceled", "canceled"),
    ]
    assert one(history, "invitees", cy)["cancellation"]["canceler_type"] == "host"
    assert counter(history, event_of(ann)) == ("canceled", 3, 0)
    with pytest.raises(ValueError, match="nobody is in"):
        history.cancel_event(event_of(ann), NOON + 3 * INSTANT)


def test_a_full_group_takes_nobody(history, tour):
    """There are three seats, and one who left makes room."""
    invitees = [book(history, tour, who=who) for who in ("ann", "bo", "cy")]
    with pytest.raises(ValueError, match="is full"):
        book(history, tour, who="dee")
    history.cancel(invitees[0], NOON + INSTANT)
    assert event_of(book(history, tour, NOON + 2 * INSTANT, who="dee")) == event_of(invitees[0])


def test_a_collective_event_takes_all_hosts(history, hosts):
    """Together, in one event."""
    event_type = history.add_event_type("Panel", hosts, NOON, pooling="collective")
    event = one(history, "scheduled_events", event_of(book(history, event_type)))
    assert [member["user"] for member in event["event_memberships"]] == hosts
    assert event["invitees_counter"] == {"total": 1, "active": 1, "limit": 1}


def test_a_no_show_is_an_object_and_changes_the_invitee_alone(history, demo):
    """And null again when it is taken back; the event does not say that anything happened."""
    uri = book(history, demo)
    event = one(history, "scheduled_events", event_of(uri))
    history.mark_no_show(uri, NOON + 2 * DAY)
    marked = one(history, "invitees", uri)
    assert set(marked["no_show"]) == {"uri", "created_at"}
    assert marked["status"] == "active"
    history.unmark_no_show(uri, NOON + 3 * DAY)
    unmarked = one(history, "invitees", uri)
    assert unmarked["no_show"] is None
    assert unmarked["updated_at"] > marked["updated_at"]
    assert one(history, "scheduled_events", event_of(uri)) == event
    kinds = [delivery["event"] for delivery in history.deliveries()]
    assert kinds == ["invitee.created", "invitee_no_show.created", "invitee_no_show.deleted"]


def test_a_form_leads_to_a_booking(history, demo):
    """The submission is delivered before anybody booked, and names the invitee afterwards."""
    form = history.add_routing_form("Find", {"Size?": ("1", "2"), "E-mail": None}, NOON)
    submission = history.submit_form(form, {"Size?": "2"}, NOON, event_type=demo)
    uri = book(history, demo, NOON + INSTANT, submission=submission)
    assert one(history, "routing_form_submissions", submission)["submitter"] == uri
    assert one(history, "invitees", uri)["routing_form_submission"] == submission
    payload = history.deliveries()[0]["payload"]
    assert (payload["uri"], payload["submitter"]) == (submission, None)
    assert [(answer["question"], answer["answer"]) for answer in payload["questions_and_answers"]] == [("Size?", "2")]


def test_either_source_can_be_behind(history, demo, tour):
    """What was known at an instant is known of it for ever: its own acts count, the next do not."""
    instants, organizations, deliveries = [], [], []

    def happened(at):
        instants.append(at)
        organizations.append(history.organization())
        deliveries.append(history.deliveries())

    uri = book(history, demo)
    book(history, tour, who="ann")
    happened(NOON)
    later = history.reschedule(uri, NOON + INSTANT, NOON + 2 * DAY)
    book(history, tour, NOON + INSTANT, who="bo")
    happened(NOON + INSTANT)
    history.mark_no_show(later, NOON + DAY)
    history.retire_event_type(demo, NOON + DAY)
    happened(NOON + DAY)
    assert [history.organization(at) for at in instants] == organizations
    assert [history.deliveries(at) for at in instants] == deliveries
    assert history.organization(NOON - INSTANT)["invitees"] == history.deliveries(NOON - INSTANT) == []
    assert len({str(organization) for organization in organizations}) == 3


def test_who_left_is_no_longer_listed(history, hosts, demo):
    """The meetings stay, with the host's name."""
    uri = book(history, demo, host=hosts[1])
    history.remove_host(hosts[1], NOON + DAY)
    users = [membership["user"]["uri"] for membership in history.organization()["organization_memberships"]]
    assert users == hosts[:1]
    assert one(history, "scheduled_events", event_of(uri))["event_memberships"][0]["user"] == hosts[1]


def test_uris_do_not_depend_on_what_else_happens():
    """So one organization may hold another one's documents; another seed shares none with it."""

    def uris(seed, *, is_busy):
        history = CalendlyHistory(seed)
        history.add_host("Ann", "ann@example.com", NOON - DAY)
        hosts = [history.add_host("Bo", "bo@example.com", NOON - DAY)]
        demo = history.add_event_type("Demo", hosts, NOON - DAY)
        if is_busy:
            book(history, demo, who="other")
        uri = book(history, demo)
        if is_busy:
            history.cancel(book(history, demo, who="third"), NOON + INSTANT)
        return [demo, uri, history.reschedule(uri, NOON + INSTANT, NOON + 2 * DAY)]

    assert uris("a", is_busy=False) == uris("a", is_busy=True)
    assert not set(uris("a", is_busy=False)) & set(uris("b", is_busy=False))


def test_the_same_booking_twice_is_two(history, demo):
    """Even at one instant."""
    assert len({event_of(book(history, demo)) for _ in range(3)}) == 3


def test_what_cannot_happen_is_refused(history, demo):
    """A history told in disorder would give deliveries that no reader could put right."""
    uri = book(history, demo)
    with pytest.raises(ValueError, match="told in order"):
        book(history, demo, NOON - INSTANT)
    with pytest.raises(ValueError, match="at that very instant"):
        history.cancel(uri, NOON)
    with pytest.raises(ValueError, match="is not marked"):
        history.unmark_no_show(uri, NOON + INSTANT)
    history.mark_no_show(uri, NOON + INSTANT)
    with pytest.raises(ValueError, match="is marked already"):
        history.mark_no_show(uri, NOON + 2 * INSTANT)
    history.cancel(uri, NOON + 3 * INSTANT)
    for act in (history.cancel, history.mark_no_show):
        with pytest.raises(ValueError, match="is not active"):
            act(uri, NOON + 4 * INSTANT)
    with pytest.raises(ValueError, match="is not active"):
        history.reschedule(uri, NOON + 4 * INSTANT, NOON + DAY)
    with pytest.raises(ValueError, match="needs a host"):
        CalendlyHistory("empty").organization()
