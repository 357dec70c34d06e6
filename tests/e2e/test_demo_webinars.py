"""The demo company's webinars, by files and both APIs, come out as its generator counted them, in any order of loads.

The first warehouse gets its sources one by one, with builds in between and Zoom's files and API apart; the second gets
all at once, the other way round. The CRM tells whose link somebody signed up by who then came under another address.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from ingestion import demo
from ingestion.demo import bookings
from ingestion.demo.simulators import simulated
from ingestion.demo.webinars import Figures, Part, Webinar, next_of_its_kind, parts, truth
from ingestion.demo.world import END, World

BIN = Path(sys.executable).parent
SIZE, SEED = 80, 6
VARS = json.dumps({"as_of": f"{END:%Y-%m-%d}"})
MARTS = ("webinar_funnel", "bookings_fact", "webinar_registrations_fact", "webinar_funnel_by_period")


@dataclass(frozen=True)
class Built:
    """A warehouse with all marts about webinars in it."""

    path: Path

    def rows(self, query: str) -> list[tuple]:
        """What it answers."""
        with duckdb.connect(self.path, read_only=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def world() -> World:
    """A company that is not the one of the published pages."""
    return World(SIZE, SEED)


@pytest.fixture(scope="module")
def figures(world: World) -> dict[Webinar, Figures]:
    """What the generator counted."""
    return truth(world)


@pytest.fixture(scope="module")
def built(folder: Path, command: Callable[..., str]) -> dict[str, Built]:
    """Both warehouses."""
    demo.write_demo(folder / "demo", SIZE, SEED)
    files = {f"SOURCES__{name.upper()}__BUCKET_URL": folder / "demo" / name for name in ("crm", "zoom")}
    files |= {"SOURCES__ZOOM__TIMEZONE": "Europe/Berlin"}
    chosen = ("--select", "+marts.webinars", "+bookings_fact")

    def build(**own: object) -> None:
        command("dbt", "build", "--exclude-resource-type", "test", "unit_test", *chosen, "--vars", VARS, **own)

    seeds = {"THROUGHLINE_SEEDS": "ingestion/demo/seeds"}
    own = {name: seeds | {"THROUGHLINE_WAREHOUSE": folder / f"{name}.duckdb"} for name in ("steps", "once")}
    with simulated(folder / "demo") as apis:
        command("throughline", "load", "bigmarker", **own["steps"], **apis)
        command("throughline", "load", "zoom", **own["steps"], **apis)
        build(**own["steps"])
        command("throughline", "load", "zoom", "crm", **own["steps"], **files)
        command("throughline", "load", "calendly", **own["steps"], **apis)
        build(**own["steps"])
    # As `make run` does.
    load = ("throughline", "simulate", "--folder", folder / "demo", BIN / "throughline", "load")
    command(*load, "crm", "calendly", "zoom", "bigmarker", **own["once"], **files)
    build(**own["once"])
    return {name: Built(settings["THROUGHLINE_WAREHOUSE"]) for name, settings in own.items()}


@pytest.mark.parametrize("name", ["steps", "once"])
def test_the_funnel_is_the_generators_own(built, figures, name):
    """Every webinar, and nothing else, with what its people's own seconds say."""
    rows = built[name].rows(
        "select dim.platform, dim.platform_webinar_id, dim.start_date, dim.topic, dim.course, dim.language,"
        " dim.has_taken_place, dim.is_report_loaded, registered, attended, walk_ins, average_attended_minutes"
        " from marts.webinar_funnel inner join marts.webinars_dim as dim using (webinar_id)"
    )
    told = {row[:3]: row[3:] for row in rows}
    assert len(told) == len(rows)
    assert told == {
        (webinar.platform, webinar.platform_id, webinar.date): (
            webinar.title,
            webinar.course if webinar.is_in_catalogue else None,
            webinar.language if webinar.is_in_catalogue else None,
            not webinar.is_to_come,
            webinar.is_reported,
            counted.registered,
            counted.attended,
            counted.walk_ins,
            counted.average_attended_minutes and pytest.approx(counted.average_attended_minutes),
        )
        for webinar, counted in figures.items()
    }


