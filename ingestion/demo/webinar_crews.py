"""Who of Larkfield is at its webinars: platforms list them among those who came, and they must not count."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from ingestion.demo.bookings import HOSTS, Host
from ingestion.demo.webinars import Span, Webinar
from ingestion.demo.world import World

Role = Literal["host", "panelist", "attendee"]

HOST, PANELISTS = HOSTS[0], HOSTS[1:3]
# Each time the number of the webinar can be divided by it, a panelist watches as an attendee, too.
_WATCHED = 5


@dataclass(frozen=True)
class Member:
    """Somebody of Larkfield at a webinar, and as what the platform lists this presence."""

    host: Host
    role: Role
    spans: tuple[Span, ...]


def held(webinar: Webinar) -> tuple[Span, ...]:
    """Return from when to when a webinar was really held: once, or before and after it was ended by mistake."""
    whole = Span(
        webinar.session.starts_at - timedelta(minutes=3, seconds=11),
        webinar.session.ends_at + timedelta(minutes=8, seconds=20),
    )
    if not webinar.pause:
        return (whole,)
    ended_at, begun_at = webinar.pause
    return Span(whole.joined_at, ended_at), Span(begun_at, whole.left_at)


def crew(world: World, webinar: Webinar) -> Iterator[Member]:
    """Yield who of Larkfield is at a webinar; the seconds are those of the world, whatever its size."""
    rng = world.stream("crew", webinar.number)

    def there() -> tuple[Span, ...]:
        return tuple(
            Span(
                span.joined_at + timedelta(seconds=rng.randrange(60)),
                span.left_at - timedelta(seconds=rng.randrange(60)),
            )
            for span in held(webinar)
        )

    yield Member(HOST, "host", there())
    for panelist in PANELISTS:
        yield Member(panelist, "panelist", there())
    if webinar.number % _WATCHED == 0:
        yield Member(PANELISTS[0], "attendee", there())
