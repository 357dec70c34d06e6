"""Files of deliveries: what is said to be kept is there, files are many and never changed, and torn ones are ended."""

import asyncio
import errno
import fcntl
import os
import re
import resource
import shutil
import stat
from contextlib import asynccontextmanager, contextmanager

import pytest

from ingestion import delivery_log
from ingestion.delivery_log import DeliveryLog

NAME = re.compile(r"deliveries-\d{8}T\d{6}Z-[0-9a-f]{8}\.jsonl")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Be the folder, which is not there yet, at noon."""
    monkeypatch.setenv("THROUGHLINE_NOW", "2026-06-30T12:00:00Z")
    return tmp_path / "made" / "dumps"


@asynccontextmanager
async def opened(folder, commits=None, **options):
    """Open a log, and close it."""
    log = DeliveryLog(folder, (lambda _: None) if commits is None else commits.append, **options)
    try:
        yield log
    finally:
        await log.close()


def files(folder):
    """Return what the files hold, by their names, in the order of time."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*/*"))}


def content(folder):
    """Return what the files hold, together."""
    return b"".join(files(folder).values())


def test_lines_are_where_a_load_looks_for_them(folder):
    """In a folder for the day, in a file named by the second."""

    async def scenario():
        async with opened(folder) as log:
            await log.append(b"one\n")
            assert content(folder) == b"one\n"
            await log.append(b"two\n")

    asyncio.run(scenario())
    (path,) = folder.glob("*/*")
    assert path.parent.name == "2026-06-30"
    assert NAME.fullmatch(path.name)
    assert path.name.startswith("deliveries-20260630T120000Z-")
    assert path.read_bytes() == b"one\ntwo\n"


def test_deliveries_that_come_at_once_share_a_commit(folder, monkeypatch):
    """What comes while one is under way waits for the next, and nobody goes on before the disk has it."""
    synchronized = []
    fsync = os.fsync

    def slow(handle):
        fsync(handle)
        synchronized.append(content(folder))

    monkeypatch.setattr(delivery_log.os, "fsync", slow)
    commits = []

    async def append(log, number):
        line = b"%d\n" % number
        await log.append(line)
        assert line in synchronized[-1]

    async def scenario():
        async with opened(folder, commits) as log:
            await asyncio.gather(*(append(log, number) for number in range(100)))

    asyncio.run(scenario())
    assert sorted(content(folder).split()) == sorted(b"%d" % number for number in range(100))
    assert sum(commit.lines for commit in commits) == 100
    # The first is on its way while the others gather.
    assert len(commits) <= 2
    assert sum(commit.size for commit in commits) == len(content(folder))


def test_a_new_file_is_found_after_a_power_cut(folder, monkeypatch):
    """Its name and those of the folders that were made for it are on stable storage before the first line is told."""
    synchronized = set()
    fsync = os.fsync

    def noting(handle):
        fsync(handle)
        synchronized.add(os.fstat(handle).st_ino)

    monkeypatch.setattr(delivery_log.os, "fsync", noting)

    async def scenario():
        async with opened(folder) as log:
            await log.append(b"one\n")
            (path,) = folder.glob("*/*")
            named_in = (folder.parent.parent, folder.parent, folder, path.parent)
            assert {place.stat().st_ino for place in (path, *named_in)} <= synchronized

    asyncio.run(scenario())


def test_one_who_goes_away_is_nothing_to_the_others(folder):
    """Its line is written nevertheless."""

    async def scenario():
        async with opened(folder) as log:
            tasks = [asyncio.create_task(log.append(b"%d\n" % number)) for number in range(3)]
            await asyncio.sleep(0)
            tasks[1].cancel()
            assert [type(done) for done in await asyncio.gather(*tasks, return_exceptions=True)] == [
                type(None),
                asyncio.CancelledError,
                type(None),
            ]

    asyncio.run(scenario())
    assert sorted(content(folder).split()) == [b"0", b"1", b"2"]


def test_closing_writes_what_waits(folder):
    """Whoever waits is told."""

    async def scenario():
        async with opened(folder) as log:
            tasks = [asyncio.create_task(log.append(b"%d\n" % number)) for number in range(5)]
            await asyncio.sleep(0)
        assert all(task.done() and not task.exception() for task in tasks)

    asyncio.run(scenario())
    assert len(content(folder).split()) == 5


def test_a_new_hour_begins_a_file(folder, monkeypatch):
    """A new day a folder; and what was written stays."""

    async def scenario():
        async with opened(folder) as log:
            for hour in ("22:59:59", "23:00:00", "23:59:59"):
                monkeypatch.setenv("THROUGHLINE_NOW", f"2026-06-30T{hour}Z")
                await log.append(hour.encode() + b"\n")
            monkeypatch.setenv("THROUGHLINE_NOW", "2026-07-01T00:00:00Z")
            await log.append(b"next day\n")

    asyncio.run(scenario())
    assert [path.parent.name for path in sorted(folder.glob("*/*"))] == ["2026-06-30", "2026-06-30", "2026-07-01"]
    assert list(files(folder).values()) == [b"22:59:59\n", b"23:00:00\n23:59:59\n", b"next day\n"]


