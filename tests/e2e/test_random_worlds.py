"""Many small random CRMs go through files, loader and models, and each figure is compared with one made by hand."""

import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path

import attribution_by_hand as by_hand
import duckdb
import pytest
from crm_worlds import (
    HEADERS,
    WRITTEN,
    WRITTEN_LATER,
    Unloadable,
    World,
    all_lines,
    crm_of,
    entity,
    worlds,
    write_aliases,
    write_export,
)
from hypothesis import HealthCheck, Phase, given, seed, settings
from support import PROJECT_ROOT

WORLDS = 300
# Within a round many worlds are variations of one another.
ROUNDS = 30


@dataclass
class Built:
    """The warehouse after a build, and what it was built from."""

    path: Path
    worlds: list[World]
    is_later: bool
    has_kept_seed: bool

    @cached_property
    def crms(self) -> list[by_hand.Crm]:
        """Each world's CRM, as its files have it."""
        return [crm_of(world, is_later=self.is_later) for world in self.worlds]

    @cached_property
    def ledger(self) -> list[by_hand.Credit]:
        """The credits of all worlds, each worked out without the others."""
        return [credit for crm in self.crms for credit in by_hand.credits_of(crm)]

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
            records = all_lines(self.worlds[int(example[1])], is_later=self.is_later) if example else ()
            parts = [f"{query}:", f"{len(missing)} rows are missing:", *list(missing)[:10]]
            parts += [f"{len(surplus)} rows should not be there:", *list(surplus)[:10], "one of the worlds:", *records]
            pytest.fail("\n".join(map(str, parts)))


