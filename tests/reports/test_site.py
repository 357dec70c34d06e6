"""The report site: how it is built, and what a reader of the demo's site meets in a browser."""

import fcntl
import json
import os
import re
import shutil
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from support import PROJECT_ROOT, require

from ingestion import site
from ingestion.errors import ThroughlineError

SITE = PROJECT_ROOT / "warehouse" / "demo.site"
PUBLISHED = PROJECT_ROOT / "warehouse" / "demo.published.duckdb"
SOURCES = PROJECT_ROOT / "reports" / "sources" / "warehouse"
PAGES = (
    "/",
    "/booking-trends/",
    "/cost-per-booking/",
    "/channels/",
    "/booking-times/",
    "/team-load/",
    "/attribution/",
    "/webinars/",
    "/revenue/",
    "/leads/",
    "/journeys/",
    "/data-health/",
)
DESK, PHONE = (1280, 900), (390, 844)

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)*\.[a-zA-Z]{2,}")
PERSONAL = re.compile(r"e?mail|contact|person|invitee|phone|(first|last|full|host|customer)_?name")


# --- how it is built, with commands that stand in for Evidence's --------------------------------------------------

WRITE_SITE = "import pathlib; b = pathlib.Path('build'); b.mkdir(); (b / 'index.html').write_text('new')"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A file in the place of a published copy."""
    path = tmp_path / "warehouse" / "x.published.duckdb"
    path.parent.mkdir()
    path.touch()
    return path


@pytest.fixture
def in_place(tmp_path: Path) -> Path:
    """A site that was built before."""
    folder = tmp_path / "warehouse" / "x.site"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("old")
    (folder / "gone.html").touch()
    return folder


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Replaces the steps of the build by Python scripts; returns the reports folder in which they run."""
    reports = tmp_path / "reports"
    (reports / "node_modules").mkdir(parents=True)

    def replace(*scripts: str) -> Path:
        monkeypatch.setattr(site, "REPORTS", reports)
        monkeypatch.setattr(site, "STEPS", tuple((sys.executable, "-c", script) for script in scripts))
        return reports

    return replace


def contents(folder: Path) -> dict[str, str]:
    """The text of each file in a folder."""
    return {path.name: path.read_text() for path in folder.iterdir()}


def visible(folder: Path) -> set[str]:
    """What a person sees in a folder; the builds that a site links to are hidden."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_a_build_takes_the_place_of_the_site(published: Path, in_place: Path, steps: Callable[..., Path]) -> None:
    """The old site goes as a whole, with files that the new one lacks, and nothing is left beside it."""
    steps("pass", WRITE_SITE)
    site.build_site(published, in_place)
    assert contents(in_place) == {"index.html": "new"}
    assert visible(in_place.parent) == {published.name, in_place.name}


def test_a_first_build_makes_the_folder(published: Path, tmp_path: Path, steps: Callable[..., Path]) -> None:
    """Neither a site nor its parent folder has to be there."""
    steps("pass", WRITE_SITE)
    site.build_site(published, tmp_path / "elsewhere" / "x.site")
    assert contents(tmp_path / "elsewhere" / "x.site") == {"index.html": "new"}


@pytest.mark.parametrize(
    ("scripts", "sentence"),
    [
        (("raise SystemExit(3)", WRITE_SITE), "exit code 3"),
        (("pass", WRITE_SITE + "; raise SystemExit(4)"), "exit code 4"),
        (
            ("print('  spend ✖ Error: Binder Error: no such column'); raise SystemExit(1)", WRITE_SITE),
            "source query spend",
        ),
        (
            ("pass", WRITE_SITE + r"; print('\x1b[31mtop | Error in Query! Catalog Error: no table\x1b[0m')"),
            "page query top",
        ),
        (
            ("pass", WRITE_SITE + "; import sys; print('top | Error in Query! no table', file=sys.stderr)"),
            "page query top",
        ),
        (("pass", "print('[ERROR]:  Internal Error | /roi { status: 500 }'); raise SystemExit(1)"), "page /roi"),
        (("pass", "pass"), "holds no index.html"),
    ],
    ids=[
        "sources fail",
        "build fails",
        "source query fails",
        "page query fails",
        "on standard error",
        "page fails",
        "no page",
    ],
)
def test_a_build_that_fails_leaves_the_site_in_place(
    scripts: tuple[str, str], sentence: str, published: Path, in_place: Path, steps: Callable[..., Path]
) -> None:
    """Evidence ends with 0 after a page query's error, so its words count as much as its exit code."""
    steps(*scripts)
    before = contents(in_place)
    with pytest.raises(ThroughlineError, match=sentence):
        site.build_site(published, in_place)
    assert contents(in_place) == before
    assert visible(in_place.parent) == {published.name, in_place.name}


def test_nothing_of_an_earlier_build_is_shipped(published: Path, in_place: Path, steps: Callable[..., Path]) -> None:
    """Tables of another warehouse would otherwise travel in what Evidence keeps between builds."""
    reports = steps("pass", WRITE_SITE)
    for stale in (".evidence/template/static/data/secret.parquet", "build/data/secret.parquet"):
        (reports / stale).parent.mkdir(parents=True)
        (reports / stale).touch()
    site.build_site(published, in_place)
    assert contents(in_place) == {"index.html": "new"}
    assert not list(reports.rglob("secret.parquet"))


def test_the_build_reads_the_published_copy_and_reports_to_nobody(
    published: Path, in_place: Path, steps: Callable[..., Path]
) -> None:
    """The connector takes its path from the folder of the source, and telemetry is on unless switched off."""
    published.write_text("what was published")
    script = """
import json, os
os.chdir('sources/warehouse')
read = open(os.environ['EVIDENCE_SOURCE__warehouse__filename']).read()
json.dump([read, os.environ['SEND_ANONYMOUS_USAGE_STATS']], open('told.json', 'w'))
"""
    folder = steps(script, WRITE_SITE) / "sources" / "warehouse"
    folder.mkdir(parents=True)
    site.build_site(published, in_place)
    assert json.loads((folder / "told.json").read_text()) == ["what was published", "no"]


def test_the_output_is_shown_while_the_build_runs(
    published: Path, in_place: Path, steps: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """Both streams arrive, so that a failure can be understood."""
    steps("import sys; print('to out'); print('to err', file=sys.stderr)", WRITE_SITE)
    site.build_site(published, in_place)
    assert {"to out", "to err"} <= set(capfd.readouterr().out.splitlines())


def test_without_a_published_copy_the_remedy_is_named(tmp_path: Path, steps: Callable[..., Path]) -> None:
    """Nobody should have to know how the copy comes about."""
    steps("pass", WRITE_SITE)
    with pytest.raises(ThroughlineError, match=r"x\.published\.duckdb .*`throughline publish`"):
        site.build_site(tmp_path / "x.published.duckdb", tmp_path / "x.site")


def test_without_packages_the_remedy_is_named(published: Path, in_place: Path, steps: Callable[..., Path]) -> None:
    """As after a fresh clone."""
    (steps("pass", WRITE_SITE) / "node_modules").rmdir()
    with pytest.raises(ThroughlineError, match="`make setup`"):
        site.build_site(published, in_place)


def test_two_builds_cannot_run_at_once(published: Path, in_place: Path, steps: Callable[..., Path]) -> None:
    """Builds share one folder; the second is refused, and allowed once the first has ended."""
    handle = os.open(steps("pass", WRITE_SITE), os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(ThroughlineError, match="Another build"):
            site.build_site(published, in_place)
    finally:
        os.close(handle)
    site.build_site(published, in_place)
    assert contents(in_place) == {"index.html": "new"}


def test_a_folder_without_a_site_is_not_served(tmp_path: Path) -> None:
    """A missing site is a sentence, not an empty page."""
    with pytest.raises(ThroughlineError, match="`throughline site`"):
        site.serve_site(tmp_path)


# --- what a reader meets ------------------------------------------------------------------------------------------


def serve(folder: Path) -> Iterator[str]:
    """Serves a site on a free port of this machine, and yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(site.site_app(folder), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def built() -> Path:
    """The demo's site."""
    require((SITE / "index.html").is_file() and PUBLISHED.is_file(), "the demo site: run make run")
    return SITE


@pytest.fixture(scope="module")
def address(built: Path) -> Iterator[str]:
    """Where the demo's site is served."""
    yield from serve(built)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        path = path or playwright.chromium.executable_path
        require(Path(path).exists(), "Chromium")
        # Chromium refuses to run as root inside its sandbox.
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield running
        running.close()


def watched(context: BrowserContext) -> Page:
    """A new page that notes its errors and what it asks for."""
    page = context.new_page()
    page.errors, page.asked = [], []
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    return page


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of this test's own."""
    width, height = getattr(request, "param", DESK)
    context = browser.new_context(viewport={"width": width, "height": height})
    yield watched(context)
    context.close()


@pytest.fixture(scope="module")
def opened(browser: Browser, address: str) -> Iterator[Callable[[str], Page]]:
    """A function that opens a page of the site, once for all tests that only read it: each takes seconds to open."""
    context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]})
    pages: dict[str, Page] = {}

    def open_once(path: str) -> Page:
        if path not in pages:
            pages[path] = watched(context)
            open_page(pages[path], address, path)
        return pages[path]

    yield open_once
    context.close()


