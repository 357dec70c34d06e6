"""Compares the marts of alerts with what was counted by hand, cell by cell."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

from alerts_by_hand import SEVERITIES, Alert, Key
from support import query

COLUMNS = (
    "rule, alert_date, subject_kind, subject, figure, baseline, deviation, severity, severity_order, sentence,"
    " began_date, days_open, is_new, is_open, is_last_day"
)


def is_same(told: float | None, exact: Fraction | None) -> bool:
    """Whether a float is an exact number but for the float's own digits."""
    if told is None or exact is None:
        return told is exact
    return abs(Fraction(told) - exact) <= Fraction(1, 10**9) * max(1, abs(exact))


def check_alerts(warehouse: Path, expected: dict[Key, Alert]) -> None:
    """Fails unless the marts say just these alerts, and alert_rules_dim counts them."""
    rows = query(warehouse, f"select {COLUMNS} from marts.alerts")
    told = {tuple(row[:4]): row[4:] for row in rows}
    assert len(told) == len(rows)
    assert told.keys() == expected.keys()
    for key, (figure, baseline, deviation, *rest) in told.items():
        alert = expected[key]
        for number, exact in ((figure, alert.figure), (baseline, alert.baseline), (deviation, alert.deviation)):
            assert is_same(number, exact), (key, number, exact)
        days = (key[1] - alert.began).days + 1
        order = SEVERITIES.index(alert.severity) + 1
        assert rest == (
            [alert.severity, order, alert.sentence, alert.began, days, days == 1, alert.is_open, alert.is_last_day]
        ), key
    counts = query(warehouse, "select rule, open_alerts from marts.alert_rules_dim where open_alerts > 0")
    assert dict(counts) == Counter(key[0] for key, alert in expected.items() if alert.is_open)
