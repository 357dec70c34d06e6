"""How the report site takes its place: no publish, kill or request at any moment makes half a site."""

import errno
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from ingestion import site
from ingestion.demo.simulator import serving
from ingestion.errors import ThroughlineError

# What the commands that stand in for Evidence's do: write a site that says what the database said.
DATABASE = "open(os.path.join('sources', 'warehouse', os.environ['EVIDENCE_SOURCE__warehouse__filename'])).read()"
READ = f"import os; open('read', 'w').write({DATABASE})"
WRITE = f"""
import os, pathlib
build = pathlib.Path('build')
(build / '_app' / 'immutable').mkdir(parents=True)
figures = {DATABASE}
assert pathlib.Path('read').read_text() == figures
(build / 'index.html').write_text(figures)
(build / '_app' / 'immutable' / f'{{figures}}.js').write_text(figures)
(build / f'{{figures}}.html').touch()
"""

# What Python tells of each change to files, and of each process, before it happens.
CHANGES = ("os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "shutil.", "subprocess.Popen")


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reports folder whose build is that of two scripts."""
    folder = tmp_path / "reports"
    (folder / "node_modules").mkdir(parents=True)
    (folder / "sources" / "warehouse").mkdir(parents=True)
    monkeypatch.setattr(site, "REPORTS", folder)
    replace_steps(monkeypatch, READ, WRITE)
    return folder


def replace_steps(monkeypatch: pytest.MonkeyPatch, *scripts: str) -> None:
    """Let a build be these Python scripts."""
    monkeypatch.setattr(site, "STEPS", tuple((sys.executable, "-S", "-c", script) for script in scripts))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A published copy, of which only the text matters here."""
    path = tmp_path / "warehouse" / "x.published.duckdb"
    path.parent.mkdir()
    publish(path, "old")
    return path


@pytest.fixture
def destination(published: Path) -> Path:
    """Where the site is to be."""
    return published.with_name("x.site")


def publish(path: Path, figures: str) -> None:
    """Put another published copy in place, as `throughline publish` does."""
    unfinished = path.with_name("unfinished")
    unfinished.write_text(figures)
    unfinished.replace(path)


def figures(folder: Path) -> str:
    """What the site says, which must be all there."""
    said = (folder / "index.html").read_text()
    assert {path.name for path in folder.iterdir()} == {"index.html", f"{said}.html", "_app"}
    assert (folder / "_app" / "immutable" / f"{said}.js").read_text() == said
    return said


def beside(destination: Path) -> list[str]:
    """What lies beside the published copy and the site."""
    return sorted(
        path.name for path in destination.parent.iterdir() if path.name not in (destination.name, "x.published.duckdb")
    )


def in_child(work: Callable[[], None]) -> int:
    """Does the work in a process of its own, and returns its process id."""
    if child := os.fork():
        return child
    try:
        # Its words would be those of the test.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        work()
    finally:
        os._exit(1)


def killed_at(number: int, work: Callable[[], None]) -> bool:
    """Whether the work, in a process that dies by SIGKILL before its change of this number, came to that change."""

    def doomed() -> None:
        seen = 0

        def count(event: str, _: object) -> None:
            nonlocal seen
            if event.startswith(CHANGES):
                seen += 1
                if seen == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        work()
        os._exit(0)

    _, status = os.waitpid(in_child(doomed), 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


@pytest.mark.parametrize("is_folder", [False, True], ids=["link", "folder"])
def test_a_build_killed_anywhere_leaves_a_whole_site(
    is_folder: bool, reports: Path, published: Path, destination: Path, tmp_path: Path
) -> None:
    """Killed before each of its changes in turn, it leaves the old site or the new one, and the next build mends all.

    Where the site was a folder, as those of earlier versions are, there is no site for one step; whoever serves it
    then, or builds, puts one back.
    """
    site.build_site(published, destination)
    if is_folder:
        folder = destination.resolve()
        destination.unlink()
        folder.rename(destination)
    publish(published, "new")
    before = tmp_path / "before"
    shutil.copytree(published.parent, before, symlinks=True)
    number, survived = 0, []
    while True:
        number += 1
        shutil.rmtree(published.parent)
        shutil.copytree(before, published.parent, symlinks=True)
        if not killed_at(number, lambda: site.build_site(published, destination)):
            break
        if is_folder and not destination.exists():
            site._adopt(destination)
        survived.append(figures(destination))
        site.build_site(published, destination)
        assert figures(destination) == "new"
        builds = [name for name in beside(destination) if name.startswith(".x.site-2")]
        assert builds == beside(destination)
        assert len(builds) == 2
    assert set(survived) == {"old", "new"}
    assert survived == sorted(survived, reverse=True)
    assert number > 10


def test_a_publish_meanwhile_waits_for_the_next_build(
    reports: Path, published: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One site is of one published copy, though another takes its place between two queries."""
    newer = published.with_name("newer")
    newer.write_text("new")
    replace_steps(monkeypatch, READ + f"; os.replace({str(newer)!r}, {str(published)!r})", WRITE)
    site.build_site(published, destination)
    assert figures(destination) == "old"
    assert published.read_text() == "new"
    replace_steps(monkeypatch, READ, WRITE)
    site.build_site(published, destination)
    assert figures(destination) == "new"


def test_where_no_second_name_can_be_given_the_copy_is_copied(
    reports: Path, published: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems know no hard links."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    site.build_site(published, destination)
    assert figures(destination) == "old"
    assert [name for name in beside(destination) if "duckdb" in name] == []


def test_a_site_that_finds_no_room_leaves_the_one_in_place(
    reports: Path, published: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence says so, and what was copied so far does not take the last room."""
    site.build_site(published, destination)
    before = beside(destination)

    def fail(_: Path, target: Path) -> None:
        target.mkdir()
        (target / "index.html").write_text("ha")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "move", fail)
    with pytest.raises(ThroughlineError, match=r"the one in place stays: .*No space left"):
        site.build_site(published, destination)
    assert figures(destination) == "old"
    assert beside(destination) == before


def test_only_the_site_and_the_one_before_are_kept(reports: Path, published: Path, destination: Path) -> None:
    """A site is tens of megabytes, each day another."""
    for number in range(4):
        publish(published, str(number))
        site.build_site(published, destination)
    before, current = (destination.with_name(name) for name in beside(destination))
    assert (figures(before), figures(current)) == ("2", "3")
    assert destination.is_symlink()
    assert destination.readlink() == Path(current.name)


def test_sites_of_similar_names_are_left_alone(reports: Path, published: Path, destination: Path) -> None:
    """Another warehouse's builds begin like this one's."""
    other = published.with_name("x.site-1.published.duckdb")
    publish(other, "other")
    site.build_site(other, published.with_name("x.site-1.site"))
    for number in range(3):
        publish(published, str(number))
        site.build_site(published, destination)
    assert figures(published.with_name("x.site-1.site")) == "other"


def test_the_step_of_a_killed_build_still_keeps_others_away(
    reports: Path, published: Path, destination: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on writing where the next build would write; until it has ended, that one says so."""
    begun, end = tmp_path / "begun", tmp_path / "end"
    wait = f"while not os.path.exists({str(end)!r}): time.sleep(0.01)"
    replace_steps(monkeypatch, f"import os, time\nopen({str(begun)!r}, 'w')\n{wait}")
    child = in_child(lambda: site.build_site(published, destination))
    try:
        until(begun.exists)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        replace_steps(monkeypatch, READ, WRITE)
        with pytest.raises(ThroughlineError, match="Another build"):
            site.build_site(published, destination)
    finally:
        end.touch()
    until(lambda: succeeds(lambda: site.build_site(published, destination)))
    assert figures(destination) == "old"


def until(condition: Callable[[], bool]) -> None:
    """Waits for what another process does, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def succeeds(work: Callable[[], None]) -> bool:
    """Whether the work ends without a sentence."""
    try:
        work()
    except ThroughlineError:
        return False
    return True


def test_a_new_build_is_served_without_a_restart(reports: Path, published: Path, destination: Path) -> None:
    """And whoever still reads the build before gets its scripts, which are named by their content, but no old page."""
    site.build_site(published, destination)
    with serving(site.site_app(destination)) as address, requests.Session() as reader:

        def text(path: str, **headers: str) -> str:
            """The answer, or its status if it is none."""
            answer = reader.get(address + path, headers=headers, timeout=10)
            return answer.text if answer.ok else str(answer.status_code)

        assert text("/") == "old"
        publish(published, "new")
        site.build_site(published, destination)
        assert text("/") == "new"
        assert text("/", Range="bytes=1-2") == "ew"
        assert text("/_app/immutable/old.js") == "old"
        assert text("/_app/immutable/new.js") == "new"
        assert text("/_app/immutable/none.js") == "404"
        assert text("/old.html") == "404"
        assert text("/%2e%2e/x.published.duckdb") == "404"


def test_a_file_that_was_found_is_read_to_its_end(reports: Path, published: Path, destination: Path) -> None:
    """A build that comes between looking a file up and reading it must not change what is read."""
    site.build_site(published, destination)
    (route,) = site.site_app(destination).routes
    found, status = route.app.lookup_path("index.html")
    publish(published, "quite another")
    site.build_site(published, destination)
    assert Path(found).read_text() == "old"
    assert status.st_size == len("old")


def test_a_site_without_its_link_is_served(
    reports: Path, published: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest whole build is there, whatever became of the link."""
    site.build_site(published, destination)
    destination.unlink()
    monkeypatch.setattr(site.uvicorn, "run", lambda *_, **__: None)
    site.serve_site(destination)
    assert figures(destination) == "old"
