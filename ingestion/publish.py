"""The published copy: what reports read, so that they and a load or build never wait for each other."""

import os
import shutil
from pathlib import Path

import duckdb

from ingestion.alerts import alert, all_is_well
from ingestion.errors import ThroughlineError
from ingestion.settings import published_path
from ingestion.warehouse import connect, console, has_table


def publish_warehouse(warehouse: Path) -> None:
    """Copies x.duckdb to x.published.duckdb beside it, in one step, if its marts are whole and clean.

    Args:
        warehouse: The DuckDB file.

    Raises:
        ThroughlineError: There is no build, or the newest one is not fit to be shown; the copy in place stays.
    """
    if not warehouse.is_file():
        raise ThroughlineError(f"There is no warehouse {warehouse}; load a source and run dbt build first.")
    published = published_path(warehouse)
    unfinished = published.with_name(f".{published.name}.unfinished")
    with connect(warehouse) as connection:
        if complaint := _complaint(connection):
            kept = " The published copy stays as it was." if published.is_file() else ""
            raise ThroughlineError(f"{warehouse.name} was not published: {complaint}{kept}")
        connection.execute("force checkpoint")
        # The open connection keeps every other process from writing meanwhile. A copy of the file, because DuckDB's
        # COPY FROM DATABASE refuses foreign keys.
        try:
            shutil.copyfile(warehouse, unfinished)
            with unfinished.open("rb") as copy:
                os.fsync(copy.fileno())
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            kept = " The one in place stays." if published.is_file() else ""
            raise ThroughlineError(
                f"{published} could not be written ({error.strerror}).{kept} If the disk is full, make room for a"
                f" copy of {warehouse.name}; then `throughline publish`, or the next refresh, makes it."
            ) from None
    unfinished.replace(published)
    console.print(f"Published {published}.")


def publish_to(store: str, warehouse: Path, destination: str | None) -> None:
    """Makes the published copy, and writes its marts into another store, so that no load or build waits meanwhile.

    Args:
        store: `postgres` or `parquet`.
        warehouse: The DuckDB file.
        destination: Of `parquet`, the folder or s3:// prefix.

    Raises:
        ThroughlineError: There is no copy to be made, or the store does not take it; what it holds stays.
    """
    # These libraries take half a second to import.
    from ingestion.parquet import publish_to_parquet
    from ingestion.postgres_publication import publish_to_postgres

    try:
        publish_warehouse(warehouse)
        if store == "postgres":
            publish_to_postgres(published_path(warehouse))
        else:
            publish_to_parquet(published_path(warehouse), destination)
    except Exception:
        alert(warehouse, store, f"{warehouse.name} was not published to {store}; what it printed says why.")
        raise
    all_is_well(warehouse, store)


def is_published(warehouse: Path) -> bool:
    """Whether the published copy is one of the warehouse's newest build."""
    published = published_path(warehouse)
    return published.is_file() and _newest_build(published) == _newest_build(warehouse)


def _newest_build(database: Path) -> str | None:
    with connect(database, read_only=True) as connection:
        row = connection.execute(
            "select invocation_id from raw_meta.builds where target = 'prod' order by rowid desc limit 1"
        ).fetchone()
    return row and row[0]


def _complaint(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Why the marts must not be shown, as a sentence; None if they may."""
    if not has_table(connection, "raw_meta", "builds"):
        return "it was never built. Run dbt build."
    builds = connection.execute(
        "select command, started_at, finished_at, error_count, marts, marts_built, marts_failed"
        " from raw_meta.builds where target = 'prod' order by rowid desc"
    ).fetchall()
    if not builds:
        return "it was never built. Run dbt build."
    command, started_at, finished_at, errors, marts, *_ = builds[0]
    newest = f"the newest dbt {command} (begun {started_at:%Y-%m-%d %H:%M} UTC)"
    if finished_at is None:
        return f"{newest} did not end. Run dbt build again."
    if errors:
        return f"{newest} had {errors} error{'s' * (errors > 1)}. Mend what dbt named, then run dbt build."
    there = connection.execute(
        "select distinct table_name from duckdb_columns() where database_name = current_database()"
        " and schema_name = 'marts'"
    ).fetchall()
    for mart in marts.split(","):
        for *_, built, failed in builds:
            if mart in (failed or "").split(","):
                return f"the mart {mart} failed when it was last built or tested. Run dbt build."
            if mart in (built or "").split(","):
                break
        else:
            return f"the mart {mart} was never built. Run dbt build."
        # A table that others refer to is made anew without them first, and then the build may be killed.
        if (mart,) not in there:
            return f"the mart {mart} is not there. Run dbt build."
    return None
