"""Spend and cost per booking of many small random companies, compared with figures that are worked out by hand."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
import spend_by_hand as by_hand
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from spend_by_hand import Booking, Company, Cost, Figure, Opportunity, Rate, Spent
from support import ship_seeds

WORLDS = 240
# Within a round many worlds are variations of one another.
ROUNDS = 24

LONGEST_RATE_DAYS = 7
TIME_ZONE = ZoneInfo("America/New_York")
AS_OF = datetime(2026, 3, 1)
VARIABLES = (
    f"{{as_of: '{AS_OF:%Y-%m-%d}', reporting_timezone: {TIME_ZONE.key},"
    f" max_exchange_rate_age_days: {LONGEST_RATE_DAYS}}}"
)
LOADED = [
    *(("ad_spend", "spend"), ("calendly_export", "invitees")),
    *(("crm", "contacts"), ("crm", "opportunities"), ("crm", "marketing_touchpoints")),
]
MARTS = ["+path:models/marts/spend", "+channel_roi", "+path:models/marts/data_health"]

# --- Drawing a world ----------------------------------------------------------------------------------------

DAY = timedelta(days=1)
# The last days of a month and the first of the next, and one that is far from both.
_DAYS = [date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 14)]
_AS_OF_DAYS = [date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 2), date(2026, 2, 28)]
# As files write them; a company may join the first three under one of their names.
_CHANNELS = ["tv", "TV", "Television", "radio", "poster"]
_BOOKED_CHANNELS = ["tv", "tv", "radio", "mail", "TV", "unmapped"]
_ALIASES = [{}, {}, {"TV": "tv"}, {"TV": "tv", "Television": "tv", "radio": None}, {"radio": "tv", "tv": "mail"}]
_CAMPAIGNS = [None, "spring", "summer"]
# The other two become currencies of the world's own, as all worlds have one table of rates.
_CURRENCIES = ["USD", "USD", "1", "2"]
_RATE_AGES = [-1, 0, 1, 6, 7, 8]
_STATUSES = ["held", "held", "no_show", "canceled", "scheduled"]
# In New York the first two are still the evening before.
_HOURS = [timedelta(hours=hours) for hours in (0, 4, 5, 17, 23)]

_amounts = st.one_of(
    st.sampled_from(
        ["0", "0", "0", "0.000000001", "0.01", "10", "99.99", "100", "653.28", "999999999999.999999999"]
    ).map(Decimal),
    st.decimals(0, 10**6, places=9),
    st.decimals(0, 10**4, places=2),
)
_rates = st.one_of(
    st.sampled_from([None, *map(Decimal, ("1", "1.1", "0.000000001", "0.333333333", "17000"))]),
    st.decimals(Decimal("0.01"), 200, places=9),
)


def utc(local: datetime) -> datetime:
    """The instant of a local time, as the warehouse keeps it."""
    return local.replace(tzinfo=TIME_ZONE).astimezone(UTC).replace(tzinfo=None)


def local_day(instant: datetime) -> date:
    """The date on which an instant lies in the reporting time zone."""
    return instant.replace(tzinfo=UTC).astimezone(TIME_ZONE).date()


@st.composite
def companies(draw: st.DrawFn) -> Company:
    """A few overlapping files, rates, bookings and opportunities, drawn so that they meet often."""

    def one(elements: list) -> object:
        return draw(st.sampled_from(elements))

    def some(elements: list, least: int, most: int) -> list:
        return draw(st.lists(st.sampled_from(elements), min_size=least, max_size=most))

    # In half of the worlds all happens in a channel or two on a day or two, so that spend and bookings meet.
    is_crowded = draw(st.booleans())
    days = some(_DAYS, 1, 2) if is_crowded else _DAYS
    channels = ["tv", "TV"] if is_crowded else some(_CHANNELS, 1, 3)
    # Spend without campaigns, with them, and with both.
    campaigns = one([[None], [None], ["spring", "summer"], _CAMPAIGNS])
    currencies = one([["USD"], ["USD"], ["1"], _CURRENCIES])
    keys = [(one(days), one(channels), one(campaigns), one(currencies)) for _ in range(one([0, 1, 3, 5, 8]))]
    figures = {}
    for as_of in some(_AS_OF_DAYS, 1, 4):
        # A file may leave out what another one has.
        for key in some(keys, 0, 6) if keys else []:
            figures[as_of, key] = Figure(as_of, *key, draw(_amounts))
    rates = {
        (currency, day): Rate(day, currency, draw(_rates))
        for currency in ("1", "2")
        for day in (one(days) - one(_RATE_AGES) * DAY for _ in range(one([0, 1, 2, 4])))
    }
    bookings = []
    booked_campaigns = one([[None], ["spring"], _CAMPAIGNS])
    for number in range(one([0, 1, 2, 4, 7])):
        booked_at = datetime.combine(one(days), datetime.min.time()) + one(_HOURS)
        status = one(_STATUSES)
        # What is scheduled lies after as_of, what was held before.
        lead = (AS_OF - booked_at if status == "scheduled" else timedelta()) + one([1, 3, 20]) * timedelta(minutes=30)
        channel = "tv" if is_crowded else one(_BOOKED_CHANNELS)
        campaign = None if channel == "unmapped" else one(booked_campaigns)
        bookings.append(
            Booking(
                *(f"{number}", channel, campaign, booked_at, local_day(booked_at)),
                *(lead / timedelta(hours=1), status),
            )
        )
    opportunities = [
        Opportunity(
            f"{number}", one(["tv", "radio", "mail"]), utc(datetime.combine(one(_DAYS), datetime.min.time())), amount
        )
        for number, amount in enumerate(draw(st.lists(_amounts, max_size=4)))
    ]
    return Company(
        tuple(figures.values()),
        tuple(one(_ALIASES).items()),
        tuple(rates.values()),
        tuple(bookings),
        tuple(opportunities),
    )


def numbered(company: Company, number: int) -> Company:
    """The company with names that no other one has, so that all of them can lie in one warehouse."""
    prefix = f"w{number:03}-"
    letters = chr(ord("A") + number // 26) + chr(ord("A") + number % 26)

    def name(text: str | None) -> str | None:
        return text if text in (None, "unmapped") else prefix + text

    def currency(code: str) -> str:
        return code if code == "USD" else {"1": "X", "2": "Q"}[code] + letters

    return Company(
        tuple(replace(one, channel=name(one.channel), currency=currency(one.currency)) for one in company.figures),
        tuple((name(old), name(new)) for old, new in company.aliases),
        # People write codes as they like.
        tuple(
            replace(one, currency=currency(one.currency).lower() if one.currency == "2" else currency(one.currency))
            for one in company.rates
        ),
        tuple(replace(one, booking_id=prefix + one.booking_id, channel=name(one.channel)) for one in company.bookings),
        tuple(
            replace(one, opportunity_id=prefix + one.opportunity_id, channel=name(one.channel))
            for one in company.opportunities
        ),
    )


def drawn_companies() -> list[Company]:
    """Distinct companies; the same ones in every run of the same code."""
    found: list[Company] = []

    def keep(company: Company) -> None:
        if company not in found:
            found.append(company)

    for number in range(ROUNDS):
        seed(number)(
            settings(
                max_examples=WORLDS // ROUNDS,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )(given(companies())(keep))
        )()
    return [numbered(company, number) for number, company in enumerate(found)]


def overlapping_files() -> Company:
    """Two files of thirty days and three channels, of two consecutive days; the second restates one figure."""
    newest = date(2026, 1, 15)
    windows = [
        Figure(as_of, as_of - DAY * back, f"overlap-{channel}", None, "USD", Decimal(100 + back) + as_of.day)
        for as_of in (newest - DAY, newest)
        for back in range(30)
        for channel in ("tv", "radio", "poster")
    ]
    # What both files have they agree about, but for one figure.
    figures = {(one.as_of, one.day, one.channel): one for one in windows}
    for (as_of, day, channel), one in figures.items():
        if (
            as_of == newest
            and (newest - DAY, day, channel) in figures
            and (day, channel) != (date(2026, 1, 10), "overlap-tv")
        ):
            figures[as_of, day, channel] = replace(one, spend=figures[newest - DAY, day, channel].spend)
    return Company(figures=tuple(figures.values()))


def together(companies: Iterable[Company]) -> Company:
    """All companies as one: as their names differ, each figure is still that of one of them."""
    parts = zip(*(astuple_shallow(company) for company in companies), strict=True)
    return Company(*(tuple(chain.from_iterable(part)) for part in parts))


def astuple_shallow(company: Company) -> tuple[tuple, ...]:
    """The company's records, kind by kind."""
    return company.figures, company.aliases, company.rates, company.bookings, company.opportunities


