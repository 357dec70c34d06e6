"""What alerts must be, counted by hand: day by day, window by window, in exact fractions, and put into words."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path

DAY = timedelta(days=1)
TWO_DAYS = 48
SEVERITIES = ("critical", "warning", "info")
SOURCE_LABELS = {"crm": "CRM", "bigmarker": "BigMarker", "stream": "Stream (billing)"}


@dataclass(frozen=True)
class Booking:
    """A booking; dates are in the reporting time zone, None where nobody knows them."""

    channel: str
    status: str
    booked_on: date | None
    meeting_on: date | None


@dataclass(frozen=True)
class Age:
    """How old something of a source is, and how old it may be; an entity is named where it is its newest record."""

    source: str
    entity: str | None
    since: datetime
    hours: Fraction
    limit: Fraction


@dataclass(frozen=True)
class Company:
    """What alerts are made of.

    Attributes:
        bookings: All of them.
        spend: Day, channel and amount in the reporting currency, None where it has no rate.
        meetings: Host, event and day, each once.
        host_labels: What rules and sentences call each host.
        ages: Of each source.
        last_day: The last whole day of which bookings are known.
        today: The day of as_of.
        local_date: The reporting time zone's date of an instant.
        currency: The reporting currency.
    """

    bookings: list[Booking]
    spend: list[tuple[date, str, Decimal | None]]
    meetings: set[tuple[str, str, date]]
    host_labels: dict[str, str]
    ages: list[Age]
    last_day: date
    today: date
    local_date: Callable[[datetime], date] = lambda instant: instant.date()
    currency: str = "USD"


@dataclass(frozen=True)
class Rule:
    """A rule in force; what is blank is None."""

    name: str
    metric: str
    subject: str | None
    window: int | None
    baseline: int
    comparison: str
    threshold: Fraction
    minimum: Fraction
    severity: str


@dataclass
class Alert:
    """An alert, without what its key says."""

    figure: Fraction
    baseline: Fraction | None
    deviation: Fraction | None
    severity: str
    sentence: str
    began: date
    is_open: bool
    is_last_day: bool = False


Key = tuple[str, date, str, str]


def rules_of(*seeds: Path, overload: str = "1.5", idle: str = "0.5") -> list[Rule]:
    """The rules in force, of which later seeds replace the cells of earlier ones."""
    cells: dict[str, dict[str, str]] = {}
    for seed in seeds:
        with seed.open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                given = {name: text.strip() for name, text in row.items() if text.strip()}
                cells.setdefault(given["rule"].lower(), {}).update(given)
    return [_rule(name, row, overload, idle) for name, row in cells.items() if row.get("is_enabled", "true") == "true"]


def _rule(name: str, row: dict[str, str], overload: str, idle: str) -> Rule:
    metric, comparison = row["metric"].lower(), row["comparison"].lower()
    of_hosts = {"ratio_above": overload, "ratio_below": idle}.get(comparison) if metric == "host_load" else None
    return Rule(
        name,
        metric,
        row.get("subject"),
        int(row["window_days"]) if "window_days" in row else None,
        int(row.get("baseline_days", 0)),
        comparison,
        Fraction(row.get("threshold", of_hosts)),
        Fraction(row.get("minimum", "0")),
        row["severity"].lower(),
    )


def nine_digits(number: Fraction) -> Fraction:
    """A number rounded half away from zero."""
    scaled = abs(number) * 10**9
    rounded = Fraction((2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator), 10**9)
    return rounded if number >= 0 else -rounded


# --- Figures of some days -----------------------------------------------------------------------------------------


@dataclass
class Days:
    """What one subject of a metric has on each day: a part, what it is divided by, and whether a rate is missing."""

    kind: str
    subject: str
    first: date
    parts: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    wholes: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    gaps: set[date] = field(default_factory=set)

    def part(self, days: list[date]) -> Fraction:
        """The sum of the parts."""
        return Fraction(sum((self.parts[day] for day in days), Decimal(0)))

    def whole(self, days: list[date]) -> int:
        """The sum of the wholes."""
        return sum(self.wholes[day] for day in days)


def _cost_days(company: Company, *, is_of_known_days: bool) -> Iterator[Days]:
    """Spend and bookings of each channel that ever cost money."""
    known = {(day, channel) for day, channel, _ in company.spend}
    starts = [booking.booked_on for booking in company.bookings if booking.booked_on]
    for channel in sorted({channel for _, channel in known}):
        booked = [one.booked_on for one in company.bookings if one.channel == channel and one.booked_on]
        spent = [day for day, of_channel in known if of_channel == channel]
        # As long as nobody ever booked anything, money without bookings says nothing.
        first = min(spent) if is_of_known_days else max(min([*spent, *booked]), min(starts, default=date.max))
        days = Days("channel", channel, first)
        for day, of_channel, amount in company.spend:
            if of_channel == channel and amount is None:
                days.gaps.add(day)
            elif of_channel == channel:
                days.parts[day] += amount
        for day in booked:
            if not is_of_known_days or (day, channel) in known:
                days.wholes[day] += 1
        yield days


def _counted(kind: str, subject: str, records: Iterable[tuple[date, bool]], *, is_rate: bool) -> Iterator[Days]:
    """Records by day, of which some are the part; nothing if there are none."""
    records = list(records)
    if records:
        days = Days(kind, subject, min(day for day, _ in records))
        for day, is_part in records:
            days.parts[day] += is_part
            days.wholes[day] += is_rate
        yield days


def subjects_of(metric: str, company: Company) -> Iterator[Days]:
    """Each subject of a metric, with its days."""
    booked = [(one.channel, one.booked_on) for one in company.bookings if one.booked_on]
    outcomes = [
        (one.channel, one.meeting_on, one.status == "held")
        for one in company.bookings
        if one.meeting_on and one.status != "scheduled"
    ]
    channels = sorted({one.channel for one in company.bookings} - {"unmapped"})
    match metric:
        case "cost_per_booking":
            yield from _cost_days(company, is_of_known_days=True)
        case "spend_without_bookings":
            yield from _cost_days(company, is_of_known_days=False)
        case "bookings":
            yield from _counted("all", "all", ((day, True) for _, day in booked), is_rate=False)
            for channel in channels:
                yield from _counted("channel", channel, ((d, True) for c, d in booked if c == channel), is_rate=False)
        case "unmapped_share":
            yield from _counted("all", "all", ((day, channel == "unmapped") for channel, day in booked), is_rate=True)
        case "held_rate":
            yield from _counted("all", "all", ((day, held) for _, day, held in outcomes), is_rate=True)
            for channel in channels:
                yield from _counted("channel", channel, ((d, h) for c, d, h in outcomes if c == channel), is_rate=True)
        case "host_load":
            for host in sorted({host for host, _, _ in company.meetings}):
                yield from _counted(
                    "host", host, ((d, True) for h, _, d in company.meetings if h == host), is_rate=False
                )


def figure_of(metric: str, days: Days, some: list[date]) -> Fraction | None:
    """The metric over some days; None where nothing can be said."""
    part, whole = days.part(some), days.whole(some)
    if days.gaps.intersection(some):
        return None
    match metric:
        case "cost_per_booking":
            return nine_digits(part / whole) if whole else None
        case "held_rate" | "unmapped_share":
            return part / whole if whole else None
        case "spend_without_bookings":
            return None if whole else part
    return part


def baseline_of(rule: Rule, days: Days, before: list[date]) -> Fraction | None:
    """The metric over the days before a window."""
    if rule.metric in ("bookings", "spend_without_bookings"):
        return None if days.gaps.intersection(before) else days.part(before) * len_ratio(rule)
    return figure_of(rule.metric, days, before)


def len_ratio(rule: Rule) -> Fraction:
    """How many windows a baseline is, the other way round."""
    return Fraction(rule.window, rule.baseline)


def deviation_of(rule: Rule, figure: Fraction | None, baseline: Fraction | None) -> Fraction | None:
    """What is compared with the threshold, if it is not the figure itself."""
    if figure is None or baseline is None or rule.comparison in ("above", "below"):
        return None
    if rule.comparison.startswith("difference"):
        return nine_digits(figure - baseline)
    return nine_digits(figure / baseline) if baseline else None


def is_beyond(rule: Rule, figure: Fraction | None, deviation: Fraction | None) -> bool:
    """Whether the threshold is passed."""
    compared = figure if rule.comparison in ("above", "below") else deviation
    if compared is None:
        return False
    return compared > rule.threshold if rule.comparison.endswith("above") else compared < rule.threshold


# --- Alerts -------------------------------------------------------------------------------------------------------


def alerts_of(company: Company, rules: list[Rule]) -> dict[Key, Alert]:
    """Every alert of a company."""
    found: dict[Key, Alert] = {}
    for rule in rules:
        if rule.metric == "source_lateness":
            found |= dict(_late_sources(company, rule))
            continue
        alerts = _host_alerts if rule.metric == "host_load" else _compared_alerts
        found |= {key: one for key, one in alerts(company, rule) if _is_of(rule, _name(company, *key[2:]))}
    for key in found:
        _place_in_run(found, key)
    return found


def _windows(company: Company, rule: Rule, first: date, history: int) -> Iterator[tuple[date, list[date], list[date]]]:
    """Each day that has a whole history, with the days of its window and those of its baseline."""
    day = first + (history - 1) * DAY
    while day <= company.last_day:
        window = [day - number * DAY for number in range(rule.window)]
        yield day, window, [window[-1] - number * DAY for number in range(1, rule.baseline + 1)]
        day += DAY


def _compared_alerts(company: Company, rule: Rule) -> Iterator[tuple[Key, Alert]]:
    is_compared = rule.comparison not in ("above", "below")
    for days in subjects_of(rule.metric, company):
        for day, window, before in _windows(company, rule, days.first, rule.window + is_compared * rule.baseline):
            figure = figure_of(rule.metric, days, window)
            baseline = baseline_of(rule, days, before) if is_compared else None
            deviation = deviation_of(rule, figure, baseline)
            if not is_beyond(rule, figure, deviation):
                continue
            if rule.metric in ("bookings", "spend_without_bookings"):
                is_enough = max(figure, baseline or 0) >= rule.minimum
            else:
                is_enough = days.whole(window) >= rule.minimum and (
                    not is_compared or days.whole(before) * len_ratio(rule) >= rule.minimum
                )
            if is_enough:
                yield _alert(company, rule, day, days, figure, baseline, deviation)


def _host_alerts(company: Company, rule: Rule) -> Iterator[tuple[Key, Alert]]:
    by_day: dict[date, list[tuple[Days, Fraction]]] = defaultdict(list)
    for days in subjects_of("host_load", company):
        for day, window, before in _windows(company, rule, days.first, rule.window):
            # Before the first meeting of somebody there is none.
            if days.part(window) + days.part(before):
                by_day[day].append((days, days.part(window)))
    for day, loads in by_day.items():
        mean = sum(load for _, load in loads) / len(loads)
        for days, load in loads:
            baseline = mean if rule.comparison not in ("above", "below") else None
            deviation = deviation_of(rule, load, baseline)
            if mean >= rule.minimum and is_beyond(rule, load, deviation):
                yield _alert(company, rule, day, days, load, baseline, deviation, hosts=len(loads))


def _alert(
    company: Company,
    rule: Rule,
    day: date,
    days: Days,
    figure: Fraction,
    baseline: Fraction | None,
    deviation: Fraction | None,
    hosts: int = 0,
) -> tuple[Key, Alert]:
    name = _name(company, days.kind, days.subject)
    label = {"all": "All channels", "channel": _label(name), "host": name}[days.kind]
    sentence = f"{label}: {_sentence(company, rule, day, figure, baseline, deviation, hosts)}"
    found = Alert(figure, baseline, deviation, rule.severity, sentence, day, day == company.last_day)
    return (rule.name, day, days.kind, days.subject), found


def _late_sources(company: Company, rule: Rule) -> Iterator[tuple[Key, Alert]]:
    for source in {age.source for age in company.ages}:
        ages = [age for age in company.ages if age.source == source]
        oldest = min(ages, key=lambda age: (-age.hours / age.limit, age.entity or ""))
        deviation = deviation_of(rule, oldest.hours, oldest.limit)
        if rule.subject not in (None, source, _source_label(source)) or not is_beyond(rule, oldest.hours, deviation):
            continue
        allowed = {
            "ratio_above": rule.threshold * oldest.limit,
            "difference_above": rule.threshold + oldest.limit,
            "above": rule.threshold,
        }.get(rule.comparison)
        what = f"the newest record of {oldest.entity}" if oldest.entity else "the last load"
        age, limit = (_age(hours) for hours in (oldest.hours, oldest.limit))
        sentence = f"{_source_label(source)}: {what} was {age} old on {_date(company.today)};"
        began = company.local_date(oldest.since + float(allowed) * timedelta(hours=1)) if allowed else company.today
        yield (
            (rule.name, company.today, "source", source),
            Alert(
                oldest.hours,
                oldest.limit,
                deviation,
                rule.severity,
                f"{sentence} the limit is {limit}.",
                began,
                True,
            ),
        )


def _place_in_run(found: dict[Key, Alert], key: Key) -> None:
    name, day, kind, subject = key
    found[key].is_last_day = kind == "source" or (name, day + DAY, kind, subject) not in found
    if kind != "source":
        while (name, found[key].began - DAY, kind, subject) in found:
            found[key].began -= DAY


# --- Words --------------------------------------------------------------------------------------------------------


def _name(company: Company, kind: str, subject: str) -> str:
    return company.host_labels[subject] if kind == "host" else subject


def _is_of(rule: Rule, name: str) -> bool:
    return rule.subject in (None, name, _label(name))


def _label(name: str) -> str:
    return name[:1].upper() + name[1:].replace("_", " ")


def _source_label(source: str) -> str:
    return SOURCE_LABELS.get(source, _label(source))


def _date(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _number(number: Fraction, digits: int) -> str:
    exact = nine_digits(number)
    decimal = Decimal(exact.numerator) / Decimal(exact.denominator)
    return f"{decimal.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):,}"


def _plain(number: Fraction, digits: int) -> str:
    return _number(number, digits).rstrip("0").rstrip(".")


def _age(hours: Fraction) -> str:
    return f"{_plain(hours / 24, 1)} days" if hours >= TWO_DAYS else f"{_plain(hours, 1)} hours"


def _quantity(company: Company, metric: str, quantity: Fraction) -> str:
    match metric:
        case "cost_per_booking" | "spend_without_bookings":
            return f"{_number(quantity, 2)} {company.currency}"
        case "held_rate" | "unmapped_share":
            return f"{_number(quantity * 100, 1)}%"
    return _plain(quantity, 1)


def _count(number: Fraction, one: str, many: str) -> str:
    return {0: f"no {one}", 1: f"1 {one}"}.get(number, f"{_number(number, 0)} {many}")


def _days(days: int) -> str:
    return "day" if days == 1 else f"{days:,} days"


def _sentence(
    company: Company,
    rule: Rule,
    day: date,
    figure: Fraction,
    baseline: Fraction | None,
    deviation: Fraction | None,
    hosts: int,
) -> str:
    quantity = _quantity(company, rule.metric, figure)
    saw = {
        "cost_per_booking": f"a booking cost {quantity}",
        "bookings": _count(figure, "booking was made", "bookings were made"),
        "spend_without_bookings": f"{quantity} were spent without one booking",
        "held_rate": f"{quantity} of meetings were held",
        "host_load": _count(figure, "meeting", "meetings"),
        "unmapped_share": f"{quantity} of bookings had no channel",
    }[rule.metric]
    when = f"on {_date(day)}" if rule.window == 1 else f"in the {_days(rule.window)} to {_date(day)}"
    if rule.comparison in ("above", "below"):
        return f"{saw} {when}; the limit is {_quantity(company, rule.metric, rule.threshold)}."
    than = _quantity(company, rule.metric, baseline)
    if rule.metric == "host_load":
        than = f"the mean of {than} over {_count(Fraction(hosts), 'host', 'hosts')}"
    else:
        per = f" per {_days(rule.window)}" if rule.metric in ("bookings", "spend_without_bookings") else ""
        than = f"the {than}{per} of the {_days(rule.baseline)} before"
    return f"{saw} {when}, {_comparison(company, rule, deviation)} {than}."


def _comparison(company: Company, rule: Rule, deviation: Fraction) -> str:
    if rule.comparison.startswith("ratio"):
        if deviation == 0:
            return "compared with"
        if deviation >= 1:
            return f"{_number(deviation, 1)} times"
        word = "fewer" if rule.metric in ("bookings", "host_load") else "less"
        return f"{_number((1 - deviation) * 100, 0)}% {word} than"
    if rule.metric in ("held_rate", "unmapped_share"):
        size = f"{_number(abs(deviation) * 100, 1)} percentage points"
    else:
        size = _quantity(company, rule.metric, abs(deviation))
    return f"{size} {'below' if deviation < 0 else 'above'}"