def test_a_full_file_is_followed_by_another(folder):
    """It is full with the line that reaches the size; no line is parted."""

    async def scenario():
        async with opened(folder, file_bytes=10) as log:
            for line in (b"12345\n", b"6789\n", b"a\n", b"bcdefghijklmnop\n", b"q\n"):
                await log.append(line)

    asyncio.run(scenario())
    assert sorted(files(folder).values()) == [b"12345\n6789\n", b"a\nbcdefghijklmnop\n", b"q\n"]


@contextmanager
def no_file_longer_than(size):
    """Have the system refuse more, as a full disk does: what still fits is written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_fails_those_whom_it_concerns(folder):
    """All of the batch are told; what was torn is ended, and what was kept stays; then a new file begins."""
    commits = []

    async def scenario():
        async with opened(folder, commits) as log:
            await log.append(b"kept\n")
            with no_file_longer_than(12):
                first = asyncio.create_task(log.append(b"x\n"))
                await asyncio.sleep(0)
                batch = [asyncio.create_task(log.append(b"torn%d\n" % number)) for number in range(3)]
                await first
                for done in await asyncio.gather(*batch, return_exceptions=True):
                    assert isinstance(done, OSError)
                    assert done.errno == errno.EFBIG
            await log.append(b"again\n")

    asyncio.run(scenario())
    assert sorted(files(folder).values()) == [b"again\n", b"kept\nx\ntorn0\n"]
    assert [(commit.lines, bool(commit.error)) for commit in commits] == [(1, False), (1, False), (3, True), (1, False)]


def test_a_torn_line_of_its_own_is_ended_by_the_next_file(folder):
    """Nobody waits for the rest of it."""

    async def scenario():
        async with opened(folder) as log:
            await log.append(b"kept\n")
            with no_file_longer_than(8), pytest.raises(OSError, match="File too large"):
                await log.append(b"torn line\n")
            assert content(folder) == b"kept\ntor"
            await log.append(b"again\n")

    asyncio.run(scenario())
    assert sorted(files(folder).values()) == [b"again\n", b"kept\ntor\n"]


def test_a_disk_that_stays_full_is_not_filled_with_empty_files(folder):
    """Each attempt begins a file, and takes it away again."""

    async def scenario():
        async with opened(folder) as log:
            with no_file_longer_than(0):
                for _ in range(3):
                    with pytest.raises(OSError, match="File too large"):
                        await log.append(b"line\n")
            assert files(folder) == {}
            await log.append(b"again\n")

    asyncio.run(scenario())
    assert content(folder) == b"again\n"


def test_a_failed_fsync_is_not_tried_again(folder, monkeypatch):
    """It would succeed, although what is lost is lost: another file has to do."""
    fsync = os.fsync
    failures = [OSError(errno.EIO, "Input/output error")]

    def failing(handle):
        if failures:
            raise failures.pop()
        fsync(handle)

    async def scenario():
        async with opened(folder) as log:
            await log.append(b"before\n")
            monkeypatch.setattr(delivery_log.os, "fsync", failing)
            with pytest.raises(OSError, match="Input/output"):
                await log.append(b"unsure\n")
            await log.append(b"after\n")

    asyncio.run(scenario())
    assert sorted(files(folder).values()) == [b"after\n", b"before\nunsure\n"]


def test_a_file_that_cannot_be_closed_is_given_up_as_well(folder, monkeypatch):
    """As on some network disks after a failed fsync: its number may be another file's by then."""
    close, fsync = os.close, os.fsync
    is_ours = False

    def failing(handle):
        nonlocal is_ours
        is_ours = True
        raise OSError(errno.EIO, "Input/output error")

    def complaining(handle):
        nonlocal is_ours
        close(handle)
        if is_ours:
            is_ours = False
            monkeypatch.setattr(delivery_log.os, "fsync", fsync)
            raise OSError(errno.EIO, "Input/output error")

    async def scenario():
        async with opened(folder) as log:
            await log.append(b"before\n")
            monkeypatch.setattr(delivery_log.os, "fsync", failing)
            monkeypatch.setattr(delivery_log.os, "close", complaining)
            with pytest.raises(OSError, match="Input/output"):
                await asyncio.wait_for(log.append(b"unsure\n"), 30)
            with (folder / "another").open("wb") as another:
                await asyncio.wait_for(log.append(b"after\n"), 30)
                assert os.fstat(another.fileno()).st_size == 0

    asyncio.run(scenario())
    assert sorted(files(folder).values()) == [b"after\n", b"before\nunsure\n"]