# --- Building the warehouse ---------------------------------------------------------------------------------


def event_type_name(booking: Booking) -> str:
    """The event type by which the seed maps a booking to its channel and campaign."""
    return f"Call {booking.channel} {booking.campaign}"


def write_seeds(folder: Path, company: Company) -> None:
    """Writes the company's seeds."""
    mapped = {
        event_type_name(one): (one.channel, one.campaign) for one in company.bookings if one.channel != "unmapped"
    }
    seeds = {
        "event_type_channels": (
            ["event_type_uri", "event_type_name", "channel", "campaign", "valid_from", "valid_to"],
            [["", name, *target, "", ""] for name, target in mapped.items()],
        ),
        "channel_aliases": (
            ["source", "source_channel", "channel"],
            # The same names in another source mean something else.
            [["ad_spend", *names] for names in company.aliases]
            + [["webinars", old, "x"] for old, _ in company.aliases],
        ),
        "exchange_rates": (
            ["rate_date", "currency", "rate"],
            [[one.day, one.currency, one.rate] for one in company.rates],
        ),
    }
    for name, (header, rows) in seeds.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows([header, *rows])


def land(warehouse: Path, company: Company) -> None:
    """Puts the records into the raw tables, as the loaders would."""
    spend = [
        {
            "spend_id": f"{number}",
            "as_of_date": one.as_of,
            "spend_date": one.day,
            "channel": one.channel,
            "campaign": one.campaign,
            "spend": one.spend,
            "currency": one.currency,
        }
        for number, one in enumerate(company.figures)
    ]
    invitees = [
        {
            "invitee_uri": f"calendly_export:{one.booking_id}",
            "scheduled_event_uri": f"calendly_export:event-{one.booking_id}",
            "event_type_name": event_type_name(one),
            "user_email": "host@example.com",
            "start_at": one.booked_at + timedelta(hours=one.lead_hours),
            "end_at": one.booked_at + timedelta(hours=one.lead_hours + 0.5),
            "created_at": one.booked_at,
            "is_canceled": one.status == "canceled",
            "is_no_show": one.status == "no_show",
        }
        for one in company.bookings
    ]
    # An account of its own with one touch, which every attribution model credits with all.
    keys = [(one, f"account-{one.opportunity_id}", f"contact-{one.opportunity_id}") for one in company.opportunities]
    tables = {
        "raw_ad_spend.spend": spend,
        "raw_calendly_export.invitees": invitees,
        "raw_crm.contacts": [{"contact_id": contact, "account_id": account} for _, account, contact in keys],
        "raw_crm.marketing_touchpoints": [
            {
                "marketing_touchpoint_id": one.opportunity_id,
                "channel_name": one.channel,
                "contact_id": contact,
                "marketing_touchpoint_date": one.created_at - DAY,
            }
            for one, _, contact in keys
        ],
        "raw_crm.opportunities": [
            {
                "opportunity_id": one.opportunity_id,
                "account_id": account,
                "pipeline_amount": one.amount,
                "opportunity_created_date": one.created_at,
            }
            for one, account, _ in keys
        ],
    }
    tables["raw_meta.loads"] = [
        {
            **{"load_id": "first", "source": source, "entity": entity, "started_at": AS_OF, "finished_at": AS_OF},
            **{f"records_{part}": 0 for part in ("read", "new", "changed", "unchanged", "repeated", "rejected")},
        }
        for source, entity in LOADED
    ]
    with duckdb.connect(warehouse) as connection:
        for table, records in tables.items():
            extra = {} if table == "raw_meta.loads" else {"_loaded_at": AS_OF}
            connection.register("records", pa.Table.from_pylist([record | extra for record in records]))
            connection.execute(f"insert into {table} by name select * from records")