def drawn_worlds() -> list[World]:
    """Distinct worlds, each with its number; the same ones in every run of the same code."""
    found = []

    def keep(world: World) -> None:
        if world not in found:
            found.append(world)

    for number in range(ROUNDS):
        seed(number)(
            settings(
                max_examples=WORLDS // ROUNDS,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )(given(worlds())(keep))
        )()
    return [world.numbered(number) for number, world in enumerate(found)]


@pytest.fixture(scope="module")
def first(folder: Path, command: Callable[..., str]) -> Built:
    """All worlds side by side in one warehouse."""
    found = drawn_worlds()
    (folder / "exports").mkdir()
    shutil.copytree(PROJECT_ROOT / "seeds" / "company", folder / "seeds")
    return loaded_and_built(folder, command, found, is_later=False)


@pytest.fixture(scope="module")
def second(folder: Path, command: Callable[..., str], first: Built) -> Built:
    """The same warehouse after files were changed and added."""
    return loaded_and_built(folder, command, first.worlds, is_later=True)


def loaded_and_built(folder: Path, command: Callable[..., str], worlds: list[World], *, is_later: bool) -> Built:
    """Writes the files, loads and builds, and keeps a copy of the warehouse as it is then."""
    write_export(folder / "exports", worlds, is_later=is_later)
    aliases = folder / "seeds" / "channel_aliases.csv"
    write_aliases(aliases, worlds)
    own = {
        "THROUGHLINE_WAREHOUSE": folder / "worlds.duckdb",
        "THROUGHLINE_SEEDS": folder / "seeds",
        "SOURCES__CRM__BUCKET_URL": folder / "exports",
    }
    seed = aliases.read_bytes()
    command("throughline", "load", "crm", **own)
    command("dbt", "build", "--select", "@source:crm", "--exclude-resource-type", "unit_test", **own)
    copy = shutil.copy(folder / "worlds.duckdb", folder / f"after_export_{1 + is_later}.duckdb")
    return Built(copy, worlds, is_later, has_kept_seed=aliases.read_bytes() == seed)


@pytest.fixture(params=["first", "second"])
def built(request: pytest.FixtureRequest) -> Built:
    """The warehouse after the first and after the second export."""
    return request.getfixturevalue(request.param)


def cases_of(crm: by_hand.Crm) -> set[object]:
    """The cases that one CRM shows."""
    marketing, sales = (
        {touch.touchpoint_id for touch in crm.touches if touch.touchpoint_type == name}
        for name in ("marketing", "sales")
    )
    cases = defaultdict(bool)
    cases |= {"alias": crm.aliases, "rejected record": crm.rejected, "id of both types": marketing & sales}
    windows = {opportunity: by_hand.touches_in_window(crm, opportunity) for opportunity in crm.opportunities}
    cases["windows overlap"] = len(set(chain(*windows.values()))) < sum(map(len, windows.values()))
    for opportunity, window in windows.items():
        amount = opportunity.amount
        cases["empty amount" if amount is None else f"amount with sign {(amount > 0) - (amount < 0)}"] = True
        cases["no segment" if opportunity.segment is None else "a segment"] = True
        cases[f"{len(window)} touches"] = True
        if not window:
            cases[by_hand.unattributed_reason(crm, opportunity)] = True
        for touch in by_hand.touches_of_account(crm, opportunity.account_id):
            cases[touch.at - opportunity.created_at] = True
            cases["touch without channel"] |= touch.channel_name is None
        for one, next_one in pairwise(window):
            is_one_channel = by_hand.channel_name(crm, one) == by_hand.channel_name(crm, next_one)
            cases["two touches at a time"] |= one.at == next_one.at
            cases["two touches at a time with one id"] |= one.at == next_one.at and (
                one.touchpoint_id == next_one.touchpoint_id
            )
            cases["a channel twice"] |= is_one_channel
            cases["two names of a channel"] |= is_one_channel and one.channel_name != next_one.channel_name
    return {case for case, is_shown in cases.items() if is_shown}


def test_worlds_stand_on_the_edges_of_the_rules(first):
    """None of the cases for which the worlds are drawn is missing, lest agreement mean nothing."""
    seen = Counter(chain.from_iterable(map(cases_of, first.crms)))
    for world, crm in zip(first.worlds, first.crms, strict=True):
        records = [line.record for line in world.lines if not isinstance(line.record, Unloadable)]
        seen["a line twice"] += len(set(records)) < len(records)
        seen["a key with two contents"] += len(set(records)) > len(crm.contacts + crm.touches + crm.opportunities)
    second, instant, window = timedelta(seconds=1), timedelta(microseconds=1), by_hand.WINDOW
    cases = [
        *(-window, -window - instant, -window - second, timedelta(0), instant, second),
        *("no_account", "no_contact", "no_touch", "no_touch_in_window", "0 touches", "1 touches", "7 touches"),
        *("empty amount", "amount with sign 0", "amount with sign 1", "amount with sign -1", "no segment", "a segment"),
        *("alias", "two names of a channel", "a channel twice", "touch without channel", "windows overlap"),
        *("id of both types", "two touches at a time", "two touches at a time with one id"),
        *("a line twice", "a key with two contents", "rejected record"),
    ]
    assert {str(case): seen[case] for case in cases if seen[case] < 3} == {}
    assert len(first.worlds) >= WORLDS / 2


def test_second_export_changes_many_worlds(first, second):
    """Opportunities come, amounts change, contacts move, and touches arrive late."""
    pairs = list(zip(first.crms, second.crms, strict=True))
    assert sum(len(old.opportunities) < len(new.opportunities) for old, new in pairs) > 10
    assert sum(len(old.touches) < len(new.touches) for old, new in pairs) > 10
    assert sum(not set(old.contacts) <= set(new.contacts) for old, new in pairs) > 10
    amounts = [{one.opportunity_id: one.amount for one in crm.opportunities} for pair in pairs for crm in pair]
    assert (
        sum(any(new[key] != old[key] for key in old) for old, new in zip(amounts[::2], amounts[1::2], strict=True)) > 10
    )


def test_builds_leave_the_companys_seeds_alone(built):
    """The folder of THROUGHLINE_SEEDS is the company's own: whoever builds reads it and writes nothing there."""
    assert built.has_kept_seed


def test_every_record_read_is_accounted_for(built):
    """The newest load read each line of its files; what it rejected and what is in the warehouse are what they hold.

    The second load reads the files that are new or changed, and those later than the oldest of these.
    """
    lines = [line for world in built.worlds for line in all_lines(world, is_later=built.is_later)]
    written = WRITTEN_LATER if built.is_later else WRITTEN
    read_from = min(day for export, day in written.items() if not built.is_later or WRITTEN.get(export) != day)
    read = [line for line in lines if written[line.export] >= read_from]
    entities = dict(
        zip(HEADERS, ("marketing_touchpoints", "sales_touchpoints", "contacts", "opportunities"), strict=True)
    )
    newest = "load_id = (select arg_max(load_id, started_at) from raw_meta.loads)"
    built.assert_same(
        f"select entity, cast(sum(records_read) as bigint) from raw_meta.loads where {newest} group by entity",
        Counter(entities[entity(line.record)] for line in read).items(),
    )
    built.assert_same(
        "select entity, count(*) from raw_crm.rejected_records group by entity",
        Counter(entities[entity(line.record)] for line in lines if isinstance(line.record, Unloadable)).items(),
    )
    built.assert_same(
        "select 'contacts', count(*) from raw_crm.contacts"
        " union all select 'marketing', count(*) from raw_crm.marketing_touchpoints"
        " union all select 'sales', count(*) from raw_crm.sales_touchpoints"
        " union all select 'opportunities', count(*) from raw_crm.opportunities",
        (
            Counter(touch.touchpoint_type for crm in built.crms for touch in crm.touches)
            + Counter(
                contacts=sum(len(crm.contacts) for crm in built.crms),
                opportunities=sum(len(crm.opportunities) for crm in built.crms),
            )
        ).items(),
    )


def test_opportunity_touchpoints(built):
    """Each opportunity has the touches in its window, with all that the mart says of both."""
    built.assert_same(
        "select opportunity_id, account_id, pipeline_amount, opportunity_created_at, sales_segment, touchpoint_type,"
        " touchpoint_id, channel_name, contact_id, touchpoint_at from marts.opportunity_touchpoints",
        (
            (
                *(opportunity.opportunity_id, opportunity.account_id, opportunity.amount, opportunity.created_at),
                *(by_hand.segment_name(opportunity), touch.touchpoint_type, touch.touchpoint_id),
                *(by_hand.channel_name(crm, touch), touch.contact_id, touch.at),
            )
            for crm in built.crms
            for opportunity in crm.opportunities
            for touch in by_hand.touches_in_window(crm, opportunity)
        ),
    )


@pytest.mark.parametrize(
    ("mart", "models"),
    [
        ("attribution_credits", [*by_hand.MODEL_LABELS]),
        ("first_touch_attribution", ["first_touch"]),
        ("last_touch_attribution", ["last_touch"]),
        ("linear_attribution", ["linear"]),
    ],
)
def test_ledger(built, mart, models):
    """Weights and amounts are right to their last digit, and so are the rows of opportunities without a touch."""
    built.assert_same(
        "select attribution_model, opportunity_id, touchpoint_type, touchpoint_id, channel_name, sales_segment,"
        f" credit_weight, attributed_amount, unattributed_reason from marts.{mart}",
        (
            (
                *(credit.attribution_model, credit.opportunity.opportunity_id),
                *((credit.touch.touchpoint_type, credit.touch.touchpoint_id) if credit.touch else (None, None)),
                *(credit.channel_name, by_hand.segment_name(credit.opportunity), credit.weight, credit.amount),
                credit.reason,
            )
            for credit in built.ledger
            if credit.attribution_model in models
        ),
    )


def test_credit_adds_up_to_what_the_crm_holds(built):
    """In each world and model all credits, unattributed ones included, are the CRM's total, and weights sum to 1."""
    credited = defaultdict(list)
    weights = defaultdict(list)
    for model, opportunity_id, weight, amount in built.rows(
        "select attribution_model, opportunity_id, credit_weight, attributed_amount from marts.attribution_credits"
    ):
        credited[model, opportunity_id.split("-")[0]].append(amount)
        weights[model, opportunity_id].append(weight)
    expected = {
        (model, f"w{number:03}"): by_hand.total(one.amount or Decimal(0) for one in crm.opportunities)
        for number, crm in enumerate(built.crms)
        for model in by_hand.MODEL_LABELS
    }
    assert {key: by_hand.total(amounts) for key, amounts in credited.items()} == expected
    assert {by_hand.total(parts) for parts in weights.values()} == {1}
    assert len(weights) == len(by_hand.MODEL_LABELS) * sum(len(crm.opportunities) for crm in built.crms)


def test_channel_pipeline(built):
    """A channel's amount and its distinct opportunities, in each model."""
    built.assert_same(
        "select attribution_model, channel_name, attributed_amount, opportunities, is_attributed"
        " from marts.channel_pipeline",
        ((*key, *figures, key[1] != "unattributed") for key, figures in by_hand.by_channel(built.ledger).items()),
    )


def test_channel_pipeline_by_segment(built):
    """The same for each segment, the one without a name included."""
    built.assert_same(
        "select attribution_model, channel_name, sales_segment, attributed_amount, opportunities"
        " from marts.channel_pipeline_by_segment",
        ((*key, *figures) for key, figures in by_hand.by_channel_and_segment(built.ledger).items()),
    )


def test_channel_roi(built):
    """A channel's amount by month of creation and in all; without a source of spend there is no return to name."""
    built.assert_same(
        "select attribution_model, channel_name, month_start_date, attributed_amount, spend, profit, roi_pct"
        " from marts.channel_roi",
        ((*key, amount, None, None, None) for key, amount in by_hand.by_channel_and_month(built.ledger).items()),
    )


def test_channel_model_spread(built):
    """How far the models lie apart about a channel, and which of them give it least and most."""
    built.assert_same(
        "select channel_name, lowest_amount, lowest_model, highest_amount, highest_model, spread"
        " from marts.channel_model_spread",
        ((channel, *astuple(spread)) for channel, spread in by_hand.spread_by_channel(built.ledger).items()),
    )


def test_pipeline_summary(built):
    """One row with the CRM's whole pipeline and the part of it without a touch."""
    expected = by_hand.pipeline_summary(built.crms)
    built.assert_same(f"select {', '.join(expected)} from marts.pipeline_summary", [tuple(expected.values())])
    [(share,)] = built.rows("select unattributed_share from marts.pipeline_summary")
    assert share == pytest.approx(float(expected["unattributed_amount"] / expected["pipeline_amount"]))


def test_unattributed_pipeline(built):
    """Number and amount of the opportunities without a touch, by reason."""
    built.assert_same(
        "select unattributed_reason, opportunities, pipeline_amount from marts.unattributed_pipeline",
        ((reason, *figures) for reason, figures in by_hand.unattributed_by_reason(built.ledger).items()),
    )


def test_data_health(built):
    """The flaws of all worlds together, each counted in its check."""
    affected, checked = Counter(), Counter()
    for name, counts in chain.from_iterable(by_hand.data_health(crm).items() for crm in built.crms):
        affected[name] += counts[0]
        checked[name] += counts[1]
    assert all(affected.values())
    built.assert_same(
        "select check_name, affected_records, checked_records from marts.data_health where source = 'crm'",
        ((name, affected[name], checked[name]) for name in checked),
    )
