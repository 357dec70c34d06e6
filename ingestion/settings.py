"""Where things are and what time it is: the settings that every command shares."""

import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import url2pathname

from ingestion.errors import ThroughlineError

PROJECT_ROOT = Path(__file__).resolve().parent.parent

# The company seeds that the models read: whichever folder THROUGHLINE_SEEDS names must hold each of them.
COMPANY_SEEDS = (
    "event_type_channels",
    "channel_aliases",
    "exchange_rates",
    "hosts",
    "webinar_catalogue",
    "identity_overrides",
    "alert_rules",
)


def from_root(path: str) -> Path:
    """A path as a setting gives it: absolute, or relative to the project's root.

    Raises:
        ThroughlineError: It begins with ~, which a shell expands and dbt would take for a folder's name.
    """
    if path.startswith("~"):
        raise ThroughlineError(f"The setting {path!r} begins with ~, which only a shell expands; write the whole path.")
    return (PROJECT_ROOT / path).resolve()


def local_folder(url: str) -> Path | None:
    """The folder that a BUCKET_URL names on this machine; None if it names a place elsewhere.

    Raises:
        ThroughlineError: It begins with ~.
    """
    if url.startswith("file://"):
        return Path(url2pathname(url.removeprefix("file://")))
    return None if "://" in url else from_root(url)


def warehouse_path() -> Path:
    """The DuckDB file of THROUGHLINE_WAREHOUSE (relative to the project's root), else the default one."""
    return from_root(os.environ.get("THROUGHLINE_WAREHOUSE") or "warehouse/throughline.duckdb")


def published_path(warehouse: Path) -> Path:
    """The published copy of a warehouse: `x.published.duckdb` beside `x.duckdb`."""
    return warehouse.with_name(f"{warehouse.stem}.published.duckdb")


def site_path(warehouse: Path) -> Path:
    """The built report site of a warehouse: the folder `x.site` beside `x.duckdb`."""
    return warehouse.with_name(f"{warehouse.stem}.site")


def seeds_folder() -> Path:
    """The folder of THROUGHLINE_SEEDS with the company's seeds, else the default one."""
    return from_root(os.environ.get("THROUGHLINE_SEEDS") or "seeds/company")


def missing_company_seeds() -> list[Path]:
    """The company seeds that the folder in use lacks, as paths."""
    folder = seeds_folder()
    return [path for name in COMPANY_SEEDS if not (path := folder / f"{name}.csv").is_file()]


def now() -> datetime:
    """The loaders' clock: THROUGHLINE_NOW (ISO, UTC unless it has an offset), else the machine's; in UTC.

    Raises:
        ThroughlineError: THROUGHLINE_NOW is no ISO date or instant.
    """
    text = os.environ.get("THROUGHLINE_NOW")
    if not text:
        return datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ThroughlineError(
            f"THROUGHLINE_NOW is {text!r}, which is no ISO date or instant; write it like 2026-06-30T12:00:00Z."
        ) from None


def source_setting(source: str, name: str) -> str | None:
    """A setting of a source by dlt's rules: SOURCES__<SOURCE>__<NAME>, else .dlt/secrets.toml or .dlt/config.toml.

    Raises:
        ThroughlineError: One of these files is no TOML.
    """
    import dlt
    from dlt.common.configuration.providers.toml import TomlProviderReadException

    try:
        return dlt.secrets.get(f"sources.{source}.{name}", str) or dlt.config.get(f"sources.{source}.{name}", str)
    except TomlProviderReadException as error:
        # Its own words quote the line, which may hold a secret.
        raise ThroughlineError(f"{error.file_name} in .dlt is no TOML; correct it.") from None