@dataclass
class Built:
    """The warehouse after a build, and what it was built from."""

    path: Path
    worlds: list[Company]

    @cached_property
    def company(self) -> Company:
        """All worlds together."""
        return together(self.worlds)

    @cached_property
    def spent(self) -> list[Spent]:
        """The spend of all worlds."""
        return by_hand.spent(self.company, LONGEST_RATE_DAYS)

    def rows(self, query: str) -> list[tuple]:
        """What the warehouse answers."""
        with duckdb.connect(self.path, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def assert_same(self, query: str, expected: Iterable[tuple]) -> None:
        """The query gives exactly the expected rows, each as often; a failure shows a world that differs."""
        found, wanted = Counter(self.rows(query)), Counter(expected)
        missing, surplus = wanted - found, found - wanted
        if missing or surplus:
            example = re.search(r"w(\d{3})-", f"{[*missing, *surplus]}")
            records = chain(*astuple_shallow(self.worlds[int(example[1])])) if example else ()
            parts = [f"{query}:", f"{len(missing)} rows are missing:", *list(missing)[:10]]
            parts += [f"{len(surplus)} rows should not be there:", *list(surplus)[:10], "one of the worlds:", *records]
            pytest.fail("\n".join(map(str, parts)))


@pytest.fixture(scope="module")
def built(folder: Path, command: Callable[..., str]) -> Built:
    """All worlds side by side in one warehouse."""
    worlds = [*drawn_companies(), overlapping_files()]
    company = together(worlds)
    seeds = folder / "seeds"
    ship_seeds(seeds)
    write_seeds(seeds, company)
    warehouse = folder / "spend.duckdb"
    own = {"THROUGHLINE_WAREHOUSE": warehouse, "THROUGHLINE_SEEDS": seeds}
    # Makes the raw tables.
    command("dbt", "seed", "--vars", VARIABLES, **own)
    land(warehouse, company)
    command("dbt", "build", "--vars", VARIABLES, "--exclude-resource-type", "unit_test", "-s", *MARTS, **own)
    return Built(warehouse, worlds)


COSTS = (
    "spend, bookings, bookings_with_spend, cost_per_booking, held, held_with_spend, cost_per_held_meeting, no_show,"
    " canceled, scheduled"
)


def has_missing_rate(rows: Iterable[Spent]) -> bool:
    """Whether any of the spend could not be converted."""
    return any(row.converted is None for row in rows)


# --- The tests ----------------------------------------------------------------------------------------------


def test_worlds_stand_on_the_edges_of_the_rules(built):
    """None of the cases for which the worlds are drawn is missing, lest agreement mean nothing."""
    seen: Counter[str] = Counter()
    for world in built.worlds:
        rows = by_hand.spent(world, LONGEST_RATE_DAYS)
        aliases = {old: new for old, new in world.aliases if new}
        files: dict[tuple, list[Figure]] = {}
        for figure in sorted(world.figures, key=lambda figure: figure.as_of):
            files.setdefault((figure.day, figure.channel, figure.campaign, figure.currency), []).append(figure)
        joined = Counter((one[0], aliases.get(one[1], one[1]), *one[2:]) for one in files)
        restated = [pair for figures in files.values() for pair in pairwise(figures)]
        newest = max((figure.as_of for figure in world.figures), default=None)
        costs = [
            *by_hand.by_month(world, rows).values(),
            *(cost for cost, *_ in by_hand.by_campaign(world, rows).values()),
        ]
        ages = Counter(
            (figure.day - rate.day).days
            for figure in world.figures
            for rate in world.rates
            if rate.currency.upper() == figure.currency
        )
        cases = {
            "a figure restated": any(old.spend != new.spend for old, new in restated),
            "a figure that only an older file has": any(figures[-1].as_of != newest for figures in files.values()),
            "names that an alias joins": max(joined.values(), default=0) > 1,
            "an alias that says nothing": any(new is None for _, new in world.aliases),
            "a rate as old as allowed": LONGEST_RATE_DAYS in ages,
            "a rate a day too old": LONGEST_RATE_DAYS + 1 in ages,
            "a rate of the day itself": 0 in ages,
            "a rate of the day after": -1 in ages,
            "a missing rate": has_missing_rate(rows),
            "a missing rate beside one that is there": has_missing_rate(rows)
            and not all(row.converted is None for row in rows),
            "a day of several currencies": len({(row.day, row.channel, row.campaign) for row in rows}) < len(rows),
            "bookings with and without spend": any(0 < one.bookings_with_spend < one.bookings for one in costs),
            "spend without bookings": any(one.spend and not one.bookings for one in costs),
            "bookings without spend": any(one.spend is None and one.bookings for one in costs),
            "a cost of nothing": any(one.cost_per_booking == 0 for one in costs),
            "a cost that does not divide": any(
                one.cost_per_booking and one.cost_per_booking * one.bookings_with_spend != one.spend for one in costs
            ),
            "no campaign beside campaigns": by_hand.channels_without_cost_per_campaign(world, rows),
            "no held meeting to divide by": any(one.cost_per_booking and not one.held_with_spend for one in costs),
            "a booking on another day here than in UTC": any(one.day != one.booked_at.date() for one in world.bookings),
            "a month with spend and pipeline": any(
                spend is not None and compared for _, compared, spend, *_ in by_hand.roi(world, rows).values()
            ),
            "pipeline of a month without spend": any(
                amount != compared and spend is not None
                for amount, compared, spend, *_ in by_hand.roi(world, rows).values()
            ),
        }
        seen.update(case for case, is_shown in cases.items() if is_shown)
        seen.update(dict.fromkeys(cases, 0))
    assert {case: count for case, count in seen.items() if count < 3} == {}
    assert len(built.worlds) > WORLDS / 2


def test_two_overlapping_files_are_not_added_up(built):
    """Two windows of ninety figures are ninety-three, of which the newer file's count."""
    [(rows, restated, total)] = built.rows(
        "select count(*), count(*) filter (where spend_date = date '2026-01-10' and spend = 120), sum(spend)"
        " from marts.marketing_spend_fact where channel like 'overlap-%'"
    )
    assert (rows, restated) == (93, 1)
    figures = {(one.day, one.channel): one.spend for one in overlapping_files().figures}
    assert total == sum(figures.values())


def test_marketing_spend_fact(built):
    """Each row is the latest figure of each name that it joins, with the rate of its day."""
    built.assert_same(
        "select spend_date, channel, campaign, currency, spend, exchange_rate, spend_in_reporting_currency, as_of_date"
        " from marts.marketing_spend_fact",
        (astuple(row) for row in built.spent),
    )


def test_channel_costs_daily(built):
    """A day's bookings stand beside its spend, and count where their channel's spend is known."""
    expected = by_hand.by_day(built.company, built.spent)
    built.assert_same(
        "select day_date, channel, campaign, spend, bookings, bookings_with_spend, held, held_with_spend, no_show,"
        " canceled, scheduled from marts.channel_costs_daily",
        (
            (
                *(*key, cost.spend, cost.bookings),
                *with_spend(key, cost, built.spent),
                *(cost.no_show, cost.canceled, cost.scheduled),
            )
            for key, cost in expected.items()
        ),
    )


def with_spend(key: tuple, cost: Cost, rows: list[Spent]) -> tuple[int, int, int]:
    """Bookings with spend, held, and held with spend of a day: all or none, as the channel's spend is known or not."""
    is_known = key[:2] in {(row.day, row.channel) for row in rows}
    return cost.bookings * is_known, cost.held, cost.held * is_known


def test_cost_per_booking(built):
    """Spend and bookings of the same days, divided exactly."""
    expected = by_hand.by_month(built.company, built.spent)
    built.assert_same(
        f"select month_start_date, channel, {COSTS} from marts.cost_per_booking",
        ((*key, *astuple(cost)) for key, cost in expected.items()),
    )


def test_channel_costs(built):
    """The same over all time, with rates of what became of the bookings."""
    expected = by_hand.by_channel(built.company, built.spent)
    built.assert_same(
        f"select channel, {COSTS}, held_rate, no_show_rate from marts.channel_costs",
        (
            (
                *(*key, *astuple(cost)),
                *(by_hand.share_of_outcomes(part, cost) for part in (cost.held, cost.no_show)),
            )
            for key, cost in expected.items()
        ),
    )


def test_channel_attribution(built):
    """Spend without a campaign is neither repeated nor spread, and where it meets campaigns none has a cost."""
    expected = by_hand.by_campaign(built.company, built.spent)
    built.assert_same(
        f"select channel, campaign, {COSTS}, held_rate, no_show_rate, median_lead_time_hours,"
        " is_cost_by_channel_only from marts.channel_attribution",
        (
            (
                *key,
                *astuple(replace(cost, cost_per_booking=None, cost_per_held_meeting=None) if is_blended else cost),
                *(by_hand.share_of_outcomes(part, cost) for part in (cost.held, cost.no_show)),
                *(lead, is_blended),
            )
            for key, (cost, is_blended, lead) in expected.items()
        ),
    )


@pytest.mark.parametrize(
    ("mart", "partition"),
    [("cost_per_booking", "month_start_date"), ("channel_costs", "null"), ("channel_attribution", "null")],
)
def test_ranks_put_what_has_no_cost_after_all_others(built, mart, partition):
    """Ranks count from 1 without a gap, the cheapest first; a missing cost never passes for a low one."""
    ranks: dict[object, list] = {}
    for group, cost in built.rows(
        f"select {partition}, cost_per_booking from marts.{mart} order by rank_by_cost_per_booking"
    ):
        ranks.setdefault(group, []).append(cost)
    for costs in ranks.values():
        known = [cost for cost in costs if cost is not None]
        assert costs == sorted(known) + [None] * (len(costs) - len(known))
    assert built.rows(
        f"select count(*) from (select rank_by_cost_per_booking, row_number() over (partition by {partition}"
        f" order by rank_by_cost_per_booking) as place from marts.{mart}) where rank_by_cost_per_booking != place"
    ) == [(0,)]


@pytest.mark.parametrize("mart", ["channel_costs", "channel_attribution"])
def test_most_booked_channel_ranks_first_and_unmapped_last(built, mart):
    """What belongs to no channel is no competitor of those that do."""
    rows = built.rows(f"select channel = 'unmapped', bookings from marts.{mart} order by rank_by_bookings")
    assert rows == sorted(rows, key=lambda row: (row[0], -row[1]))
    assert rows[-1][0]


def test_booking_cost_summary(built):
    """One row: all spend, all bookings of days with spend, and the channels at both ends."""
    total = by_hand.in_all(built.company, built.spent)
    built.assert_same(f"select {COSTS} from marts.booking_cost_summary", [astuple(total)])
    channels = by_hand.by_channel(built.company, built.spent)
    costs = {
        channel: cost.cost_per_booking for (channel,), cost in channels.items() if cost.cost_per_booking is not None
    }
    best = min(costs, key=lambda channel: (costs[channel], channel))
    dearest = min(costs, key=lambda channel: (-costs[channel], channel))
    spent_on = {row.channel for row in built.spent}
    fruitless = [channels[channel,] for channel in spent_on if not channels[channel,].bookings_with_spend]
    built.assert_same(
        "select best_channel, best_cost_per_booking, dearest_channel, dearest_cost_per_booking,"
        " channels_without_bookings, spend_without_bookings from marts.booking_cost_summary",
        [
            (
                *(best, costs[best], dearest, costs[dearest], len(fruitless)),
                by_hand.complete_sum(cost.spend for cost in fruitless),
            )
        ],
    )


def test_channel_roi(built):
    """Pipeline is compared with the spend of the same months, and with none where a rate is missing."""
    expected = by_hand.roi(built.company, built.spent)
    built.assert_same(
        "select attribution_model, channel_name, month_start_date, attributed_amount, attributed_amount_with_spend,"
        " spend, profit, comparable_profit from marts.channel_roi",
        ((*key, *figures) for key, figures in expected.items()),
    )
    for kind in ("", "comparable_"):
        for profit, spend, roi_pct in built.rows(f"select {kind}profit, spend, {kind}roi_pct from marts.channel_roi"):
            assert roi_pct == (pytest.approx(float(profit / spend * 100)) if spend else None)


def test_data_health_counts_what_spend_lacks(built):
    """Amounts without a rate, and days between a channel's first and last of which nothing is known."""
    days: dict[str, set[date]] = {}
    for row in built.spent:
        days.setdefault(row.channel, set()).add(row.day)
    spans = {channel: (max(known) - min(known)).days + 1 for channel, known in days.items()}
    built.assert_same(
        "select check_name, affected_records, checked_records from marts.data_health"
        " where source = 'ad_spend' and check_name in ('spend_without_rate', 'days_without_spend', 'rejected_records')",
        [
            ("spend_without_rate", sum(row.converted is None for row in built.spent), len(built.spent)),
            (
                "days_without_spend",
                sum(spans.values()) - sum(map(len, days.values())),
                sum(spans.values()),
            ),
            ("rejected_records", 0, len(built.company.figures)),
        ],
    )


def test_source_freshness_says_how_far_records_reach(built):
    """The newest record of each entity, and the days of the last thirty without one; contacts have no time."""
    company = built.company
    instants = {
        ("ad_spend", "spend"): [datetime.combine(one.as_of, datetime.min.time()) for one in company.figures],
        ("calendly_export", "invitees"): [one.booked_at for one in company.bookings],
        ("crm", "opportunities"): [one.created_at for one in company.opportunities],
        ("crm", "marketing_touchpoints"): [one.created_at - DAY for one in company.opportunities],
    }
    today = local_day(AS_OF)
    thirty = {today - back * DAY for back in range(30)}
    expected = [("crm", "contacts", AS_OF, None, None)]
    for (source, entity), times in instants.items():
        # An as-of day is a date already.
        days = {time.date() if source == "ad_spend" else local_day(time) for time in times}
        missing = {day for day in thirty - days if day >= min(days)}
        expected.append((source, entity, AS_OF, max(times), len(missing)))
    built.assert_same(
        "select source, entity, last_loaded_at, newest_record_at, recent_days_without_records"
        " from marts.source_freshness",
        expected,
    )
