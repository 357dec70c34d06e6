"""A small invented Zoom account for tests, in the documents that its API answers."""

from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
# Zoom's own kinds of UUID: those with a slash in certain places are encoded twice.
UUIDS = ("/leading+plus==", "mid//dle==", "mid/dle=", "Plain0aZ==")


def iso(instant):
    """Write an instant as Zoom does."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def user(name, **changes):
    """Return a user."""
    return {"id": name, "email": f"{name}@example.com", "type": 2, "status": "active", **changes}


def webinar(number, starts_at, **changes):
    """Return a webinar of an hour."""
    start = {"start_time": iso(starts_at)} if starts_at else {}
    return {
        "uuid": f"own{number}==",
        "id": number,
        "host_id": "ann",
        "topic": "Größer säen",
        "type": 5,
        "duration": 60,
        "timezone": "Europe/Berlin",
        **start,
        **changes,
    }


def registrant(name, **changes):
    """Return a registrant."""
    return {
        "id": f"r-{name}",
        "email": f"{name}@example.com",
        "first_name": "Zoë",
        "status": "approved",
        "create_time": iso(NOW - 9 * DAY),
        **changes,
    }


def session(name, starts_at, /, **changes):
    """Return a session of half an hour of a participant."""
    return {
        "id": "",
        "user_id": f"16{sum(name.encode())}",
        "name": "Zoë",
        "user_email": f"{name}@example.com",
        "join_time": iso(starts_at),
        "leave_time": iso(starts_at + timedelta(minutes=30)),
        "duration": 1800,
        "registrant_id": f"r-{name}",
        "status": "in_meeting",
        **changes,
    }


def hold(account, number, uuid, starts_at, sessions=None):
    """Let a webinar take place: an instance, its report and its sessions, two unless others are given."""
    account["instances"].setdefault(str(number), []).append({"uuid": uuid, "start_time": iso(starts_at)})
    ends_at = starts_at + timedelta(hours=1)
    account["reports"][uuid] = {
        "uuid": uuid,
        "id": number,
        "topic": "Größer säen",
        "start_time": iso(starts_at),
        "end_time": iso(ends_at),
        "duration": 60,
        "participants_count": 2,
    }
    account["participants"][uuid] = (
        [session("zoe", starts_at), session("yan", starts_at)] if sessions is None else sessions
    )


def account():
    """Return an account with a webinar of long ago, one of three weeks and one of two days ago, and one to come.

    And with one that is held every week, by somebody who left.
    """
    made = {
        "users": [user("ann"), user("bob"), user("cyd", status="inactive")],
        "webinars": {
            "ann": [
                webinar(81, NOW - 60 * DAY),
                webinar(82, NOW - 20 * DAY),
                webinar(83, NOW - 2 * DAY),
                webinar(84, NOW + 20 * DAY),
            ],
            "cyd": [webinar(85, NOW + days * DAY, type=9) for days in (-7, 7, 14)],
        },
        "instances": {},
        "registrants": {
            str(number): [
                registrant(f"zoe{number}"),
                registrant(f"yan{number}", status="pending"),
                registrant(f"xia{number}", status="denied"),
            ]
            for number in (81, 82, 83, 84)
        },
        "panelists": {"83": [{"id": "p1", "name": "Pan", "email": "pan@example.com"}]},
        "reports": {},
        "participants": {},
    }
    for number, uuid, days in zip((81, 82, 83, 85), UUIDS, (60, 20, 2, 7), strict=True):
        hold(made, number, uuid, NOW - days * DAY)
    return made
