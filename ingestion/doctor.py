"""`throughline doctor`: whether settings, sources, webhooks, warehouse and figures are well, and what to do if not."""

import os
import shutil
import threading
import tomllib
import traceback
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.text import Text

from ingestion import (
    ad_spend,
    bigmarker,
    bigmarker_api,
    calendly,
    calendly_export,
    crm,
    stream,
    zoom,
    zoom_api,
    zoom_reports,
)
from ingestion.alerts import alert_findings
from ingestion.apis import RefusalError
from ingestion.calendly_api import Api
from ingestion.declarations import FileTable
from ingestion.errors import ThroughlineError
from ingestion.file_loads import DOCUMENTS, extensions, wanted
from ingestion.files import SourceFile, fits, list_files, shown
from ingestion.findings import Finding, act, ago, counted, note, ok, size
from ingestion.indexed_files import indexed_names
from ingestion.postgres_publication import postgres_findings
from ingestion.rest import NoAnswerError
from ingestion.settings import local_folder, missing_company_seeds, now, source_setting
from ingestion.signing_keys import SETTING, secrets_path, signing_keys
from ingestion.sources import SOURCES, is_configured, remedy, required_settings
from ingestion.subscriptions import Subscription, subscriptions
from ingestion.warehouse_checks import PATIENCE, Warehouse

# What may be set of each source, besides the credentials of one that reads files.
SETTINGS = {
    "crm": ("bucket_url",),
    "calendly": ("api_token", "base_url", "lookback_days", "no_show_lookback_days", "max_requests_per_minute"),
    "calendly_webhooks": ("bucket_url", "signing_keys", "signature_tolerance_seconds"),
    "calendly_export": ("bucket_url", "timezone"),
    "ad_spend": ("bucket_url", "currency"),
    "zoom": (
        *("account_id", "client_id", "client_secret", "base_url", "oauth_url", "lookback_days"),
        *("bucket_url", "timezone"),
    ),
    "bigmarker": ("api_key", "base_url", "lookback_days", "max_requests_per_minute"),
    "stream": ("bucket_url", "currency", "date_order"),
}

_ANSWER_SECONDS = 10.0
# Some files of deliveries.
_RECEIVER_BYTES = 100 << 20
# A prefix may have many pages of files.
_LISTING_SECONDS = 30.0
_STYLES = {"ok": "green", "note": "yellow", "act": "bold red"}

T = TypeVar("T")


def examine(warehouse: Path) -> bool:
    """Looks at everything, prints a sentence for each thing it finds, and tells whether nobody has to do anything.

    Nothing is changed, waited for or retried; a check that fails keeps no other one from being made.

    Args:
        warehouse: The DuckDB file.
    """
    # Its lines are what the command is asked to print; addresses with [brackets] are no markup.
    output = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    needing = []
    for finding in _Examination(warehouse).findings():
        output.print(
            Text.assemble((f"{finding.mark:<4}", _STYLES[finding.mark]), f"  {finding.subject}: {finding.text}")
        )
        if finding.mark == "act":
            needing.append(finding.subject)
    subjects = ", ".join(dict.fromkeys(needing))
    if not needing:
        output.print("Nothing needs you.")
    else:
        output.print(f"{'One thing needs' if len(needing) == 1 else f'{len(needing)} things need'} you: {subjects}.")
    return not needing