def open_page(page: Page, address: str, path: str) -> str:
    """Opens a page of the site, waits until it stands still, and returns the sentence that answers its question."""
    page.goto(address + path, wait_until="networkidle")
    return answer(page)


def answer(page: Page) -> str:
    """The sentence that answers the question of an open page."""
    return " ".join(page.locator("#answer").inner_text().split())


def says(page: Page, sentence: str) -> None:
    """Waits until the page's answer is this sentence."""
    page.wait_for_function(
        "sentence => document.querySelector('#answer').innerText.split(/\\s+/).join(' ').trim() === sentence",
        arg=sentence,
    )


def query(sql: str, *values: object) -> list[dict[str, Any]]:
    """Rows of the published copy."""
    with duckdb.connect(PUBLISHED, read_only=True) as connection:
        cursor = connection.execute(sql, list(values))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def short(amount: Decimal) -> str:
    """An amount as the site's sentences show it."""
    if amount >= 999950:
        return f"{float(amount) / 1e6:,.1f}M"
    return f"{float(amount) / 1e3:,.1f}k" if amount >= 1000 else f"{amount:,.0f}"


def expected_answers() -> dict[str, str]:
    """By the label of a model: the beginning of the sentence that the warehouse's figures make."""
    rows = query("""
        select attribution_model_label, channel_label, channel_pipeline.attributed_amount, share_of_pipeline,
            pipeline_amount, reporting_currency
        from marts.channel_pipeline
        inner join marts.attribution_models_dim using (attribution_model, attribution_model_label)
        cross join marts.pipeline_summary
        cross join marts.report_settings
        where rank_by_attributed_amount = 1
        order by sort_order
    """)
    return {
        row["attribution_model_label"]: (
            f"{row['channel_label']} sourced the most pipeline under {row['attribution_model_label'].lower()}: "
            f"{short(row['attributed_amount'])} {row['reporting_currency']} "
            f"of {short(row['pipeline_amount'])} {row['reporting_currency']} ({row['share_of_pipeline']:.1%})."
        )
        for row in rows
    }


# By page: how many colours, greys apart, each of its charts must show at least, in their order.
CHARTS = {
    "/attribution/": [4, 4],
    "/booking-trends/": [1, 4, 1, 1],
    "/cost-per-booking/": [4, 3],
    "/booking-times/": [1, 1],
    "/team-load/": [4, 4],
    "/webinars/": [3, 2, 1],
    # The month that is not over has a colour of its own.
    "/revenue/": [2, 1, 1, 1],
    "/leads/": [1, 3],
    "/journeys/": [1, 4],
    "/data-health/": [3],
}


def assert_charts_are_drawn(page: Page, colours: list[int]) -> None:
    """A canvas may be there and blank, or hold nothing but its labels, its grid and its axes, which are grey."""
    page.wait_for_function(f"document.querySelectorAll('canvas').length === {len(colours)}")
    for canvas, least in zip(page.locator("canvas").all(), colours, strict=True):
        # Bars grow and lines are drawn for a second after they appear.
        for _ in range(30):
            shown = canvas.evaluate("""canvas => {
                const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                const counts = new Map();
                for (let i = 0; i < data.length; i += 4) {
                    if (data[i + 3] < 128) continue;
                    const parts = [...data.slice(i, i + 3)];
                    if (Math.max(...parts) - Math.min(...parts) < 64) continue;
                    // The edge of a line is a little off its colour.
                    const colour = parts.map((part) => Math.round(part / 32)).join();
                    counts.set(colour, (counts.get(colour) ?? 0) + 1);
                }
                return [...counts.values()].filter((count) => count > 50).length;
            }""")
            if shown >= least:
                break
            page.wait_for_timeout(100)
        assert shown >= least


def assert_is_whole(page: Page, address: str, path: str) -> None:
    """It says what the marts say, and its charts are drawn; nobody else is asked, and nothing scrolls sideways."""
    if path in SENTENCES:
        assert answer(page) == SENTENCES[path]()
    if path in CHARTS:
        assert_charts_are_drawn(page, CHARTS[path])
    assert page.errors == []
    assert page.asked
    assert {url for url in page.asked if not url.startswith((address + "/", "data:", "blob:"))} == set()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
    assert not EMAIL.search(page.locator("body").inner_text())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_whole_from_this_machine_alone(opened: Callable[[str], Page], address: str, path: str) -> None:
    """As a reader at a desk sees it."""
    assert_is_whole(opened(path), address, path)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("page", [PHONE], ids=["phone"], indirect=True)
def test_a_page_is_as_whole_on_a_phone(page: Page, address: str, path: str) -> None:
    """On a narrow screen nothing is cut off, and nothing is asked of others either."""
    open_page(page, address, path)
    assert_is_whole(page, address, path)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_the_instant_of_its_data(built: Path, path: str) -> None:
    """In the page as it is sent, so that nobody takes the figures of a week ago for today's."""
    (settings,) = query("select as_of, built_at from marts.report_settings")
    line = f"Figures as of {settings['as_of']:%Y-%m-%d %H:%M} UTC; built {settings['built_at']:%Y-%m-%d %H:%M} UTC."
    assert (built / path.strip("/") / "index.html").read_text().count(line) == 1


def test_the_home_page_gives_the_answer_of_the_first_model(opened: Callable[[str], Page]) -> None:
    """The headline is the mart's, figure by figure."""
    assert answer(opened("/")) == next(iter(expected_answers().values()))


def test_the_model_switch_changes_the_answer_to_that_of_the_warehouse(page: Page, address: str) -> None:
    """Each model has its own sentence and its own table, and the page opens with the first model's."""
    unattributed = query("select unattributed_share from marts.pipeline_summary")[0]["unattributed_share"]
    first = open_page(page, address, "/attribution/")
    seen = []
    for label, sentence in expected_answers().items():
        page.get_by_role("group").get_by_role("button", name=label, exact=True).click()
        page.wait_for_function(
            "label => document.querySelector('#answer').innerText.toLowerCase().includes(`under ${label}`)",
            arg=label.lower(),
        )
        seen.append(answer(page))
        assert seen[-1] == f"{sentence} {unattributed:.1%} of the pipeline could not be attributed."
        amounts = query(
            f"select attributed_amount from marts.channel_pipeline where attribution_model_label = '{label}'"
        )
        rows = page.get_by_role("table").filter(visible=True).first.inner_text()
        assert {f"{row['attributed_amount']:,.0f}" for row in amounts} <= set(rows.split())
    assert first == seen[0]
    assert len(set(seen)) == len(seen) > 1
    assert page.errors == []


def cost(amount: Decimal) -> str:
    """A cost as the site shows it: what costs little keeps its cents."""
    return f"{amount:,.2f}" if amount < 100 else f"{amount:,.0f}"


