"""The demo's ad spend: JSON files of the thirty days before a day, as known on it, and another platform's CSV files."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from ingestion.demo.files import replacing
from ingestion.demo.world import DAYS, END, START, World

WINDOW_DAYS = 30
_FIRST_DAY, _LAST_DAY = START.date(), END.date() - timedelta(days=1)

# A file a week, in the last week one a day. One was never written, and the newest day's is not there yet.
_MISSED = date(2026, 6, 26)
AS_OF_DAYS = tuple(
    day
    for day in (_FIRST_DAY + timedelta(days=number) for number in range(7, DAYS - 1))
    if day != _MISSED and (day.weekday() == 0 or day > _LAST_DAY - timedelta(days=8))
)

# Clicks that turned out to be no people's were paid back: files as of this day and later say so.
RESTATED = (date(2026, 5, 12), "youtube_paid_ads", "product-tour")
RESTATED_ON = date(2026, 6, 8)

# The last days of the files with a whole half-year of search ads.
_HALF_YEARS = (date(2024, 12, 31), date(2025, 6, 30), date(2025, 12, 31), AS_OF_DAYS[-1])

_WEEKDAYS = (106, 108, 107, 104, 98, 82, 78)
_CHRISTMAS = 35


@dataclass(frozen=True)
class Campaign:
    """What money goes into.

    Attributes:
        channel: As the platform's export spells it.
        name: The campaign's; None where the export does not tell campaigns apart.
        cents_a_day: What an ordinary day costs in the first weeks, in the platform's currency.
    """

    channel: str
    name: str | None
    cents_a_day: int


SOCIAL = (
    Campaign("facebook_paid_ads", "rota-calculator", 17_500),
    Campaign("facebook_paid_ads", "staffing-guide", 12_500),
    Campaign("youtube_paid_ads", "product-tour", 28_000),
    Campaign("youtube_paid_ads", "customer-story", 18_000),
    Campaign("tiktok_paid_ads", None, 22_000),
)
# In euros.
SEARCH = (
    Campaign("Google Ads", "search-brand", 11_000),
    Campaign("Google Ads", "search-shift-planning", 18_500),
    Campaign("Google Ads", "search-rota-template", 15_500),
)


@lru_cache(maxsize=1)
def spent(world: World) -> dict[tuple[date, Campaign], int]:
    """Return what each campaign cost on each day, in cents, as it stands in the end."""
    costs = {}
    for campaign in SOCIAL + SEARCH:
        rng = world.stream("ad_spend", campaign.channel, campaign.name)
        for number in range(DAYS):
            day = _FIRST_DAY + timedelta(days=number)
            holidays = (day.month, day.day) >= (12, 24) or (day.month, day.day) == (1, 1)
            # In whole percents, and so the same on every platform: two years' growth by three fifths, and chance.
            percents = (_CHRISTMAS if holidays else _WEEKDAYS[day.weekday()]) * rng.randint(82, 118)
            growth = 100 * DAYS + 60 * number
            costs[day, campaign] = campaign.cents_a_day * percents * growth // (10_000 * 100 * DAYS)
    return costs


def window(world: World, as_of: date) -> list[dict[str, object]]:
    """Return the records of the file of an as-of day, in no order."""
    costs = spent(world)
    records: list[dict[str, object]] = []
    for number in range(WINDOW_DAYS):
        day = as_of - timedelta(days=number)
        for campaign in SOCIAL if day >= _FIRST_DAY else ():
            cents = costs[day, campaign]
            if (day, campaign.channel, campaign.name) == RESTATED and as_of < RESTATED_ON:
                cents = cents * 14 // 10
            record: dict[str, object] = {"date": f"{day}", "channel": campaign.channel}
            if campaign.name:
                record["campaign"] = campaign.name
            records.append(record | {"spend": cents / 100})
    world.stream("ad_spend", as_of).shuffle(records)
    return records


def _search_rows(world: World, first_day: date, last_day: date) -> Iterator[tuple[str, ...]]:
    costs = spent(world)
    for number in range((last_day - first_day).days + 1):
        day = first_day + timedelta(days=number)
        for campaign in SEARCH:
            euros, cents = divmod(costs[day, campaign], 100)
            yield f"{day}", campaign.channel, campaign.name or "", f"{euros}.{cents:02d}", "EUR"


def write(world: World, folder: Path) -> None:
    """Write `spend_data_<as-of day>.json`, `google_ads_<last day>.csv`, and `file_index.json`, which lists them.

    Args:
        world: Whose seed chooses the figures; its size does not change them.
        folder: Where the files go; it exists.
    """
    names = []
    for as_of in AS_OF_DAYS:
        names.append(f"spend_data_{as_of}.json")
        with replacing(folder / names[-1]) as handle:
            json.dump(window(world, as_of), handle, indent=2)
            handle.write("\n")
    first_day = _FIRST_DAY
    for last_day in _HALF_YEARS:
        names.append(f"google_ads_{last_day}.csv")
        with replacing(folder / names[-1]) as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(("date", "channel", "campaign", "spend", "currency"))
            writer.writerows(_search_rows(world, first_day, last_day))
        first_day = last_day + timedelta(days=1)
    with replacing(folder / "file_index.json") as handle:
        json.dump({"files": names}, handle, indent=2)
        handle.write("\n")
