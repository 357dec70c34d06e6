"""Telling somebody that something failed, or needs a look: to a webhook in Slack's format, if one is set."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import requests

from ingestion.errors import ThroughlineError
from ingestion.findings import Finding, note, ok
from ingestion.settings import now
from ingestion.warehouse import connect, console, has_table, working_folder

_SECONDS = 10
_LISTED = 20

# What was posted, until when it was seen open since, and when it was found closed.
_POSTS = """
    create schema if not exists raw_meta;
    create table if not exists raw_meta.alert_posts (
        rule varchar,
        subject_kind varchar,
        subject varchar,
        began_date date,
        last_open_date date,
        posted_at timestamp,
        closed_at timestamp
    )
"""
# A late record may shift the day on which an alert began, and a figure at its threshold cross it to and fro: only after
# a quarter of the rule's window without it is what opens another alert.
_IS_POST_OF = """
    posts.rule = alerts.rule
    and posts.subject_kind = alerts.subject_kind
    and posts.subject = alerts.subject
    and alerts.began_date <= posts.last_open_date + coalesce(rules.window_days, 0) // 4
"""
_OPEN = "marts.alerts as alerts inner join marts.alert_rules_dim as rules on alerts.rule = rules.rule and is_open"


@dataclass(frozen=True)
class _Alert:
    """An open alert; the names are those of the mart's columns."""

    rule: str
    subject_kind: str
    subject: str
    began_date: date
    alert_date: date
    severity_label: str
    sentence: str

    @property
    def line(self) -> str:
        """What is posted of it."""
        since = f" Since {self.began_date.day} {self.began_date:%B %Y}." if self.began_date < self.alert_date else ""
        return f"• *{self.severity_label}* {self.sentence}{since}"


def alert(warehouse: Path, subject: str, text: str) -> None:
    """Posts a text to ALERTS__WEBHOOK_URL, unless that was the last one on its subject but for numbers in it.

    Without that setting nothing is posted. It never raises: what is to be told matters more than that it could not be.

    Args:
        warehouse: What the text is about.
        subject: What is done there; each is told of by itself, and its last text is kept beside the warehouse.
        text: One sentence or more, without personal data.
    """
    try:
        url = _webhook_url()
        if not url or _gist(text) == _last_gist(warehouse, subject):
            return
        _post(url, text)
        # On a full disk it is told again rather than not at all.
        with suppress(OSError):
            _memory(warehouse, subject).write_text(_gist(text), encoding="utf-8")
    except Exception as error:
        _say_undelivered(error)


def all_is_well(warehouse: Path, subject: str) -> None:
    """Forgets the last text on something, so that the same failure is told again when it comes again."""
    with suppress(OSError, ThroughlineError):
        _memory(warehouse, subject).unlink(missing_ok=True)


def post_open_alerts(warehouse: Path) -> None:
    """Posts the open alerts of a warehouse that were not posted since they opened, in one message.

    What was posted is kept in raw_meta.alert_posts, and only once it was delivered. Without ALERTS__WEBHOOK_URL nothing
    is posted or kept, so that all that is open when it is set is posted then. It never raises, as figures are up to
    date whether or not somebody can be told.

    Args:
        warehouse: The DuckDB file, whose marts are built.
    """
    try:
        url = _webhook_url()
        if not url:
            return
        with connect(warehouse, read_only=True) as connection:
            if not has_table(connection, "marts", "alerts"):
                return
            alerts = _unposted(connection)
            is_noted = not alerts and _is_noted(connection)
        if is_noted:
            return
        # The warehouse is not kept from others while somebody else's server answers.
        if alerts:
            _post(url, _message(warehouse, alerts))
    except Exception as error:
        _say_undelivered(error)
        return
    try:
        with connect(warehouse) as connection:
            _note(connection, alerts)
    except Exception as error:
        console.print(f"What was posted could not be noted, and may be posted again: {_reason(error)}", style="red")


def alert_findings() -> Iterator[Finding]:
    """What `throughline doctor` says of them: whether anybody is told."""
    if _webhook_url():
        yield ok("alerts", "Failures and new alerts are posted to ALERTS__WEBHOOK_URL.")
    else:
        yield note("alerts", "Nobody is told of failures and new alerts; set ALERTS__WEBHOOK_URL to have them posted.")


