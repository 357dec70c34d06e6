"""The `throughline` command."""

import errno
import os
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ingestion.errors import ThroughlineError
from ingestion.settings import PROJECT_ROOT, published_path, site_path, warehouse_path
from ingestion.sources import SOURCES, checked_sources, load_sources
from ingestion.warehouse import console

app = typer.Typer(
    help="Follows a lead from the ad that was paid for, through the meeting, to pipeline and revenue.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


class Store(StrEnum):
    """Where marts can be published to, besides the published copy."""

    POSTGRES = "postgres"
    PARQUET = "parquet"


@app.command()
def load(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help=f"Any of {', '.join(SOURCES)}; all that have settings if left out."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All sources that have settings.")] = False,
    reread: Annotated[bool, typer.Option(help="Read files again that were read before and have not changed.")] = False,
    backfill: Annotated[bool, typer.Option(help="Read an API's whole history again, as the first load does.")] = False,
) -> None:
    """Load sources into the warehouse's raw schemas.

    A source without settings is skipped; one that fails does not keep the others from loading.
    """
    names = checked_sources(sources)
    if sources and everything:
        raise ThroughlineError(f"--all loads every source; leave it out, or leave out {', '.join(sources)}.")
    if load_sources(names, warehouse_path(), reread=reread, backfill=backfill):
        raise typer.Exit(1)


@app.command()
def receive(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
    insecure: Annotated[bool, typer.Option(help="Without a signing key, take deliveries unsigned.")] = False,
) -> None:
    """Receive Calendly's webhooks, and keep each on disk before it is answered."""
    from ingestion.receiver import serve

    serve(host, port, insecure=insecure)


@app.command()
def subscribe(
    url: Annotated[str, typer.Option(help="The receiver's public address, https://….")],
    scope: Annotated[str, typer.Option(help="Whose meetings: organization or user.")] = "organization",
    replace: Annotated[bool, typer.Option(help="Delete the subscription of this address, and make it anew.")] = False,
) -> None:
    """Have Calendly deliver its webhooks to an address, signed with a fresh key."""
    from ingestion.subscriptions import subscribe_receiver

    subscribe_receiver(url, scope=scope, replace=replace)


@app.command()
def doctor() -> None:
    """Check the settings, reach and freshness of every source, and say what to do; exit code 1 if a person must."""
    from ingestion.doctor import examine

    if not examine(warehouse_path()):
        raise typer.Exit(1)


@app.command()
def refresh(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help=f"Any of {', '.join(SOURCES)}; all that have settings if left out."),
    ] = None,
    watch: Annotated[bool, typer.Option(help="Do it again whenever deliveries arrive, until interrupted.")] = False,
) -> None:
    """Load what changed, build and test what depends on it, and publish."""
    from ingestion.refresh import refresh_warehouse, watch_deliveries

    names = checked_sources(sources)
    if watch:
        watch_deliveries(names, warehouse_path())
    else:
        refresh_warehouse(names, warehouse_path())


@app.command()
def publish(
    to: Annotated[
        Store | None, typer.Option(help="Besides, write the marts from that copy into another store.")
    ] = None,
    destination: Annotated[
        str | None, typer.Argument(help="Of --to parquet: the folder or s3:// prefix for the facts' files.")
    ] = None,
) -> None:
    """Copy the warehouse to its published copy, if the newest build is whole and clean.

    --to postgres makes the schema marts of the database in DESTINATION__POSTGRES__CREDENTIALS equal to the copy's, in
    one transaction. --to parquet FOLDER writes the facts as Parquet files, partitioned by their date.
    """
    from ingestion.publish import publish_to, publish_warehouse

    if to is None and destination:
        raise ThroughlineError(f"Say what {destination} is for: throughline publish --to parquet {destination}.")
    if to is Store.POSTGRES and destination:
        raise ThroughlineError(
            "--to postgres takes no destination: the database is that of DESTINATION__POSTGRES__CREDENTIALS."
        )
    if to is Store.PARQUET and not destination:
        raise ThroughlineError("Say where to: throughline publish --to parquet FOLDER, or an s3:// prefix.")
    if to:
        publish_to(to, warehouse_path(), destination)
    else:
        publish_warehouse(warehouse_path())


@app.command()
def site(
    serve: Annotated[bool, typer.Option(help="Serve the site as it was built, instead of building it.")] = False,
    host: Annotated[str, typer.Option(help="Where to serve.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to serve.")] = 3000,
) -> None:
    """Build the report site from the published copy, or serve it."""
    from ingestion.alerts import alert, all_is_well
    from ingestion.site import build_site, serve_site

    warehouse = warehouse_path()
    if serve:
        serve_site(site_path(warehouse), host, port)
    else:
        try:
            build_site(published_path(warehouse), site_path(warehouse))
        except Exception:
            alert(warehouse, "site", f"The site of {warehouse.name} was not built; what it printed says why.")
            raise
        all_is_well(warehouse, "site")


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to write, in a folder for each source.")] = (
        PROJECT_ROOT / "warehouse" / "demo"
    ),
    size: Annotated[int, typer.Option(envvar="DEMO_SIZE", min=1, help="Accounts of the fictional company.")] = 400,
) -> None:
    """Write the files of the fictional company that the demo loads."""
    from ingestion.demo import write_demo

    write_demo(folder, size)
    console.print(f"The demo's files are in {folder}.")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def simulate(
    context: typer.Context,
    folder: Annotated[Path, typer.Option(help="Where `throughline demo` wrote its files.")] = (
        PROJECT_ROOT / "warehouse" / "demo"
    ),
) -> None:
    """Run a command while simulators answer for the demo's APIs: throughline simulate throughline load --all."""
    from ingestion.demo.simulators import simulated

    if not context.args:
        raise ThroughlineError("Say which command to run, like: throughline simulate throughline load --all.")
    with simulated(folder) as settings:
        try:
            done = subprocess.run(context.args, env=os.environ | settings, check=False)
        except OSError as error:
            raise ThroughlineError(f"{context.args[0]} cannot be run: {error.strerror}.") from None
    raise typer.Exit(done.returncode)


def main() -> None:
    """Runs the command; what a person can mend is printed as a sentence, with exit code 1."""
    # dlt looks for .dlt/ from here, wherever the command is run, and keeps nothing in the home directory.
    os.environ.setdefault("DLT_PROJECT_DIR", str(PROJECT_ROOT))
    os.environ.setdefault("DLT_DATA_DIR", str(PROJECT_ROOT / "warehouse" / ".working"))
    try:
        app()
    except ThroughlineError as error:
        console.print(str(error), style="red")
        raise SystemExit(1) from None
    except Exception as error:
        # Whoever met it, with or without words of its own around the system's.
        if os.strerror(errno.ENOSPC) not in str(error):
            raise
        console.print("The disk is full. What is in place stays; make room, then do it again.", style="red")
        raise SystemExit(1) from None