def test_files_are_for_their_owner_and_group(folder):
    """They hold names and addresses."""

    async def scenario():
        async with opened(folder) as log:
            await log.append(b"one\n")

    asyncio.run(scenario())
    (path,) = folder.glob("*/*")
    assert [stat.S_IMODE(place.stat().st_mode) & 0o007 for place in (path, path.parent, folder)] == [0, 0, 0]


def test_a_folder_that_goes_takes_no_delivery_with_it(folder):
    """What is written into a file that nobody finds any more is not kept; the next one goes to a new file."""

    async def scenario():
        async with opened(folder) as log:
            await log.append(b"one\n")
            shutil.rmtree(folder)
            with pytest.raises(OSError, match="No such file"):
                await log.append(b"two\n")
            await log.append(b"three\n")
            folder.rename(folder.with_name("aside"))
            folder.write_text("a file in its place")
            for _ in range(2):
                with pytest.raises(OSError, match=r"directory|exists"):
                    await log.append(b"four\n")
            folder.unlink()
            await log.append(b"five\n")

    asyncio.run(scenario())
    assert content(folder) == b"five\n"


def test_a_file_of_the_same_name_is_not_taken_for_it(folder):
    """As when files are put back from somewhere else while it writes."""

    async def scenario():
        async with opened(folder) as log:
            await log.append(b"one\n")
            (path,) = folder.glob("*/*")
            path.unlink()
            path.write_bytes(b"one\n")
            with pytest.raises(OSError, match="another file has taken its place"):
                await log.append(b"two\n")
            await log.append(b"three\n")

    asyncio.run(scenario())
    assert sorted(files(folder).values()) == [b"one\n", b"three\n"]


def torn(folder, name, text):
    """Leave a file as a killed writer does."""
    path = folder / "2026-06-29" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return path


def test_what_a_killed_writer_left_is_ended(folder):
    """Once, and nothing else is touched: whole files, empty ones, and those of others."""
    ours = torn(folder, "deliveries-20260629T110000Z-00000001.jsonl", b'one\n{"recei')
    others = {
        torn(folder, "deliveries-20260629T120000Z-00000002.jsonl", b"whole\n"): b"whole\n",
        torn(folder, "deliveries-20260629T130000Z-00000003.jsonl", b""): b"",
        torn(folder, "export.jsonl", b"growing"): b"growing",
        torn(folder, "deliveries.json", b"{}"): b"{}",
    }

    async def scenario():
        async with opened(folder) as log:
            assert log.prepare() == [ours]
            assert log.prepare() == []

    asyncio.run(scenario())
    assert ours.read_bytes() == b'one\n{"recei\n'
    assert {path: path.read_bytes() for path in others} == others


def test_what_another_one_writes_is_left_alone(folder):
    """Until it has died; then the next file ends its last line."""
    path = torn(folder, "deliveries-20260629T110000Z-00000001.jsonl", b"in the middle of")

    async def scenario():
        async with opened(folder) as log:
            with path.open("ab") as living:
                fcntl.flock(living, fcntl.LOCK_EX)
                assert log.prepare() == []
            assert path.read_bytes() == b"in the middle of"
            await log.append(b"one\n")
            assert path.read_bytes() == b"in the middle of\n"

    asyncio.run(scenario())


def test_an_empty_file_may_be_about_to_be_written(folder):
    """It is not known for good: its writer may die later."""
    path = torn(folder, "deliveries-20260629T110000Z-00000001.jsonl", b"")

    async def scenario():
        async with opened(folder) as log:
            assert log.prepare() == []
            path.write_bytes(b"in the middle of")
            assert log.prepare() == [path]

    asyncio.run(scenario())


def test_the_file_that_is_written_is_locked(folder):
    """So that another receiver leaves it alone."""

    async def scenario():
        async with opened(folder) as log:
            await log.append(b"one\n")
            (path,) = folder.glob("*/*")
            with path.open("rb") as stream:
                with pytest.raises(BlockingIOError):
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                await log.close()
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)

    asyncio.run(scenario())


def test_two_writers_share_a_folder(folder):
    """Each with files of its own."""

    async def scenario():
        async with opened(folder) as one, opened(folder) as two:
            await asyncio.gather(
                *(log.append(name + b"%d\n" % n) for n in range(50) for name, log in ((b"a", one), (b"b", two)))
            )

    asyncio.run(scenario())
    assert len(files(folder)) == 2
    for text in files(folder).values():
        assert len({line[:1] for line in text.split()}) == 1
    assert sorted(content(folder).split()) == sorted(name + b"%d" % n for n in range(50) for name in (b"a", b"b"))


def test_a_folder_that_cannot_be_made_is_said_at_the_start(folder):
    """A file stands in its way."""
    folder.parent.parent.joinpath("made").write_text("")
    with pytest.raises(OSError, match=r"exists|directory"):
        DeliveryLog(folder, lambda _: None).prepare()