def _unposted(connection: duckdb.DuckDBPyConnection) -> list[_Alert]:
    """The open alerts of which no post is, the most urgent and then the newest first."""
    posted = f"select 1 from raw_meta.alert_posts as posts where {_IS_POST_OF}"
    is_unposted = f"not exists ({posted})" if has_table(connection, "raw_meta", "alert_posts") else "true"
    rows = connection.execute(
        "select alerts.rule, alerts.subject_kind, alerts.subject, alerts.began_date, alerts.alert_date,"
        f" alerts.severity_label, alerts.sentence from {_OPEN} where {is_unposted}"
        " order by alerts.severity_order, alerts.began_date desc, alerts.rule, alerts.subject_kind, alerts.subject"
    )
    return [_Alert(*row) for row in rows.fetchall()]


# Of the posts whose alerts are open now, until when; null for those that are closed.
_STATES = f"""
    select posts.rowid as post, max(alerts.alert_date) as open_date
    from raw_meta.alert_posts as posts
    left join ({_OPEN}) on {_IS_POST_OF}
    group by posts.rowid
"""


def _is_noted(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the notes on what was posted say how its alerts are now."""
    if not has_table(connection, "raw_meta", "alert_posts"):
        return True
    (differing,) = connection.execute(
        f"select count(*) from raw_meta.alert_posts as posts inner join ({_STATES}) as states on posts.rowid = post"
        " where (open_date is null) != (closed_at is not null) or open_date > last_open_date"
    ).fetchone()
    return not differing


def _note(connection: duckdb.DuckDBPyConnection, alerts: list[_Alert]) -> None:
    """Notes of what was posted before how its alerts are now, and that these were posted."""
    instant = now().replace(tzinfo=None)
    connection.execute(f"begin; {_POSTS}")
    connection.execute(
        "update raw_meta.alert_posts as posts set"
        " last_open_date = greatest(last_open_date, open_date),"
        " closed_at = case when open_date is null then coalesce(closed_at, $now) end"
        f" from ({_STATES}) as states where posts.rowid = post",
        {"now": instant},
    )
    for one in alerts:
        connection.execute(
            "insert into raw_meta.alert_posts values (?, ?, ?, ?, ?, ?, null)",
            [one.rule, one.subject_kind, one.subject, one.began_date, one.alert_date, instant],
        )
    connection.execute("commit")


def _message(warehouse: Path, alerts: list[_Alert]) -> str:
    """The alerts in Slack's format, in which names of a company's own must neither link nor call anybody."""
    count = len(alerts)
    lines = [f"{warehouse.name}: {'an alert is' if count == 1 else f'{count} alerts are'} new."]
    lines += [one.line for one in alerts[:_LISTED]]
    if count > _LISTED:
        lines.append(f"… and {count - _LISTED} more.")
    return "\n".join(lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _webhook_url() -> str | None:
    import dlt

    return dlt.secrets.get("alerts.webhook_url", str)


def _post(url: str, text: str) -> None:
    requests.post(url, json={"text": text}, timeout=_SECONDS).raise_for_status()


def _say_undelivered(error: Exception) -> None:
    console.print(f"The message to ALERTS__WEBHOOK_URL could not be delivered ({_reason(error)}).", style="red")


def _reason(error: Exception) -> str:
    """Why something failed, by no more than the kind of error: its own text may show the address, which is a secret."""
    if isinstance(error, ThroughlineError):
        return str(error)
    response = getattr(error, "response", None)
    return type(error).__name__ if response is None else f"status {response.status_code}"


def _gist(text: str) -> str:
    """A text without its numbers: five rows that fail a test are no other failure than six."""
    return re.sub(r"\d+", "#", text)


def _last_gist(warehouse: Path, subject: str) -> str | None:
    path = _memory(warehouse, subject)
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _memory(warehouse: Path, subject: str) -> Path:
    return working_folder(warehouse) / f"alert.{subject}.txt"
