"""The report site: built by Evidence from a published copy, and served from a folder."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from ingestion.errors import ThroughlineError
from ingestion.settings import PROJECT_ROOT

REPORTS = PROJECT_ROOT / "reports"

# Strict makes a chart that cannot be drawn fail the build instead of showing a red box.
STEPS = (("npm", "run", "sources"), ("npm", "run", "build:strict"))

_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ERRORS = {
    "source query": re.compile(r"(?P<name>\w+) ✖ (?:Error: )?(?P<reason>.*)"),
    # Even a strict build prints this and ends with exit code 0.
    "page query": re.compile(r"(?P<name>\S+) \| Error in Query!\s*(?P<reason>.*)"),
    "page": re.compile(r"\[ERROR\]:\s+(?P<reason>.*?) \| (?P<name>/\S*)"),
}


def build_site(published: Path, destination: Path) -> None:
    """Build the report site and put it in place of the one that is there.

    Args:
        published: the published copy of a warehouse.
        destination: the folder that will hold the site; untouched until the new site is whole.

    Raises:
        ThroughlineError: there is no published copy, the site's packages are not installed, another build is
            running, or a query or a page failed.
    """
    if not published.is_file():
        raise ThroughlineError(f"{published} does not exist; make it with `throughline publish`.")
    if not shutil.which(STEPS[0][0]) or not (REPORTS / "node_modules").is_dir():
        raise ThroughlineError(f"The packages of {REPORTS} are not installed; install them with `make setup`.")
    with _only_build():
        # What Evidence keeps from an earlier build would be shipped again: tables of another warehouse, or of
        # a query that is gone.
        for folder in (".evidence", "build"):
            shutil.rmtree(REPORTS / folder, ignore_errors=True)
        for step in STEPS:
            _run(step, published)
        build = REPORTS / "build"
        if not (build / "index.html").is_file():
            raise ThroughlineError(f"The site was built without an error, but {build} holds no index.html.")
        _swap(build, destination)


class _SiteFiles(StaticFiles):
    """Files that a browser asks after each time: results are named by their query, so a new build reuses the names."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def site_app(folder: Path) -> Starlette:
    """The site as an application; its file responses answer Range requests, which duckdb-wasm makes."""
    return Starlette(routes=[Mount("/", _SiteFiles(directory=folder, html=True))])


def serve_site(folder: Path, host: str = "127.0.0.1", port: int = 3000) -> None:
    """Serve a built site until interrupted.

    Args:
        folder: the built site.
        host: the address to listen on; the default is reachable from this machine alone.
        port: the port to listen on.

    Raises:
        ThroughlineError: the folder holds no site.
    """
    if not (folder / "index.html").is_file():
        raise ThroughlineError(f"{folder} holds no site; build it with `throughline site`.")
    print(f"The report site is at http://{host}:{port}/ (stop with Ctrl+C)", flush=True)
    uvicorn.run(site_app(folder), host=host, port=port, log_level="warning")


@contextmanager
def _only_build() -> Iterator[None]:
    """Hold the reports folder, so that two builds cannot mix the tables of two warehouses."""
    handle = os.open(REPORTS, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ThroughlineError("Another build of the site is running; try again when it has ended.") from None
        yield
    finally:
        os.close(handle)


def _run(step: tuple[str, ...], published: Path) -> None:
    """Run one step of the build, show its output as it comes, and fail on the errors that it does not report."""
    # The connector takes the path as relative to the source's folder, even an absolute one.
    filename = os.path.relpath(published.resolve(), REPORTS / "sources" / "warehouse")
    environment = os.environ | {
        "EVIDENCE_SOURCE__warehouse__filename": filename,
        "SEND_ANONYMOUS_USAGE_STATS": "no",
    }
    errors = []
    with subprocess.Popen(
        step,
        cwd=REPORTS,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            plain = _TERMINAL_CODE.sub("", line)
            for kind, pattern in _ERRORS.items():
                if error := pattern.search(plain):
                    errors.append(f"the {kind} {error['name']} failed ({error['reason'].strip()})")
    if process.returncode and not errors:
        errors.append(f"`{' '.join(step)}` ended with exit code {process.returncode}, its output says why")
    if errors:
        # Evidence renders a page more than once, and so says the same more than once.
        reasons = "; ".join(dict.fromkeys(errors))
        raise ThroughlineError(f"The site was not built and the one in place stays: {reasons}.")


def _swap(build: Path, destination: Path) -> None:
    """Put a whole build in place of a site by renaming, so that nobody meets half a site."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    new = destination.with_name(f".{destination.name}.new")
    old = destination.with_name(f".{destination.name}.old")
    shutil.rmtree(new, ignore_errors=True)
    # Beside its place first: a rename works within one file system only.
    shutil.move(build, new)
    if destination.exists():
        shutil.rmtree(old, ignore_errors=True)
        destination.rename(old)
    new.rename(destination)
    shutil.rmtree(old, ignore_errors=True)
