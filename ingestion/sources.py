"""The sources that can be loaded, each by a module of this package of the same name."""

from importlib import import_module
from pathlib import Path

from ingestion.errors import ThroughlineError
from ingestion.settings import missing_company_seeds, source_setting
from ingestion.warehouse import console

# Each source with the settings of which it needs one, or else is skipped.
SOURCES = {
    "crm": ("bucket_url",),
    "calendly": ("api_token",),
    "calendly_webhooks": ("bucket_url",),
    "calendly_export": ("bucket_url",),
    "ad_spend": ("bucket_url",),
    "zoom": ("client_id", "bucket_url"),
    "bigmarker": ("api_key",),
    "stream": ("bucket_url",),
}
MEANINGS = {
    "bucket_url": "the folder or s3:// prefix of its files",
    "api_token": "a token of its API",
    "api_key": "a key of its API",
    "client_id": "the client id of a server-to-server OAuth app",
}


def checked_sources(names: list[str] | None) -> list[str]:
    """The sources of these names, all of them if there are none.

    Raises:
        ThroughlineError: There is no source of such a name.
    """
    if unknown := [name for name in names or () if name not in SOURCES]:
        raise ThroughlineError(f"There is no source {unknown[0]!r}; the sources are {', '.join(SOURCES)}.")
    return list(dict.fromkeys(names or SOURCES))


def is_configured(name: str) -> bool:
    """Whether a source has a setting that it needs to be loaded."""
    return any(source_setting(name, setting) for setting in SOURCES[name])


def required_settings(name: str) -> list[str]:
    """The names of the settings of which a source needs one, as they stand in the environment."""
    return [f"SOURCES__{name.upper()}__{setting.upper()}" for setting in SOURCES[name]]


def remedy(name: str) -> str:
    """What to do so that a source is not skipped."""
    named = zip(required_settings(name), SOURCES[name], strict=True)
    return f"set {', or '.join(f'{name} to {MEANINGS[setting]}' for name, setting in named)}"


def load_sources(names: list[str], warehouse: Path, *, reread: bool = False, backfill: bool = False) -> list[str]:
    """Loads sources one after the other; one without settings is skipped with a sentence.

    Args:
        names: The sources.
        warehouse: The DuckDB file to load into.
        reread: Read files again that were read before and have not changed.
        backfill: Read an API's whole history again.

    Returns:
        The sources that failed, each after its reason was printed; the others were loaded nevertheless.
    """
    for path in missing_company_seeds():
        console.print(f"The company seed {path} is missing; dbt build needs it, with at least its header.")
    failed = []
    for name in names:
        try:
            _load(name, warehouse, reread, backfill)
        except ThroughlineError as error:
            console.print(f"{name}: {error}", style="red")
            failed.append(name)
    return failed


def _load(name: str, warehouse: Path, reread: bool, backfill: bool) -> None:
    if not is_configured(name):
        console.print(f"{name}: skipped, because it has no settings; {remedy(name)}.")
        return
    # Only now, as dlt takes two seconds, and `throughline --help` should be quick.
    module = import_module(f"ingestion.{name}")
    match SOURCES[name]:
        case ("bucket_url",):
            module.load(source_setting(name, "bucket_url"), warehouse, reread=reread)
        case (_,):
            module.load(warehouse, backfill=backfill)
        case _:
            # By its API, its files, or both.
            module.load(warehouse, reread=reread, backfill=backfill)