def sentences_on_trends() -> dict[str, str]:
    """By the label of a kind of period: what is to be said of the newest one that is over."""
    rows = query("""
        select period_kind, period_start_date, bookings, previous_bookings,
            (select max(bookings_cumulative) from marts.booking_trends) as all_bookings,
            (select min(booked_date) from marts.booking_trends) as first_date
        from marts.booking_trends_by_period
        where not is_partial_period
        qualify row_number() over (partition by period_kind order by period_start_date desc) = 1
    """)
    sentences = {}
    for row in rows:
        start, before, bookings = row["period_start_date"], row["previous_bookings"], row["bookings"]
        period = {
            "day": f"on {start.day} {start:%B %Y}",
            "week": f"in the week of {start.day} {start:%B %Y}",
            "month": f"in {start:%B %Y}",
        }[row["period_kind"]]
        change = (bookings - before) / before if before else None
        moved = "came" if change is None else "rose" if change > 0 else "fell" if change < 0 else "held steady"
        against = ""
        if change is not None:
            against = f", {change:+.1%}" if change else ", 0.0%"
            against += f" against the {row['period_kind']} before"
        sentences[row["period_kind"].capitalize()] = (
            f"Bookings {moved} {period}: {bookings:,} calls were booked{against}. "
            f"In all, {row['all_bookings']:,} were booked since {row['first_date'].day} {row['first_date']:%B %Y}."
        )
    return sentences


def sentence_on_cost() -> str:
    """What is to be said of the cost of a booking."""
    (row,) = query("select * from marts.booking_cost_summary cross join marts.report_settings")
    currency = row["reporting_currency"]
    return (
        f"A booked meeting costs {cost(row['cost_per_booking'])} {currency} on average. "
        f"The cheapest channel is {row['best_channel_label']} at {cost(row['best_cost_per_booking'])} {currency}, "
        f"the dearest {row['dearest_channel_label']} at {cost(row['dearest_cost_per_booking'])} {currency}."
    )


def sentence_on_channels() -> str:
    """What is to be said of the most cost-effective channel and campaign."""
    (channel,) = query("select * from marts.channel_costs where cost_per_booking > 0 order by cost_per_booking limit 1")
    (campaign,) = query(
        "select * from marts.channel_attribution where cost_per_booking > 0 order by cost_per_booking limit 1"
    )
    (settings,) = query("select reporting_currency from marts.report_settings")
    currency = settings["reporting_currency"]
    return (
        f"{channel['channel_label']} is the most cost-effective channel: "
        f"{cost(channel['cost_per_booking'])} {currency} per booking, {channel['bookings']:,} bookings, "
        f"of which {channel['held_rate']:.1%} were held. "
        f"The cheapest campaign is {campaign['campaign']} of {campaign['channel_label']} "
        f"at {cost(campaign['cost_per_booking'])} {currency}."
    )


def sentences_on_times() -> dict[str, str]:
    """By the label of a basis: what is to be said of its fullest slots, counted from the slots of each channel."""
    sentences = {}
    for basis, label, beginning in (("booked", "Booking", "People book"), ("meeting", "Meeting", "Meetings start")):
        slots = f"from marts.booking_volume_by_time_slot where basis = '{basis}'"
        share = f"sum(bookings) / (select sum(bookings) {slots}) as share"
        (day,) = query(f"select day_name, {share} {slots} group by all order by share desc limit 1")
        (hour,) = query(f"select hour_of_day, {share} {slots} group by all order by share desc limit 1")
        (slot,) = query(
            f"select day_name, iso_day_of_week, hour_of_day, sum(bookings) as bookings {slots} group by all "
            "order by bookings desc, iso_day_of_week, hour_of_day limit 1"
        )
        sentences[label] = (
            f"{beginning} most on {day['day_name']} ({day['share']:.1%}) and in the hour from "
            f"{hour['hour_of_day']:02}:00 ({hour['share']:.1%}); of all hours of the week, {slot['day_name']} "
            f"from {slot['hour_of_day']:02}:00 has the most, {slot['bookings']:,}."
        )
    return sentences


def sentence_on_load() -> str:
    """What is to be said of the hosts' load."""
    rows = query("select * from marts.host_load_summary order by share_of_mean desc, host_label")

    def listed(flag: str) -> str:
        *others, last = [row["host_label"] for row in rows if row[flag]] or [""]
        return f"{', '.join(others)}{',' if len(others) > 1 else ''} and {last}" if others else last

    overloaded, idle = listed("is_overloaded"), listed("is_idle")
    return (
        f"{rows[0]['host_label']} carries the most: {rows[0]['meetings_per_week']:,.1f} meetings a week, "
        f"{rows[0]['share_of_mean']:.1%} of the hosts' mean. "
        f"{f'Overloaded: {overloaded}' if overloaded else 'Nobody is overloaded'}. "
        f"{f'Idle: {idle}' if idle else 'Nobody is idle'}."
    )


def counted(number: int, noun: str) -> str:
    """A number of things in words."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def sentence_on_webinars(period: str = "last_12_months", course: str | None = None, language: str | None = None) -> str:
    """What is to be said of webinars in a period, counted from one person at a time."""
    (settings,) = query("select reporting_timezone, as_of::date as as_of from marts.report_settings")
    assert settings["reporting_timezone"] == "UTC"
    month = f"date '{period}-01'"
    within, phrase = {
        "all_time": ("true", "in all"),
        "last_12_months": (f"start_date > date '{settings['as_of']}' - interval 12 month", "in the last 12 months"),
        "last_90_days": (f"start_date > date '{settings['as_of']}' - interval 90 day", "in the last 90 days"),
    }.get(period, (f"date_trunc('month', start_date) = {month}", ""))
    if period.startswith("last"):
        within += f" and start_date <= date '{settings['as_of']}'"
    (row,) = query(
        f"""
        with chosen as (
            select * from marts.webinars_dim
            where {within} and coalesce(course_label = ?, true) and coalesce(language_label = ?, true)
        )
        select
            (select count(*) from chosen) as webinars,
            count(*) filter (where is_registered) as registered,
            count(*) filter (where is_registered and is_report_loaded) as reported,
            count(*) filter (where is_registered and is_attended) as attended,
            avg(attended_minutes) filter (where is_attended) as minutes
        from chosen inner join marts.webinar_registrations_fact as people using (webinar_id)
    """,
        course,
        language,
    )
    if not row["registered"]:
        return f"Nobody signed up {phrase}."
    begin = f"{counted(row['registered'], 'sign-up')} for {counted(row['webinars'], 'webinar')} {phrase}."
    if not row["reported"]:
        return f"{begin} How many came is not known yet."
    return (
        f"{begin} Of those whose webinar's attendance is known, {row['attended'] / row['reported']:.1%} came; whoever "
        f"came stayed {row['minutes']:,.0f} minutes on average."
    )


def whole(amount: Decimal) -> str:
    """An amount as the site's tables show it."""
    return f"{amount.quantize(Decimal(1), ROUND_HALF_UP):,}"


def dated(date: Any) -> str:
    """A date in words."""
    return f"{date.day} {date:%B %Y}"


def transactions_of(choice: dict[str, Any]) -> str:
    """A query of the transactions of a choice of currency, a row of revenue_summary, with what each is worth there."""
    if choice["is_total"]:
        return "select *, amount_in_reporting_currency as paid from marts.transactions_fact"
    return f"select *, amount as paid from marts.transactions_fact where currency = '{choice['currency']}'"


def sentence_on_revenue(choice: dict[str, Any] | None = None) -> str:
    """What is to be said of revenue in a choice of currency, at first all of it, counted from each transaction."""
    choice = choice or query("select * from marts.revenue_summary where is_total")[0]
    (row,) = query(f"""
        with span as (
            select date_trunc('month', least(max(transaction_date), any_value(as_of)::date) + 1)::date as open_month
            from marts.transactions_fact cross join marts.report_settings
        ),
        aged as (
            select *, datediff('month', transaction_date, open_month) as age
            from ({transactions_of(choice)}) cross join span
        )
        select
            any_value(open_month - interval 6 month) as six_months_start,
            any_value(open_month - interval 1 month) as newest_month,
            min(transaction_date) as first_date,
            sum(paid) filter (where age between 1 and 6) as revenue,
            sum(paid) filter (where age between 7 and 12) as revenue_before,
            count(distinct coalesce(customer_id_as_written, 'unknown')) filter (where age between 1 and 6) as customers,
            sum(paid) filter (where age = 1) as newest_revenue,
            sum(paid) filter (where age = 2) as previous_revenue
        from aged
    """)
    products = "product_sales_total" if choice["is_total"] else "product_sales"
    (product,) = query(f"""
        select product, sales from marts.{products}
        where is_matched {"" if choice["is_total"] else f"and currency = '{choice['currency']}'"}
        order by sales desc limit 1
    """)
    currency, start, newest = choice["currency"], row["six_months_start"], row["newest_month"]
    return (
        f"Subscriptions brought in {short(row['revenue'])} {currency} "
        f"from {start:{'%B' if start.year == newest.year else '%B %Y'}} to {newest:%B %Y}, "
        f"{row['revenue'] / row['revenue_before'] - 1:+.1%} against the six months before: on average "
        f"{cost(row['revenue'] / row['customers'])} {currency} from each of {row['customers']:,} customers. "
        f"{newest:%B %Y} brought {short(row['newest_revenue'])} {currency}, "
        f"{row['newest_revenue'] / row['previous_revenue'] - 1:+.1%} against the month before. "
        f"Of all products, {product['product']} sold most: {short(product['sales'])} {currency} "
        f"since {dated(row['first_date'])}."
    )