def test_the_world_has_what_could_go_wrong(world, figures):
    """Otherwise the test above would not say much: each kind of webinar and of slip is in this small company."""
    everybody = [part for people in parts(world).values() for part in people]
    assert Counter(webinar.source for webinar in figures) == {"reports": 26, "api": 13, "bigmarker": 14}
    assert all(counted.registered for counted in figures.values())
    reported = [webinar for webinar in figures if webinar.is_reported]
    assert len(reported) == len(figures) - 3
    assert sum(figures[webinar].walk_ins > 0 for webinar in reported) > 10
    assert {part.registration.status for part in everybody if part.registration} == {
        "approved",
        "pending",
        "denied",
        "cancelled",
    }
    for corner in (
        lambda part: part.sign_up and part.registration,
        lambda part: part.sign_up and part.sign_up.moved_at,
        lambda part: part.is_invited and part.spans and not part.is_by_phone,
        lambda part: part.is_invited and part.registration,
        lambda part: part.email.lower() != part.contact.email,
        lambda part: part.sign_up and part.sign_up.canceled_at,
        lambda part: part.sign_up and not part.webinar.is_in_catalogue,
        lambda part: part.spans and not (part.sign_up or part.registration),
        lambda part: part.is_by_phone and part.webinar.source == "reports",
        lambda part: part.is_by_phone and part.webinar.source == "api",
        lambda part: part.waited and part.webinar.source == "api" and not part.spans,
        lambda part: part.webinar.pause and len(part.spans) > 1,
        lambda part: any(one.joined_at < other.joined_at < one.left_at for one in part.spans for other in part.spans),
        lambda part: len(part.spans) > 1 and part.spans[0].left_at < part.spans[1].joined_at,
    ):
        assert any(map(corner, everybody)), corner


@pytest.mark.parametrize("column", ["course", "language"])
def test_the_roll_ups_are_the_generators_own(built, figures, column):
    """People and webinars of each course and language, by the catalogue."""
    expected = defaultdict(lambda: [0] * 6)
    for webinar, counted in figures.items():
        if webinar.is_in_catalogue:
            is_held = webinar.is_reported
            figures_of = (
                1,
                is_held,
                counted.registered,
                counted.registered * is_held,
                counted.attended or 0,
                counted.walk_ins or 0,
            )
            label = getattr(webinar, column)
            expected[label] = [sum(pair) for pair in zip(expected[label], figures_of, strict=True)]
    told = built["once"].rows(
        f"select {column}_label, webinars, webinars_held, registered, registered_reported, attended, walk_ins,"
        f" attendance_rate from marts.webinar_funnel_by_{column}"
    )
    assert {label: figures for label, *figures, _ in told if label in expected} == expected
    assert {label: rate for label, *_, rate in told if label in expected} == {
        label: pytest.approx(attended / registered) for label, (_, _, _, registered, attended, _) in expected.items()
    }
    # And what is in no catalogue.
    assert len(told) == len(expected) + 1


def test_a_sign_up_is_held_if_its_person_came(built, world):
    """As Calendly's booking, once the platform has told; whoever dialled in came for nobody's sake."""
    there = {
        (part.webinar, part.contact.email)
        for people in parts(world).values()
        for part in people
        if part.spans and not part.is_by_phone
    }

    def status(part: Part) -> str:
        webinar = next_of_its_kind(part.webinar) if part.sign_up.moved_at else part.webinar
        if part.sign_up.canceled_at:
            return "canceled"
        if webinar.is_reported and webinar.is_in_catalogue:
            return "held" if (webinar, part.contact.email) in there else "no_show"
        return "scheduled" if webinar.is_to_come else "held"

    expected = Counter(
        (bookings.EVENT_TYPES[part.webinar.kind].name, part.sign_up.moved_at is not None, status(part))
        for people in parts(world).values()
        for part in people
        if part.sign_up
    )
    told = built["once"].rows(
        "select event_type_name, reschedule_count > 0, status, count(*) from marts.bookings_fact"
        " where event_type_name like '%(webinar in %' group by all"
    )
    assert {tuple(row): count for *row, count in told} == expected
    assert {status for *_, status in expected} == {"held", "no_show", "canceled", "scheduled"}


@pytest.mark.parametrize("mart", MARTS)
def test_the_order_of_loads_does_not_matter(built, mart):
    """The marts are the same, row by row."""
    query = f"select * from marts.{mart} order by all"
    rows = built["once"].rows(query)
    assert rows
    assert built["steps"].rows(query) == rows


def test_the_report_that_is_none_is_rejected(built):
    """One in the folder lists those who registered, and says nothing of who came."""
    rejected = built["once"].rows("select source_file, reason from raw_zoom.rejected_records")
    assert [(name.startswith("registration_"), "Registration" in reason) for name, reason in rejected] == [(True, True)]
