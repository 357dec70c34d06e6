"""The `throughline` command."""

import os
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from ingestion.errors import ThroughlineError
from ingestion.settings import (
    PROJECT_ROOT,
    missing_company_seeds,
    published_path,
    site_path,
    source_setting,
    warehouse_path,
)
from ingestion.warehouse import console

app = typer.Typer(
    help="Follows a lead from the ad that was paid for, through the meeting, to pipeline and revenue.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


# Each source, a module of this package, with the setting without which it is skipped.
SOURCES = {
    "crm": "bucket_url",
    "calendly": "api_token",
    "calendly_webhooks": "bucket_url",
    "calendly_export": "bucket_url",
    "ad_spend": "bucket_url",
}
MEANINGS = {"bucket_url": "the folder or s3:// prefix of its files", "api_token": "a token of its API"}


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
    if unknown := [name for name in sources or () if name not in SOURCES]:
        raise ThroughlineError(f"There is no source {unknown[0]!r}; the sources are {', '.join(SOURCES)}.")
    if sources and everything:
        raise ThroughlineError(f"--all loads every source; leave it out, or leave out {', '.join(sources)}.")
    for path in missing_company_seeds():
        console.print(f"The company seed {path} is missing; dbt build needs it, with at least its header.")
    failures = 0
    for name in sources or SOURCES:
        try:
            _load(name, reread, backfill)
        except ThroughlineError as error:
            console.print(f"{name}: {error}", style="red")
            failures += 1
    if failures:
        raise typer.Exit(1)


def _load(name: str, reread: bool, backfill: bool) -> None:
    setting = SOURCES[name]
    value = source_setting(name, setting)
    if not value:
        console.print(
            f"{name}: skipped, because it has no settings; set SOURCES__{name.upper()}__{setting.upper()} to"
            f" {MEANINGS[setting]}."
        )
        return
    # Only now, as dlt takes two seconds, and `throughline --help` should be quick.
    module = import_module(f"ingestion.{name}")
    if setting == "bucket_url":
        module.load(value, warehouse_path(), reread=reread)
    else:
        module.load(warehouse_path(), backfill=backfill)


@app.command()
def publish() -> None:
    """Copy the warehouse to its published copy, if the newest build is whole and clean."""
    from ingestion.publish import publish_warehouse

    publish_warehouse(warehouse_path())


@app.command()
def site(
    serve: Annotated[bool, typer.Option(help="Serve the site as it was built, instead of building it.")] = False,
    host: Annotated[str, typer.Option(help="Where to serve.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to serve.")] = 3000,
) -> None:
    """Build the report site from the published copy, or serve it."""
    from ingestion.site import build_site, serve_site

    warehouse = warehouse_path()
    if serve:
        serve_site(site_path(warehouse), host, port)
    else:
        build_site(published_path(warehouse), site_path(warehouse))


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
    from ingestion.demo.calendly_simulator import simulated

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