class _Examination:
    """One look at everything."""

    def __init__(self, warehouse: Path) -> None:
        self._now = datetime.now(UTC)
        self._path = warehouse
        self._configured: list[str] = []
        # Those of them that have nothing to load yet.
        self._empty: set[str] = set()

    def findings(self) -> Iterator[Finding]:
        """What there is to say, always in the same order."""
        yield from _guarded("clock", self._clock)
        warehouse = Warehouse(self._path, self._now)
        # Read first and said later: what was received is compared with it.
        opened = list(_guarded("warehouse", warehouse.opened))
        given = list(_guarded("settings", _settings))
        yield from given
        yield from _guarded("settings", _company_seeds)
        # A file that cannot be read stands in the way of every setting.
        if not any(finding.mark == "act" for finding in given):
            yield from _guarded("settings", self._sources)
            yield from _guarded("alerts", alert_findings)
        for source in self._configured:
            checks = {
                "calendly": [self._api],
                "calendly_webhooks": [lambda: self._deliveries(warehouse)],
                "zoom": [_zoom, _zoom_reports],
                "bigmarker": [_bigmarker],
            }
            for check in checks.get(source, [lambda source=source: _files(source)]):
                yield from _guarded(source, check)
        yield from opened
        for subject, check in (
            ("build", warehouse.built),
            ("published copy", warehouse.published),
            ("site", warehouse.site),
            ("freshness", lambda: warehouse.fresh(self._configured, self._empty) if self._configured else ()),
            ("rejected records", warehouse.rejected),
            ("disk", warehouse.disk),
            ("PostgreSQL", postgres_findings),
        ):
            yield from _guarded(subject, check)

    def _clock(self) -> Iterator[Finding]:
        self._now = now()
        if os.environ.get("THROUGHLINE_NOW"):
            yield note("clock", f"THROUGHLINE_NOW is set; it is always {self._now:%Y-%m-%d %H:%M} UTC.")

    def _sources(self) -> Iterator[Finding]:
        """Which sources have settings."""
        self._configured = [name for name in SOURCES if is_configured(name)]
        if not self._configured:
            every = [setting for name in SOURCES for setting in required_settings(name)]
            yield act("settings", f"No source has settings; set one of {', '.join(every)}.")
            return
        for name in SOURCES:
            if name not in self._configured:
                yield note(name, f"It has no settings; to load it, {remedy(name)}.")

    def _api(self) -> Iterator[Finding]:
        """Whether the API answers, lets the organization be read, and delivers webhooks."""
        with Api.impatient(calendly.check_settings()) as api:
            user, organization = api.me()
            try:
                api.page("scheduled_events", organization=organization, count="1")
                yield ok("calendly", "The API answers, and the organization's scheduled events may be read.")
            except RefusalError as refusal:
                if refusal.status != 403:
                    raise
                yield act(
                    "calendly",
                    f"The token may not read the organization's scheduled events ({refusal.reason}); set"
                    " SOURCES__CALENDLY__API_TOKEN to that of an admin or owner.",
                )
            yield from _guarded("subscription", lambda: self._subscriptions(api, user, organization))

    def _subscriptions(self, api: Api, user: str, organization: str) -> Iterator[Finding]:
        """Whether Calendly delivers to a receiver."""
        has_webhooks = "calendly_webhooks" in self._configured
        known, are_all = subscriptions(api, user, organization)
        ours = [subscription for subscription in known if subscription.is_ours]
        is_any_active = any(subscription.is_active for subscription in ours)
        for subscription in ours:
            yield self._subscription(subscription, is_any_active)
        if not are_all and (ours or has_webhooks):
            yield note("subscription", "Those of the organization are shown only to the token of an admin or owner.")
        if ours or not has_webhooks:
            return
        others = ", ".join(subscription.place for subscription in known if subscription.is_active)
        if others:
            yield note(
                "subscription",
                f"Calendly delivers to {others}; if none of these is the receiver, run `throughline subscribe`.",
            )
        elif are_all and signing_keys():
            yield act(
                "subscription",
                "There is a signing key, but Calendly delivers nowhere; run `throughline subscribe`, then `throughline"
                " load calendly --backfill`.",
            )
        elif are_all:
            yield note("subscription", "Calendly delivers nowhere; `throughline subscribe` would have it do so.")

    def _subscription(self, subscription: Subscription, is_any_active: bool) -> Finding:
        """What one that leads to a receiver is like."""
        place = subscription.place
        if not subscription.is_active:
            if is_any_active:
                return note("subscription", f"That of {place} is disabled, and another one delivers.")
            return act(
                "subscription",
                f"Calendly has disabled that of {place}: make the receiver reachable there, then run `throughline"
                f" subscribe --url {place} --replace` and `throughline load calendly --backfill`.",
            )
        if subscription.retrying_since:
            return act(
                "subscription",
                f"Since {ago(subscription.retrying_since, self._now)} {place} has not answered every delivery; Calendly"
                " tries again for 24 hours and then disables it. See whether `throughline receive` runs and is"
                " reachable there, and what it says.",
            )
        return ok("subscription", f"Calendly delivers to {place}.")

    def _deliveries(self, warehouse: Warehouse) -> Iterator[Finding]:
        """Whether deliveries can be received, and whether those that are there were loaded."""
        url = source_setting("calendly_webhooks", "bucket_url")
        if not signing_keys() and not url.startswith("s3://"):
            yield note(
                "receiver",
                f"There is no signing key in {SETTING} or {secrets_path()}, and `throughline receive` does not start"
                " without one; `throughline subscribe` makes it.",
            )
        if "calendly" not in self._configured:
            yield note(
                "subscription",
                "Whether Calendly still delivers can be seen only with SOURCES__CALENDLY__API_TOKEN set.",
            )
        if folder := local_folder(url):
            yield from _receiver_disk(folder)
            if not folder.exists():
                yield note("calendly_webhooks", f"{folder} is not there yet; `throughline receive` makes it.")
                self._empty.add("calendly_webhooks")
                return
        files = _listed("calendly_webhooks", url, DOCUMENTS, is_deep=True)
        if not files:
            self._empty.add("calendly_webhooks")
            yield note("calendly_webhooks", f"{shown(url)} holds no delivery yet.")
            return
        yield ok("calendly_webhooks", f"{shown(url)} holds {counted(len(files), 'file')}.")
        if not warehouse.state:
            return
        known = warehouse.state.delivery_files
        waiting = [file for file in files if known.get(file.address) != file.version]
        if not waiting:
            yield ok("receiver", "All that was received is loaded.")
            return
        oldest = min(file.modified_at for file in waiting)
        text = f"Deliveries in {counted(len(waiting), 'file')} wait to be loaded, since {ago(oldest, self._now)}"
        if self._now - oldest > PATIENCE:
            yield act(
                "receiver", f"{text}: see whether `throughline refresh calendly_webhooks` runs, and what it says."
            )
        else:
            yield note("receiver", f"{text}.")


