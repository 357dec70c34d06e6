"""The report site: built by Evidence from a published copy, and served from a folder."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from ingestion.errors import ThroughlineError
from ingestion.settings import PROJECT_ROOT
from ingestion.warehouse import console

REPORTS = PROJECT_ROOT / "reports"

# Strict makes a chart that cannot be drawn fail the build instead of showing a red box.
STEPS = (("npm", "run", "sources"), ("npm", "run", "build:strict"))

# Named by their content, so that of two builds either one's is the right one.
_HASHED = "_app/immutable/"

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
        published: the published copy of a warehouse; what is published meanwhile waits for the next build.
        destination: the site, a link to the folder of its build; untouched until the new build is whole.

    Raises:
        ThroughlineError: there is no published copy, the site's packages are not installed, another build is
            running, or a query or a page failed.
    """
    if not published.is_file():
        raise ThroughlineError(f"{published} does not exist; make it with `throughline publish`.")
    if not shutil.which(STEPS[0][0]) or not (REPORTS / "node_modules").is_dir():
        raise ThroughlineError(f"The packages of {REPORTS} are not installed; install them with `make setup`.")
    with _only_build() as lock:
        try:
            _mend(destination)
            _put_in_place(_built(published, lock), destination)
        except OSError as error:
            # No room, or a folder that is somebody else's.
            raise ThroughlineError(f"The site was not built and the one in place stays: {error}.") from None
    console.print(f"The report site is in {destination}.")


def _built(published: Path, lock: int) -> Path:
    """Have Evidence build the site, and return the folder in which it does."""
    # What Evidence keeps from an earlier build would be shipped again: tables of another warehouse, or of
    # a query that is gone.
    for folder in (".evidence", "build"):
        shutil.rmtree(REPORTS / folder, ignore_errors=True)
    with _snapshot(published) as snapshot:
        for step in STEPS:
            _run(step, snapshot, lock)
    build = REPORTS / "build"
    if not (build / "index.html").is_file():
        raise ThroughlineError(f"The site was built without an error, but {build} holds no index.html.")
    return build


class _SiteFiles(StaticFiles):
    """The files of the build that is in place at each request, so that a new one is served without a restart.

    A browser asks after each file every time: results are named by their query, so a new build reuses the names.
    """

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        # The link is followed once a request: the size of one build's file must not go with the bytes of another's.
        folder = Path(self.directory)
        current = folder.resolve()
        found, status = StaticFiles(directory=current, check_dir=False).lookup_path(path)
        if status is None and path.startswith(_HASHED) and (previous := _previous(folder, current)):
            # Whoever opened a page of the previous build a moment ago still asks for its scripts.
            return StaticFiles(directory=previous, check_dir=False).lookup_path(path)
        return found, status

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def site_app(folder: Path) -> Starlette:
    """The site as an application; its file responses answer Range requests, which duckdb-wasm makes."""
    return Starlette(routes=[Mount("/", _SiteFiles(directory=folder, html=True))])


def serve_site(folder: Path, host: str = "127.0.0.1", port: int = 3000) -> None:
    """Serve a built site until interrupted; a build that takes its place is served from then on.

    Args:
        folder: the built site.
        host: the address to listen on; the default is reachable from this machine alone.
        port: the port to listen on.

    Raises:
        ThroughlineError: the folder holds no site.
    """
    if not folder.exists():
        # Whoever only serves may not be allowed to.
        with suppress(OSError):
            _adopt(folder)
    if not (folder / "index.html").is_file():
        raise ThroughlineError(f"{folder} holds no site; build it with `throughline site`.")
    print(f"The report site is at http://{host}:{port}/ (stop with Ctrl+C)", flush=True)
    uvicorn.run(site_app(folder), host=host, port=port, log_level="warning")


