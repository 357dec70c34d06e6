"""Reading times of day as people's exports write them, and the zone that the settings say they are in."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from ingestion.errors import ThroughlineError
from ingestion.settings import source_setting

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = (
    r"[\sT,]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(:(?P<second>\d\d)([.]\d+)?)?"
    r"(\s*(?P<half>[AP])M|\s*(?P<offset>Z|[+-]\d\d(:?\d\d)?))?"
)
# Years from 2000 to 2099, as for every instant of bookings.
_LAYOUTS = tuple(
    re.compile(day + _CLOCK, re.IGNORECASE)
    for day in (
        r"(?P<name>[a-z]{3,9})[.]?\s+(?P<day>\d{1,2}),?\s+(?P<year>20\d\d)",
        r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>20\d\d)",
        r"(?P<year>20\d\d)[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})",
    )
)


def required_zone(source: str, said: str) -> ZoneInfo:
    """The zone of SOURCES__<SOURCE>__TIMEZONE.

    Args:
        source: The source's name.
        said: What the files leave out, and where the zone to set is found, as the rest of a sentence.

    Raises:
        ThroughlineError: The setting is missing or is none of the IANA database's zones.
    """
    name = source_setting(source, "timezone")
    if not name or name not in available_timezones():
        found = f"is {name}, which is no time zone" if name else "is not set"
        raise ThroughlineError(f"SOURCES__{source.upper()}__TIMEZONE {found}; {said}, like Europe/Berlin.")
    return ZoneInfo(name)


def instants(text: str, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants, in UTC without a zone, that a local time may be: none if it is no time, two in a repeated hour.

    Months come first, as in `Mar 28, 2020 2:20 PM`, `03/28/2020 14:20:07` and `2020-03-28 14:20`. A time that spring
    skips counts from the offset before the change. A time with an offset of its own is the one instant that it says.

    Args:
        text: The time, without blanks around it.
        zone: Where it was that time.
    """
    match = next(filter(None, (layout.fullmatch(text) for layout in _LAYOUTS)), None)
    if not match:
        return ()
    parts = match.groupdict()
    try:
        month = _MONTHS.index(parts["name"][:3].lower()) + 1 if "name" in parts else int(parts["month"])
        local = datetime(
            int(parts["year"]),
            month,
            int(parts["day"]),
            _hour(int(parts["hour"]), parts["half"]),
            int(parts["minute"]),
            int(parts["second"] or 0),
        )
        if parts["offset"]:
            return (local - _offset(parts["offset"]),)
    except ValueError:
        return ()
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    is_repeated = first.utcoffset() > second.utcoffset()
    return tuple(moment.astimezone(UTC).replace(tzinfo=None) for moment in (first, second)[: 1 + is_repeated])


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError
    return hour % 12 + 12 * (half.upper() == "P")


def _offset(text: str) -> timedelta:
    if text.upper() == "Z":
        return timedelta()
    digits = text[1:].replace(":", "")
    return int(f"{text[0]}1") * timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
