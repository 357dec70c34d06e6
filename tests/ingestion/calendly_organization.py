"""A small invented Calendly organization for tests, in the documents that its API answers."""

from datetime import UTC, datetime, timedelta

API = "https://api.calendly.com"
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
ORGANIZATION = f"{API}/organizations/acme"
USER = f"{API}/users/ann"


def iso(instant):
    """Write an instant as Calendly does."""
    return f"{instant:%Y-%m-%dT%H:%M:%S.%fZ}"


def user():
    """Return the user of the token."""
    return {"uri": USER, "name": "Ann Host", "email": "ann@example.com", "current_organization": ORGANIZATION}


def scheduled_event(name, starts_at, *, invitees=1, minutes=30, changed_at=None, status="active"):
    """Return a scheduled event; it was made ten days before it starts."""
    made_at = starts_at - timedelta(days=10)
    return {
        "uri": f"{API}/scheduled_events/{name}",
        "name": "Demo",
        "status": status,
        "start_time": iso(starts_at),
        "end_time": iso(starts_at + timedelta(minutes=minutes)),
        "event_type": f"{API}/event_types/demo",
        "invitees_counter": {"total": invitees, "active": invitees, "limit": 1},
        "created_at": iso(made_at),
        "updated_at": iso(changed_at or made_at),
        "event_memberships": [{"user": USER, "user_email": "ann@example.com", "user_name": "Ann Host"}],
        "event_guests": [],
    }


def invitee(event, name="i", **changes):
    """Return an invitee of a scheduled event."""
    return {
        "uri": f"{event['uri']}/invitees/{name}",
        "event": event["uri"],
        "name": "Zoë Guest",
        "email": "zoe@example.com",
        "status": "active",
        "rescheduled": False,
        "old_invitee": None,
        "new_invitee": None,
        "no_show": None,
        "created_at": event["created_at"],
        "updated_at": event["updated_at"],
        **changes,
    }


def form(name):
    """Return a routing form."""
    uri = f"{API}/routing_forms/{name}"
    return {"uri": uri, "organization": ORGANIZATION, "name": name, "created_at": "2026-01-01T00:00:00.000Z"}


def submission(form_uri, name):
    """Return a submission of a routing form."""
    uri = f"{API}/routing_form_submissions/{name}"
    return {"uri": uri, "routing_form": form_uri, "created_at": "2026-02-01T00:00:00.000Z"}


def organization(events, invitees=None):
    """Return an organization with these scheduled events, and one invitee for each unless others are given."""
    forms = [form("one"), form("two")]
    return {
        "users_me": user(),
        "organization_memberships": [
            {
                "uri": f"{API}/organization_memberships/ann",
                "role": "owner",
                "user": user(),
                "organization": ORGANIZATION,
                "created_at": "2026-01-01T00:00:00.000000Z",
            }
        ],
        "event_types": [{"uri": f"{API}/event_types/demo", "name": "Demo", "active": True}],
        "groups": [{"uri": f"{API}/groups/g", "organization": ORGANIZATION, "created_at": "2026-01-01T00:00:00Z"}],
        "routing_forms": forms,
        "routing_form_submissions": [submission(forms[0]["uri"], "s1"), submission(forms[1]["uri"], "s2")],
        "scheduled_events": events,
        "invitees": [invitee(event) for event in events] if invitees is None else invitees,
    }


def spread(count, *, first=-400, step=4):
    """Return an organization with events every few days, from so many days ago on."""
    return organization([scheduled_event(f"e{n}", NOW + timedelta(days=first + step * n)) for n in range(count)])