@contextmanager
def _only_build() -> Iterator[int]:
    """Hold the reports folder, so that two builds cannot mix the tables of two warehouses; yields the lock."""
    handle = os.open(REPORTS, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ThroughlineError("Another build of the site is running; try again when it has ended.") from None
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _snapshot(published: Path) -> Iterator[Path]:
    """A second name of the published copy: each query opens the file anew, and a publish puts another in its place."""
    snapshot = published.with_name(f".{published.stem}.building.duckdb")
    # That of a build that was killed.
    snapshot.unlink(missing_ok=True)
    try:
        try:
            snapshot.hardlink_to(published)
        except OSError:
            shutil.copyfile(published, snapshot)
        yield snapshot
    finally:
        snapshot.unlink(missing_ok=True)


def _run(step: tuple[str, ...], database: Path, lock: int) -> None:
    """Run one step of the build, show its output as it comes, and fail on the errors that it does not report."""
    # The connector takes the path as relative to the source's folder, even an absolute one.
    filename = os.path.relpath(database.resolve(), REPORTS / "sources" / "warehouse")
    environment = os.environ | {
        "EVIDENCE_SOURCE__warehouse__filename": filename,
        "SEND_ANONYMOUS_USAGE_STATS": "no",
    }
    errors = []
    with subprocess.Popen(
        step,
        cwd=REPORTS,
        env=environment,
        # Whoever kills this process leaves the step running; the next build must wait for it to end.
        pass_fds=(lock,),
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


def _builds(destination: Path) -> list[Path]:
    """The whole builds beside a site, oldest first."""
    name = re.compile(rf"\.{re.escape(destination.name)}-\d{{8}}T\d{{12}}Z")
    return sorted(path for path in destination.parent.glob(".*Z") if name.fullmatch(path.name))


def _named(destination: Path, instant: datetime) -> Path:
    return destination.with_name(f".{destination.name}-{instant:%Y%m%dT%H%M%S%fZ}")


def _previous(destination: Path, current: Path) -> Path | None:
    """The build that was in place before the current one; readers of its pages may still ask for it."""
    return max((build for build in _builds(destination) if build.name < current.name), default=None)


def _mend(destination: Path) -> None:
    """Undo what a killed build has left behind."""
    if not destination.exists():
        _adopt(destination)
    current = destination.resolve()
    _remove_all_but(destination, current, _previous(destination, current))


def _adopt(destination: Path) -> None:
    """Link the newest whole build: a build may have been killed between taking one away and linking the other."""
    if builds := _builds(destination):
        _link(destination, builds[-1])


def _put_in_place(build: Path, destination: Path) -> None:
    """Link a whole build as the site; the one before is kept until the next, for those who are reading it."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    arriving = destination.with_name(f".{destination.name}.arriving")
    # Beside its place first: only within one file system is a move one step, after which the build is there whole.
    try:
        shutil.move(build, arriving)
    except OSError:
        # What has arrived of it would keep the room that was lacking.
        shutil.rmtree(arriving, ignore_errors=True)
        raise
    new = _named(destination, datetime.now(UTC))
    arriving.rename(new)
    before = destination.resolve()
    if destination.is_dir() and not destination.is_symlink():
        # A folder, as a site was before it became a link, cannot be replaced by one in a single step.
        before = _named(destination, datetime.fromtimestamp(destination.stat().st_mtime, UTC))
        destination.rename(before)
    _link(destination, new)
    _remove_all_but(destination, new, before)


def _link(destination: Path, build: Path) -> None:
    """Let the site be this build, in one step."""
    link = destination.with_name(f".{destination.name}.link")
    link.unlink(missing_ok=True)
    # By its name alone, so that the warehouse's folder may be moved.
    link.symlink_to(build.name)
    link.replace(destination)


def _remove_all_but(destination: Path, *kept: Path | None) -> None:
    names = {build.name for build in kept if build}
    for folder in (destination.with_name(f".{destination.name}.arriving"), *_builds(destination)):
        if folder.name not in names:
            shutil.rmtree(folder, ignore_errors=True)
    destination.with_name(f".{destination.name}.link").unlink(missing_ok=True)