def share(rate: float) -> str:
    """A share as the site shows it: what rounds to nothing is still not nothing."""
    rounded = (Decimal(rate) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return "0%" if rate == 0 else "<0.1%" if rate < 0.0005 else ">99.9%" if 0.9995 <= rate < 1 else f"{rounded}%"


# What a lead brings, more than once if need be.
NUMBERS = ("bookings", "held", "opportunities", "customers")


def funnels(basis: str, within: str = "true") -> dict[str, dict[str, Any]]:
    """What became of leads, by the label of a channel, added up from its campaigns and months."""
    steps = ("leads", "booked_leads", "held_leads", "held_leads_with_opportunity", "opportunity_leads_paying")
    counts = ("opportunity_leads", *NUMBERS, *(f"{name}_with_spend" for name in ("leads", *NUMBERS)))
    rows = query(
        f"""
        select
            coalesce(channel_label, 'All channels') as channel,
            {", ".join(f"sum({name})::bigint as {name}" for name in (*steps, *counts))},
            sum(pipeline_amount) as pipeline_amount,
            sum(revenue) as revenue,
            sum(spend) as spend,
            min(month_start_date) filter (where leads > 0 or basis = 'activity') as first_month,
            max(month_start_date) filter (where leads > 0 or basis = 'activity') as last_month
        from marts.lead_funnel
        where basis = ? and ({within})
        group by rollup (channel_label)
    """,
        basis,
    )
    for row in rows:
        row["cost"] = (
            row["spend"] / row["customers_with_spend"] if row["spend"] and row["customers_with_spend"] else None
        )
    return {row["channel"]: row for row in rows}


def sentence_on_leads(basis: str = "cohort", within: str = "is_mature", channel: str = "All channels") -> str:
    """What is to be said of a channel's leads, first seen at a time or of all that happened then."""
    (settings,) = query("select reporting_currency from marts.report_settings")
    currency, channels = settings["reporting_currency"], funnels(basis, within)
    row, of = channels[channel], "" if channel == "All channels" else f" of {channel}"
    first, last = f"{row['first_month']:%B %Y}", f"{row['last_month']:%B %Y}"
    span = f"in {first}" if first == last else f"from {first} to {last}"
    if basis == "cohort":
        sentence = (
            f"Of the {counted(row['leads'], 'lead')}{of} first seen {span}, "
            f"{share(row['booked_leads'] / row['leads'])} booked a meeting, "
            f"{share(row['held_leads'] / row['booked_leads'])} of those had one that was held, and "
            f"{share(row['held_leads_with_opportunity'] / row['held_leads'])} of those led to an opportunity. "
            f"{share(row['opportunity_leads_paying'] / row['opportunity_leads'])} of the leads with an opportunity pay."
        )
    else:
        sentence = (
            f"{counted(row['leads'], 'lead')}, {counted(row['bookings'], 'booking')}, "
            f"{counted(row['held'], 'held meeting')}, {row['opportunities']:,} opportunities and "
            f"{counted(row['customers'], 'new customer')}{of} came {span}, "
            f"and customers brought in {short(row['revenue'])} {currency}."
        )
    if not row["cost"]:
        return sentence
    customers = row["customers_with_spend"]
    who = "The one paying customer" if customers == 1 else f"Each of the {customers:,} paying customers"
    days = "channels and days" if channel == "All channels" else "days"
    sentence += f" {who} of {days} with known spend cost {cost(row['cost'])} {currency}"
    if channel == "All channels":
        priced = {label: found["cost"] for label, found in channels.items() if label != channel and found["cost"]}
        cheapest = min(priced, key=priced.__getitem__)
        sentence += f", least through {cheapest}: {cost(priced[cheapest])} {currency}"
    return f"{sentence}."


def sentence_on_journeys() -> str:
    """What is to be said of what came before opportunities."""
    (row,) = query("""
        select count(*) as opportunities, median(path_length) filter (where path_length > 0) as length,
            median(days_to_opportunity) as days
        from marts.opportunity_paths
    """)
    (top,) = query("""
        select first_channel_label as channel, count(*) as opportunities from marts.opportunity_paths
        where path_length > 0 group by all order by opportunities desc limit 1
    """)
    length = f"{row['length']:,.0f}" if row["length"] % 1 == 0 else f"{row['length']:,.1f}"
    return (
        f"In the median an opportunity comes after {length} touches, bookings or webinars, and "
        f"{row['days']:,.1f} days after the first of them. More opportunities began with {top['channel']} than with "
        f"any other channel: {top['opportunities']:,} of {row['opportunities']:,} "
        f"({share(top['opportunities'] / row['opportunities'])})."
    )


# By the page: what it opens with, and what the home page says of it.
SENTENCES: dict[str, Callable[[], str]] = {
    "/booking-trends/": lambda: sentences_on_trends()["Month"],
    "/cost-per-booking/": sentence_on_cost,
    "/channels/": sentence_on_channels,
    "/booking-times/": lambda: sentences_on_times()["Booking"],
    "/team-load/": sentence_on_load,
    "/webinars/": sentence_on_webinars,
    "/revenue/": sentence_on_revenue,
    "/leads/": sentence_on_leads,
    "/journeys/": sentence_on_journeys,
}


def test_the_home_page_gives_the_answers_of_the_others_and_leads_to_them(page: Page, address: str) -> None:
    """It says what the marts say, and so does the page behind each of its links."""
    open_page(page, address, "/")
    for path, sentence in SENTENCES.items():
        name, said = path.strip("/"), sentence()
        assert " ".join(page.locator(f"#{name}").inner_text().split()) == said
        page.locator("main").get_by_role("link", name="See ").filter(
            has=page.locator(f"xpath=self::*[@href='/{name}']")
        ).click()
        page.wait_for_url(re.compile(f"/{name}/?$"))
        page.wait_for_function(
            "said => document.querySelector('#answer')?.innerText.trim().split(/\\s+/).join(' ') === said", arg=said
        )
        page.go_back()
        page.locator(f"#{name}").wait_for()
    assert page.errors == []


@pytest.mark.parametrize(
    ("path", "sentences"),
    [("/booking-trends/", sentences_on_trends), ("/booking-times/", sentences_on_times)],
    ids=["booking trends", "booking times"],
)
def test_a_switch_changes_the_answer_to_that_of_the_warehouse(
    page: Page, address: str, path: str, sentences: Callable[[], dict[str, str]]
) -> None:
    """Each choice has a sentence of its own, and choosing it again brings the first one back."""
    first = open_page(page, address, path)
    expected = sentences()
    assert len(set(expected.values())) == len(expected) > 1
    for label in [*expected, *expected]:
        page.get_by_role("group").get_by_role("button", name=label, exact=True).click()
        says(page, expected[label])
    assert first in expected.values()
    assert page.errors == []


def heat_map(page: Page) -> list[list[str]]:
    """The rows of a page's heat map with their labels, its header first."""
    rows = page.locator("table:has(caption)").get_by_role("row").all()
    return [[" ".join(cell.split()) for cell in row.locator("th, td").all_inner_texts()] for row in rows]


def test_the_map_of_costs_is_that_of_the_warehouse(opened: Callable[[str], Page]) -> None:
    """A cost where there is one, its reason where there is none, and nothing where a channel has no such campaign."""
    page = opened("/channels/")
    (_, *channels), *rows = heat_map(page)
    shown = {
        (campaign, channel): text
        for campaign, *texts in rows
        for channel, text in zip(channels, texts, strict=True)
        if text
    }
    costs = query("""
        select campaign, channel_attribution.channel_label, channel_attribution.cost_per_booking,
            is_cost_by_channel_only
        from marts.channel_attribution
        inner join marts.channel_costs using (channel)
        where first_spend_date is not null
    """)
    assert {row["is_cost_by_channel_only"] for row in costs} == {True, False}
    assert {key: text for key, text in shown.items() if text[0].isdigit()} == {
        (row["campaign"], row["channel_label"]): cost(row["cost_per_booking"])
        for row in costs
        if row["cost_per_booking"] is not None
    }
    assert {key for key, text in shown.items() if text == "by channel"} == {
        (row["campaign"], row["channel_label"]) for row in costs if row["is_cost_by_channel_only"]
    }
    assert set(shown) == {(row["campaign"], row["channel_label"]) for row in costs}


@pytest.mark.parametrize(("basis", "label"), [("booked", "Booking"), ("meeting", "Meeting")])
def test_the_map_of_hours_is_that_of_the_warehouse(page: Page, address: str, basis: str, label: str) -> None:
    """Monday comes first, each hour of the week has its figure, and the page says whose hours they are."""
    open_page(page, address, "/booking-times/")
    page.get_by_role("group").get_by_role("button", name=label, exact=True).click()
    page.wait_for_function(
        "start => document.querySelector('table caption').innerText.startsWith(start)",
        arg=f"{label}s by hour",
    )
    (_, *days), *rows = heat_map(page)
    assert days == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    bookings = {
        (row["hour_of_day"], row["iso_day_of_week"]): f"{row['bookings']:,}"
        for row in query(f"""
            select hour_of_day, iso_day_of_week, cast(sum(bookings) as bigint) as bookings
            from marts.booking_volume_by_time_slot
            where basis = '{basis}'
            group by all
        """)
    }
    assert rows == [[f"{hour:02}:00", *(bookings.get((hour, day), "0") for day in range(1, 8))] for hour in range(24)]
    zone = query("select reporting_timezone from marts.report_settings")[0]["reporting_timezone"]
    assert zone in page.locator("#zone").inner_text()


def cells(page: Page, heading: str) -> dict[str, dict[str, str]]:
    """The table under a heading: by the first cell of a row, its cells by the titles of their columns."""
    # A table is there twice, the second time for the whole screen.
    table = (
        page.locator(f'xpath=//*[self::h2 or self::h3][normalize-space()="{heading}"]/following::table')
        .filter(visible=True)
        .first
    )
    table.wait_for()
    texts = [row.locator("th, td").all_inner_texts() for row in table.get_by_role("row").all()]
    # An empty row above the titles holds their groups.
    titles, *rows = [row for row in texts if any(row)]
    titles = [" ".join(title.split()) for title in titles]
    return {row[0].strip(): dict(zip(titles, map(str.strip, row), strict=True)) for row in rows}


def test_a_cost_that_is_not_known_is_a_dash_and_not_zero(opened: Callable[[str], Page]) -> None:
    """Every channel is in the table, also those that nobody paid for."""
    page = opened("/cost-per-booking/")
    currency = query("select reporting_currency from marts.report_settings")[0]["reporting_currency"]
    shown = cells(page, "Every channel")
    channels = query("select * from marts.channel_costs")
    assert {row["cost_per_booking"] is None for row in channels} == {True, False}
    assert {label: row[f"Cost per booking ({currency})"] for label, row in shown.items()} == {
        row["channel_label"]: "-" if row["cost_per_booking"] is None else cost(row["cost_per_booking"])
        for row in channels
    }
    assert {label: row["Bookings"] for label, row in shown.items()} == {
        row["channel_label"]: f"{row['bookings']:,}" for row in channels
    }


def test_each_host_is_flagged_as_in_the_warehouse(page: Page, address: str) -> None:
    """Hosts have a label and no more, and the load is a word beside its figure."""
    open_page(page, address, "/team-load/")
    hosts = query("select * from marts.host_load_summary")
    assert {label: (row["Load"], row["Of the mean"]) for label, row in cells(page, "Every host").items()} == {
        row["host_label"]: (
            "Overloaded" if row["is_overloaded"] else "Idle" if row["is_idle"] else "Even",
            f"{row['share_of_mean']:.1%}",
        )
        for row in hosts
    }
    for label in ("52", "All", "13"):
        page.get_by_role("group").get_by_role("button", name=label, exact=True).click()
    assert page.errors == []


def test_filters_of_webinars_work_together(page: Page, address: str) -> None:
    """Each changes the sentence, the funnel and the tables to what the warehouse counts; nothing found is said so."""
    open_page(page, address, "/webinars/")
    (webinar,) = query("select * from marts.webinar_funnel where course is not null order by start_date limit 1")
    course, language = webinar["course_label"], webinar["language_label"]
    choices = [
        ("Time", "All time", sentence_on_webinars("all_time")),
        ("Course", course, sentence_on_webinars("all_time", course)),
        ("Language", language, sentence_on_webinars("all_time", course, language)),
        ("Time", "Last 90 days", sentence_on_webinars("last_90_days", course, language)),
        ("Course", "All courses", sentence_on_webinars("last_90_days", None, language)),
        # A course that has no language never met a language.
        ("Course", "(no course)", "Nobody signed up in the last 90 days."),
    ]
    assert len({sentence for *_, sentence in choices}) == len(choices)
    for title, label, sentence in choices:
        page.get_by_label(title, exact=True).select_option(label=label)
        says(page, sentence)
        if title == "Language":
            shown = cells(page, "By course")[course]
            (row,) = query(
                "select * from marts.webinar_funnel_by_period where period_kind = 'all_time' and course_label = ?"
                " and language_label = ?",
                course,
                language,
            )
            assert (shown["Signed up"], shown["Came"], shown["Attendance rate"]) == (
                f"{row['registered']:,}",
                f"{row['attended']:,}",
                f"{row['attendance_rate']:.1%}",
            )
    assert page.get_by_role("table").count() == 0
    assert page.errors == []


def test_what_is_said_beside_the_funnel_is_counted_in_the_warehouse(page: Page, address: str) -> None:
    """Walk-ins, and sign-ups whose attendance nobody knows yet; and each language and webinar has its figures."""
    open_page(page, address, "/webinars/")
    page.get_by_label("Time", exact=True).select_option(label="All time")
    (row,) = query("""
        select count(*) filter (where is_walk_in) as walk_ins,
            count(*) filter (where is_registered and not is_report_loaded) as unreported
        from marts.webinar_registrations_fact inner join marts.webinars_dim using (webinar_id)
    """)
    assert row["walk_ins"] > 0
    expect(page.get_by_text(f"Another {row['walk_ins']:,} came without having signed up")).to_be_visible()
    expect(page.get_by_text(f"The webinars of {row['unreported']:,} sign-ups are still to come")).to_be_visible()
    languages = query("select * from marts.webinar_funnel_by_language")
    titles = ("Webinars", "Signed up", "Came", "Attendance rate", "Walk-ins", "Minutes stayed")
    assert {label: [shown[title] for title in titles] for label, shown in cells(page, "By language").items()} == {
        row["language_label"]: [
            *(f"{row[name]:,}" for name in ("webinars", "registered", "attended")),
            f"{row['attendance_rate']:.1%}",
            f"{row['walk_ins']:,}",
            f"{row['average_attended_minutes']:,.1f}",
        ]
        for row in languages
    }
    assert page.errors == []


def test_a_webinar_is_found_by_its_name(page: Page, address: str) -> None:
    """The table shows each webinar with its figures, and those still to come with a dash."""
    open_page(page, address, "/webinars/")
    page.get_by_label("Time", exact=True).select_option(label="All time")
    (webinar,) = query("select * from marts.webinar_funnel where not is_report_loaded order by start_date desc limit 1")
    search = page.get_by_role("searchbox", name="Part of a webinar's name")
    search.fill("no webinar is called that")
    expect(page.get_by_text("No webinar of that name")).to_be_visible()
    search.fill(webinar["topic"].upper())
    rows = page.locator("xpath=//h3[normalize-space()='Every webinar']/following::table").filter(visible=True).first
    others = rows.locator("tbody tr").filter(has_text=re.compile("[A-Z]")).filter(has_not_text=webinar["topic"])
    expect(others).to_have_count(0)
    date = f"{webinar['start_date'].day} {webinar['start_date']:%b %Y}"
    row = rows.get_by_role("row").filter(has_text=webinar["topic"]).filter(has_text=date)
    expect(row).to_have_count(1)
    *_, signed_up, came, rate, walk_ins, minutes = map(str.strip, row.locator("td").all_inner_texts())
    assert signed_up == f"{webinar['registered']:,}"
    assert [came, rate, walk_ins, minutes] == ["-"] * 4
    assert "Failed" not in page.locator("body").inner_text()
    assert page.errors == []


def test_every_figure_of_revenue_follows_the_currency(page: Page, address: str) -> None:
    """Sentence, refunds, months, products and customers are the warehouse's, whichever is chosen; none is left over."""
    open_page(page, address, "/revenue/")
    choices = query("select * from marts.revenue_summary order by is_total")
    sentences = [sentence_on_revenue(choice) for choice in choices]
    assert len(set(sentences)) == len(sentences) > 2
    for choice, sentence in zip(choices, sentences, strict=True):
        page.get_by_label("Currency", exact=True).select_option(label=choice["currency_label"])
        says(page, sentence)
        assert_figures_of_revenue(page, choice)
    assert page.errors == []


# What is counted of transactions, of months as of all six.
FIGURES_OF_REVENUE = """
    sum(paid) as revenue, count(*) as transactions,
    count(distinct coalesce(customer_id_as_written, 'unknown')) as customers,
    count(*) filter (where paid < 0) as refunds, coalesce(sum(paid) filter (where paid < 0), 0) as refunded
"""


def assert_figures_of_revenue(page: Page, choice: dict[str, Any]) -> None:
    """What stands below the sentence, of a choice of currency."""
    currency, transactions = choice["currency"], transactions_of(choice)
    (span,) = query(
        f"select {FIGURES_OF_REVENUE} from ({transactions}) where transaction_date between ? and ?",
        choice["six_months_start_date"],
        choice["six_months_end_date"],
    )
    for title, figure in {
        f"Average user transaction amount ({currency})": cost(span["revenue"] / span["customers"]),
        f"Revenue ({currency})": short(span["revenue"]),
        "Customers with a transaction": f"{span['customers']:,}",
        f"Refunds ({currency})": whole(span["refunded"]),
    }.items():
        tile = page.get_by_text(title, exact=True).first.locator("xpath=following::div[1]")
        expect(tile).to_have_text(figure)

    months = query(f"""
        select strftime(month_start_date, '%B %Y') as month, {FIGURES_OF_REVENUE},
            if(
                row_number() over (order by month_start_date desc) = 1,
                null, sum(paid) / lag(sum(paid)) over (order by month_start_date) - 1
            ) as growth
        from ({transactions}) group by month_start_date order by month_start_date desc limit 12
    """)
    shown = cells(page, "Every month")
    titles = (
        *(f"Revenue ({currency})", "Transactions", "Customers", "Refunds", f"Refunded ({currency})"),
        *(f"Average per customer ({currency})", "Growth"),
    )
    assert {label.removesuffix(" (not over)"): [row[title] for title in titles] for label, row in shown.items()} == {
        row["month"]: [
            whole(row["revenue"]),
            *(f"{row[name]:,}" for name in ("transactions", "customers", "refunds")),
            whole(row["refunded"]),
            cost(row["revenue"] / row["customers"]),
            "-" if row["growth"] is None else f"{row['growth']:+.1%}",
        ]
        for row in months
    }

    of_currency = "" if choice["is_total"] else f"where currency = '{currency}'"
    products, customers = ("product_sales", "user_spending")
    if choice["is_total"]:
        products, customers = (f"{products}_total", f"{customers}_total")
    sold = {
        row["product_label"]: (whole(row["sales"]), f"{row['transaction_count']:,}")
        for row in query(f"select * from marts.{products} {of_currency} order by is_matched desc, sales_rank limit 12")
    }
    shown = cells(page, "What sells?")
    assert {label: (row[f"Sales ({currency})"], row["Transactions"]) for label, row in shown.items()} == sold
    (unmatched,) = query(f"select count(*) as number, sum(paid) as paid from ({transactions}) where not is_matched")
    (everything,) = query(f"select sum(paid) as paid from ({transactions})")
    text = " ".join(page.locator("#unmatched").inner_text().split())
    assert text.startswith(f"{unmatched['number']:,} transactions belong to no known product")
    assert f"That is {whole(unmatched['paid'])} {currency} of the {whole(everything['paid'])} {currency} in all" in text

    spent = {
        str(row["spending_rank"]): (
            *(row["customer_id"], whole(row["total_spending"])),
            f"{row['transaction_count']:,}",
        )
        for row in query(f"select * from marts.{customers} {of_currency} order by spending_rank limit 10")
    }
    shown = cells(page, "Who spends most?")
    titles = ("Customer", f"Spent ({currency})", "Transactions")
    assert {rank: tuple(row[title] for title in titles) for rank, row in shown.items()} == spent


def test_the_month_that_is_not_over_stands_apart(opened: Callable[[str], Page]) -> None:
    """It is named and has no growth."""
    page = opened("/revenue/")
    (span,) = query("select max(transaction_date) as newest from marts.transactions_fact")
    expect(page.locator("#partial")).to_contain_text(f"{span['newest']:%B %Y} is not over in these figures")
    expect(page.locator("#partial")).to_contain_text(f"the newest transaction is of {dated(span['newest'])}")
    shown = cells(page, "Every month")
    assert [label.endswith(" (not over)") for label in shown] == [True] + [False] * 11
    assert [row["Growth"] == "-" for row in shown.values()] == [True] + [False] * 11


def test_filters_of_leads_work_together(page: Page, address: str) -> None:
    """Each changes sentence, steps and tables to what the warehouse holds of that time, channel and way to count."""
    open_page(page, address, "/leads/")
    (month,) = query("""
        select month_start_date from marts.lead_funnel
        where is_mature
        group by month_start_date
        order by sum(opportunity_leads) desc
        limit 1
    """)
    month = month["month_start_date"]
    then, name = f"month_start_date = date '{month}'", f"{month:%B %Y}"
    channels = {label: row for label, row in funnels("cohort", then).items() if row["opportunity_leads_paying"]}
    channel = max(channels.keys() - {"All channels"}, key=lambda label: channels[label]["leads"])
    choices = [
        (("Time", "All time"), ("cohort", "true", "All channels")),
        (("Time", name), ("cohort", then, "All channels")),
        (("Channel", channel), ("cohort", then, channel)),
        (("Count", "By the month it happened"), ("activity", then, channel)),
        (("Channel", "All channels"), ("activity", then, "All channels")),
        (("Time", "All time"), ("activity", "true", "All channels")),
        (("Count", "By the month a lead was first seen"), ("cohort", "true", "All channels")),
        (("Time", "Mature months"), ("cohort", "is_mature", "All channels")),
    ]
    for (title, label), (basis, within, of) in choices:
        page.get_by_label(title, exact=True).select_option(label=label)
        says(page, sentence_on_leads(basis, within, of))
        assert_figures_of_leads(page, basis, within, of)
    assert page.errors == []


def assert_figures_of_leads(page: Page, basis: str, within: str, channel: str) -> None:
    """What stands below the sentence, for a way to count, a time and a channel."""
    channels = funnels(basis, within)
    row, shown = channels[channel], cells(page, "From step to step")
    (currency,) = query("select reporting_currency from marts.report_settings")[0].values()
    number = "Number in all" if basis == "cohort" else "Number"
    names = ("leads", *NUMBERS)
    assert [step[number] for step in shown.values()] == [f"{row[name]:,}" for name in names]
    known = [step["Of these with known spend"] for step in shown.values()]
    assert known == [f"{row[f'{name}_with_spend']:,}" for name in names]
    loose, who = funnels(basis)["(unlinked)"], "lead" if basis == "cohort" else "booking or lead"
    assert (loose["bookings"], loose["opportunities"] > 1, loose["customers"] > 1) == (0, True, True)
    expect(page.locator("#unlinked")).to_contain_text(
        f"Of all time, no {who} that is known led to "
        f"{loose['opportunities']:,} opportunities and {loose['customers']:,} paying customers."
    )
    paid = "-" if row["cost"] is None else cost(row["cost"])
    assert shown["Paying"][f"Cost of each ({currency})"] == paid
    if basis == "cohort":
        names = ("leads", "booked_leads", "held_leads", "opportunity_leads")
        assert [step["Leads that came so far"] for step in shown.values()][:4] == [f"{row[name]:,}" for name in names]
        heading, titles = "How far each channel's leads come", ("Leads", "Booked, of leads")
        expected = {
            label: (f"{found['leads']:,}", share(found["booked_leads"] / found["leads"]) if found["leads"] else "-")
            for label, found in channels.items()
        }
    else:
        heading = "What came through each channel"
        titles = ("Leads", "Bookings", "Held", "Opportunities", "New customers")
        expected = {
            label: tuple(f"{found[name]:,}" for name in ("leads", *NUMBERS)) for label, found in channels.items()
        }
    shown = cells(page, heading)
    assert {label: tuple(found[title] for title in titles) for label, found in shown.items()} == expected
    shown = cells(page, f"What each channel costs and brings ({currency})")
    titles = ("Spend", "Cost per paying customer", "Pipeline", "Revenue")
    assert {label: tuple(found[title] for title in titles) for label, found in shown.items()} == {
        label: (
            "-" if found["spend"] is None else whole(found["spend"]),
            "-" if found["cost"] is None else cost(found["cost"]),
            whole(found["pipeline_amount"]),
            whole(found["revenue"]),
        )
        for label, found in channels.items()
    }


def test_months_whose_leads_may_still_convert_are_marked(opened: Callable[[str], Page]) -> None:
    """Each month has its shares; an open one says so, in words and by its frame, and has no colour."""
    page = opened("/leads/")
    months = query("""
        select month_start_date, bool_and(is_mature) as is_mature, sum(leads)::bigint as leads,
            sum(booked_leads) / sum(leads) as booked, sum(held_leads) / nullif(sum(booked_leads), 0) as held,
            sum(held_leads_with_opportunity) / nullif(sum(held_leads), 0) as opportunity,
            sum(opportunity_leads_paying) / nullif(sum(opportunity_leads), 0) as paying
        from marts.lead_funnel where basis = 'cohort' group by 1 having sum(leads) > 0 order by 1 desc
    """)
    assert {row["is_mature"] for row in months} == {True, False}
    (_, *titles), *rows = heat_map(page)
    assert titles == ["Booked", "Held", "Opportunity", "Paying"]
    assert rows == [
        [
            f"{row['month_start_date']:%B %Y}: {counted(row['leads'], 'lead')}"
            f"{'' if row['is_mature'] else ', still open'}",
            *("-" if row[name.lower()] is None else share(row[name.lower()]) for name in titles),
        ]
        for row in months
    ]
    for row, month in zip(page.locator("table:has(caption) tbody tr").all(), months, strict=True):
        classes = [cell.get_attribute("class").split() for cell in row.locator("td").all()]
        if not month["is_mature"]:
            assert all("note" in names and "step-0" in names for names in classes)
    expect(page.locator("#open-months")).to_be_visible()


def test_the_conversion_of_channels_is_that_of_the_warehouse(opened: Callable[[str], Page]) -> None:
    """Accounts that a channel touched, and those of them that had an opportunity afterwards."""
    page = opened("/leads/")
    channels = query("select * from marts.channel_conversion order by is_all_channels, conversion_rate desc")
    best, everything = channels[0], channels[-1]
    assert " ".join(page.locator("#conversion").inner_text().split()) == (
        f"Of the accounts that {best['channel_label']} touched, {share(best['conversion_rate'])} had an opportunity "
        f"afterwards, the highest share of all channels; of all accounts that were touched at all it is "
        f"{share(everything['conversion_rate'])}."
    )
    shown = cells(page, "Which channel's accounts become opportunities?")
    titles = ("Accounts touched", "With an opportunity afterwards", "Conversion rate", "In the attribution window")
    assert {label: [row[title] for title in titles] for label, row in shown.items()} == {
        row["channel_label"]: [
            *(f"{row[name]:,}" for name in ("accounts_touched", "accounts_converted")),
            share(row["conversion_rate"]),
            f"{row['accounts_converted_in_window']:,}",
        ]
        for row in channels
    }


def test_what_is_shown_of_journeys_is_that_of_the_warehouse(opened: Callable[[str], Page]) -> None:
    """First and last channels, the most frequent paths, and the time by the channel that came first."""
    page = opened("/journeys/")
    (_, *lasts), *rows = heat_map(page)
    assert {(row[0], last): text for row in rows for last, text in zip(lasts, row[1:], strict=True) if text} == {
        (row["first_channel_label"], row["last_channel_label"]): f"{row['opportunities']:,}"
        for row in query("""
            select first_channel_label, last_channel_label, count(*) as opportunities
            from marts.opportunity_paths where path_length > 0 group by all
        """)
    }
    paths = query("""
        select channel_path, count(*) as opportunities from marts.opportunity_paths
        where path_length > 0 group by all order by opportunities desc, channel_path
    """)
    number, most = sum(row["opportunities"] for row in paths), paths[0]["opportunities"]
    assert most < 5
    assert len(paths) > 0.9 * number
    assert " ".join(page.locator("#paths").inner_text().split()) == (
        f"The {number:,} opportunities with a path came by {counted(len(paths), 'path')}, and by none of them "
        f"more than {most:,}: nearly every opportunity has a path of its own. "
        "The first and the last channel, above, say more."
    )
    times = {
        row["channel"]: (f"{row['opportunities']:,}", f"{row['days']:,.1f}" if row["days"] is not None else "-")
        for row in query("""
            select coalesce(first_channel_label, 'Nothing known') as channel, count(*) as opportunities,
                median(days_to_opportunity) as days
            from marts.opportunity_paths group by all
            union all
            select 'All channels', count(*), median(days_to_opportunity) from marts.opportunity_paths
        """)
    }
    shown = cells(page, "Every channel that came first")
    assert {label: (row["Opportunities"], row["Median days"]) for label, row in shown.items()} == times
    assert page.errors == []


def alert_lines(page: Page) -> list[str]:
    """The alerts that a page lists."""
    return [" ".join(text.split()) for text in page.locator("li:has(.severity)").all_inner_texts()]


def test_what_needs_a_look_is_said_first(opened: Callable[[str], Page]) -> None:
    """The gravest open alerts on the first page, all of them on the page of data health, each with its beginning."""
    alerts = query("select * from marts.alerts where is_open order by severity_order, began_date desc, sentence")
    assert len(alerts) > 5
    lines = [
        " ".join(
            (row["severity_label"], row["sentence"], "New." if row["is_new"] else f"Since {dated(row['began_date'])}.")
        )
        for row in alerts
    ]
    page = opened("/")
    assert alert_lines(page) == lines[:5]
    expect(page.locator("#alerts")).to_contain_text(f"And {len(alerts) - 5} more.")
    new = sum(row["is_new"] for row in alerts)
    page = opened("/data-health/")
    said = answer(page)
    assert said.startswith(f"{counted(len(alerts), 'alert')} are open, {new or 'none'} of them new.")
    assert alert_lines(page) == lines


def test_data_health_shows_the_rules_and_what_they_found(opened: Callable[[str], Page]) -> None:
    """Rules in force with their alerts of 30 days, each run of days once; and every source's state."""
    page = opened("/data-health/")
    (day,) = query("select as_of::date as day from marts.report_settings")
    recent = f"from marts.alerts where alert_date >= date '{day['day']}' - 30"
    found = {
        row["rule"]: row
        for row in query(f"""
            select rule, count(distinct (subject_kind, subject, began_date)) as runs,
                count(distinct alert_date) as days, count(*) filter (where is_open) as open
            {recent} group by rule
        """)
    }
    rules = query("select * from marts.alert_rules_dim")
    shown = cells(page, "The rules")
    titles = ("Fires when", "Severity", "State", "Open", "In 30 days", "Days of them")
    none = {"runs": 0, "days": 0, "open": 0}
    assert {label: [row[title] for title in titles] for label, row in shown.items()} == {
        rule["rule_label"]: [
            *(rule["description"], rule["severity_label"], "On" if rule["is_enabled"] else "Off"),
            *(str(found.get(rule["rule"], none)[name]) for name in ("open", "runs", "days")),
        ]
        for rule in rules
    }
    table = page.locator("xpath=//h3[normalize-space()='Alerts of the last 30 days']/following::table")
    sentences = table.filter(visible=True).first.inner_text()
    ended = query(f"select sentence {recent} and is_last_day")
    assert len(ended) == sum(row["runs"] for row in found.values())
    assert [row["sentence"] for row in ended if row["sentence"] not in sentences] == []
    table = page.locator("xpath=//h2[normalize-space()='How fresh are the sources?']/following::table")
    rows = [
        row.locator("td").all_inner_texts()[:3] for row in table.filter(visible=True).first.get_by_role("row").all()
    ]
    assert sorted([cell.strip() for cell in row] for row in rows if row) == sorted(
        [row["source"], row["entity"].replace("_", " "), "Late" if row["is_late"] else "In time"]
        for row in query("select source, entity, is_late from marts.source_freshness")
    )
    assert page.errors == []


def test_each_source_has_its_match_rate(opened: Callable[[str], Page]) -> None:
    """How many of a source's people another one knows, of all time."""
    page = opened("/data-health/")
    rows = query("select * from marts.identity_match_rates where month_start_date is null and records > 0")
    shown = cells(page, "Every source")
    titles = ("People's records", "Known from another source", "Share known", "Share with an account")
    assert {label: [row[title] for title in titles] for label, row in shown.items()} == {
        row["source_label"]: [
            *(f"{row[name]:,}" for name in ("records", "matched_records")),
            *(share(row[name]) for name in ("match_rate", "account_rate")),
        ]
        for row in rows
    }


def test_a_channel_has_one_colour_on_every_page(opened: Callable[[str], Page]) -> None:
    """A reader who has learnt that a channel is blue reads the next chart by that."""
    colours: dict[str, set[str]] = {}
    for path in ("/attribution/", "/booking-trends/", "/cost-per-booking/"):
        page = opened(path)
        for entry in page.locator("main li:has(> span[aria-hidden])").all():
            colour = entry.locator("span").evaluate("span => getComputedStyle(span).backgroundColor")
            colours.setdefault(entry.inner_text().strip(), set()).add(colour)
    booked = {row["channel_label"] for row in query("select channel_label from marts.channel_costs where bookings > 0")}
    assert booked <= set(colours)
    assert {label: found for label, found in colours.items() if len(found) > 1} == {}
    mapped = [found for label, found in colours.items() if label not in ("Unmapped", "Unattributed")]
    assert len(set(map(frozenset, mapped))) == len(mapped)


def test_a_page_says_how_fresh_its_sources_are(opened: Callable[[str], Page]) -> None:
    """Those that it rests on and no others, however many entities they have."""
    page = opened("/team-load/")
    items = page.locator("h2:has-text('How fresh') + ul li").all_inner_texts()
    sources = query("""
        select source, strftime(newest_record_at, '%Y-%m-%d %H:%M') as newest
        from marts.source_freshness
        where source like 'calendly%' and newest_record_at is not null
    """)
    assert len(items) == len(sources) > 0
    for row in sources:
        assert any(item.startswith(row["source"]) and row["newest"] in item for item in items)


def test_roi_is_shown_only_where_spend_is_known(opened: Callable[[str], Page]) -> None:
    """A table of blanks tells nobody that spend is missing."""
    has_spend = query("select count(spend) > 0 as has_spend from marts.channel_roi where month_start_date is null")
    page = opened("/attribution/")
    assert page.get_by_text("No spend loaded").is_visible() != has_spend[0]["has_spend"]


def test_what_each_channel_returned_is_that_of_the_warehouse(opened: Callable[[str], Page]) -> None:
    """Profit and ROI of the months for which spend is known, and a dash where none is."""
    page = opened("/attribution/")
    currency = query("select reporting_currency from marts.report_settings")[0]["reporting_currency"]
    titles = [
        *(f"Pipeline ({currency})", f"Spend ({currency})", f"Of it in months with spend ({currency})"),
        *(f"Profit ({currency})", "ROI"),
    ]
    expected = {
        row["channel_label"]: [
            *("-" if figure is None else f"{figure:,.0f}" for figure in figures),
            "-" if roi is None else f"{roi:,.1f}%",
        ]
        for row in query("""
            select channel_label, attributed_amount, spend, attributed_amount_with_spend, comparable_profit,
                comparable_roi_pct
            from marts.channel_roi
            where month_start_date is null and is_attributed and attribution_model = 'first_touch'
        """)
        for _, *figures, roi in [row.values()]
    }
    shown = cells(page, "What did each channel return?")
    assert {label: [row[title] for title in titles] for label, row in shown.items()} == expected


def test_the_notes_are_the_checks_that_found_something(opened: Callable[[str], Page]) -> None:
    """A check that found nothing would hide those that did; the first page counts them."""
    page = opened("/")
    sources = query("select distinct source from marts.data_health where checked_records > 0 order by source")
    loaded = [row["source"] for row in sources if row["source"] != "identity"]
    assert len(loaded) == len(sources) - 1
    expect(page.get_by_text(f"Loaded: {', '.join(loaded)}.", exact=True)).to_be_visible()
    found = query("select count(*) as checks from marts.data_health where affected_records > 0")
    expect(page.locator("#notes")).to_contain_text(f"{counted(found[0]['checks'], 'check')} of the loaded records")
    page = opened("/data-health/")
    text = page.locator("main").inner_text()
    # Two platforms may lack the same.
    for row in query("select description, max(affected_records) as affected_records from marts.data_health group by 1"):
        assert (row["description"] in text) == (row["affected_records"] > 0)


def test_no_person_is_in_what_is_shipped(built: Path) -> None:
    """Every row of every source query reaches the reader, shown or not, and only those of queries that still exist."""
    tables = list((built / "data").rglob("*.parquet"))
    assert {path.stem for path in tables} == {path.stem for path in SOURCES.glob("*.sql")}
    # What a customer is called looks like nothing special, and an address that was cut short like no address; a key
    # of somebody would do to find out who it is.
    people = {
        text
        for select in (
            "select customer_name, customer_email from marts.users_dim",
            "select person_id, contact_id, account_id from marts.people_dim",
            "select identifier_value from marts.person_identifiers where identifier_kind != 'customer'",
            "select opportunity_id, account_id from marts.opportunity_paths",
        )
        for row in query(select)
        for text in row.values()
    }
    assert len(people) > 1000
    for path in tables:
        relation = duckdb.read_parquet(str(path))
        assert [name for name in relation.columns if PERSONAL.search(name)] == [], path.stem
        rows = relation.fetchall()
        assert [row for row in rows if any(EMAIL.search(str(value)) for value in row)] == [], path.stem
        assert {value for row in rows for value in row} & (people - {None}) == set(), path.stem
    # Results of the pages' own queries and the pages as they were rendered.
    for path in built.rglob("*"):
        if path.is_file() and path.suffix in (".arrow", ".json", ".html"):
            assert not EMAIL.search(path.read_text(encoding="utf-8", errors="replace")), path


def test_part_of_a_table_can_be_asked_for(built: Path, address: str) -> None:
    """Without ranges the browser loads every table whole on each page."""
    path = next((built / "data").rglob("*.parquet"))
    ask = urllib.request.Request(f"{address}/{path.relative_to(built).as_posix()}", headers={"Range": "bytes=0-3"})
    with urllib.request.urlopen(ask) as reply:
        assert (reply.status, reply.read()) == (206, b"PAR1")
        assert reply.headers["Content-Range"] == f"bytes 0-3/{path.stat().st_size}"
        # Query results keep their names from build to build, so a browser must not show the old ones.
        assert reply.headers["Cache-Control"] == "no-cache"