def _receiver_disk(folder: Path) -> Iterator[Finding]:
    """Whether deliveries can be written."""
    place = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(place).free
    if free < _RECEIVER_BYTES:
        yield act(
            "receiver",
            f"{size(free)} are free at {place}: make room, or deliveries are refused, and Calendly disables the"
            " subscription after 24 hours of that.",
        )
    elif not os.access(place, os.W_OK):
        yield note("receiver", f"{place} cannot be written by this user; see that `throughline receive` can.")


def _guarded(subject: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The findings of a check, the last of which may be why it could not go on."""
    try:
        yield from check()
    except NoAnswerError as error:
        yield note(subject, f"{error} Look again later.") if error.is_passing else act(subject, str(error))
    except ThroughlineError as error:
        yield act(subject, str(error))
    except Exception as error:
        # Its words could be anything, a secret among them.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        yield act(
            subject,
            f"It could not be looked at ({type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno});"
            " please report that.",
        )


def _within(seconds: float, work: Callable[[], T], place: str) -> T:
    """The result of work that may hang.

    Raises:
        ThroughlineError: It takes longer; the thread in which it happens ends with the process.
    """
    outcome: list[Callable[[], T]] = []

    def do() -> None:
        try:
            result = work()
            outcome.append(lambda: result)
        except BaseException as error:
            outcome.append(lambda error=error: _raise(error))

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise ThroughlineError(f"{place} gave no answer within {seconds:g} s; see whether it can be reached.")
    return outcome[0]()


def _raise(error: BaseException) -> T:
    raise error


def _listed(source: str, url: str, extensions: Iterable[str], *, is_deep: bool = False) -> list[SourceFile]:
    """The files of a source, if they can be listed soon."""
    return _within(_LISTING_SECONDS, lambda: list_files(source, url, tuple(extensions), is_deep=is_deep), shown(url))


def _company_seeds() -> Iterator[Finding]:
    for path in missing_company_seeds():
        yield act("settings", f"The company seed {path} is missing; put it there, with at least its header.")


def _settings() -> Iterator[Finding]:
    """Settings that nothing reads, such as one that is misspelt."""
    known = {f"{source}__{name}" for source, names in SETTINGS.items() for name in names}
    for place, names in _given_settings():
        for name in sorted(set(names)):
            source, _, rest = name.partition("__")
            is_credential = rest.startswith("credentials") and "bucket_url" in SETTINGS.get(source, ())
            if name in known or is_credential or source == "credentials":
                continue
            close = get_close_matches(name, known, 1)
            guess = f"did you mean SOURCES__{close[0].upper()}?" if close else "see README for those that there are."
            yield note("settings", f"SOURCES__{name.upper()} in {place} is read by nothing; {guess}")


def _given_settings() -> Iterator[tuple[str, list[str]]]:
    """Where settings of sources stand, with their names there: `<source>__<name>`."""
    prefix = "SOURCES__"
    yield "the environment", [name.removeprefix(prefix).lower() for name in os.environ if name.startswith(prefix)]
    for path in (secrets_path(), secrets_path().with_name("config.toml")):
        try:
            sources = tomllib.loads(path.read_text(encoding="utf-8")).get("sources", {})
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            # A TOML error shows no more than a line and a column.
            raise ThroughlineError(f"{path} cannot be read: {error}; correct it.") from None
        tables = {source: table for source, table in sources.items() if isinstance(table, dict)}
        yield str(path), [f"{source}__{name}" for source, table in tables.items() for name in table]


def _files(source: str) -> Iterator[Finding]:
    """Whether a source's files can be listed, and what a load would take of them."""
    url = source_setting(source, "bucket_url")
    tables = _tables(source)
    wanted_extensions = extensions(tables)
    if source == "ad_spend" and url.startswith(("https://", "http://")):
        names = indexed_names(source, url, wanted_extensions, seconds=_ANSWER_SECONDS)
    else:
        names = [file.name for file in _listed(source, url, wanted_extensions)]
    counts = {table: sum(fits(name, table.pattern, table.json_pattern) for name in names) for table in tables}
    if not any(counts.values()):
        yield act(source, f"{shown(url)} holds none of the files {', '.join(map(wanted, tables))}; put them there.")
        return
    yield ok(source, f"{shown(url)} holds {counted(sum(counts.values()), 'file')} to load.")
    for table, count in counts.items():
        if not count:
            yield note(source, f"There is no {wanted(table)}; {table.name} stays as it is.")


def _zoom() -> Iterator[Finding]:
    """Whether the app gets a token, and may list the account's users, with whom each load begins."""
    settings = zoom.check_settings()
    if not settings:
        return
    with zoom_api.Api.impatient(settings) as api:
        users = api.users()
    yield ok("zoom", f"The API answers, and the account has {counted(len(users), 'active user')}.")


def _zoom_reports() -> Iterator[Finding]:
    """Whether Attendee Reports can be listed, and their times be read."""
    url = source_setting("zoom", "bucket_url")
    if not url:
        return
    zoom_reports.time_zone()
    files = _listed("zoom", url, zoom_reports.EXTENSIONS)
    if files:
        yield ok("zoom", f"{shown(url)} holds {counted(len(files), 'file')} to load.")
    else:
        yield note("zoom", f"{shown(url)} holds no Attendee Report (*.csv) yet.")


def _bigmarker() -> Iterator[Finding]:
    """Whether the API answers."""
    with bigmarker_api.Api.impatient(bigmarker.check_settings()) as api:
        page = next(api.conferences())
    count = page.number("total_entries")
    there_are = "" if count is None else f", and the account has {counted(count, 'conference')}"
    yield ok("bigmarker", f"The API answers{there_are}.")


def _tables(source: str) -> Iterable[FileTable]:
    """What the files of a source fill, by its settings."""
    makers = {
        "crm": lambda: crm.TABLES,
        "ad_spend": ad_spend.tables,
        "calendly_export": calendly_export.tables,
        "stream": stream.tables,
    }
    return makers[source]()
