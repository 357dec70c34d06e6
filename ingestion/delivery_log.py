"""Files of received deliveries: a line each, on stable storage before anybody is told that it is kept.

Many deliveries that come at the same time share one write and one fsync. A file belongs to the process that made it,
which holds the operating system's lock on it as long as it lives; nobody opens a file to write into it that another
one writes, and what is written is never changed.
"""

import asyncio
import errno
import fcntl
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingestion.settings import now

FILE_BYTES = 16 << 20

_OURS = "????-??-??/deliveries-*.jsonl"


@dataclass(frozen=True)
class Commit:
    """What became of some lines that were written at once.

    Attributes:
        lines: How many there were.
        size: Their bytes.
        seconds: How long it took until they were on stable storage, or until it failed.
        error: Why they are not kept, if they are not.
    """

    lines: int
    size: int
    seconds: float
    error: Exception | None


class DeliveryLog:
    """A folder to which lines are appended.

    `append` and `close` are for one event loop. What they do to files happens in one thread beside it, one batch after
    the other: while a batch is on its way to the disk, the next one gathers.
    """

    def __init__(self, folder: Path, on_commit: Callable[[Commit], None], file_bytes: int = FILE_BYTES) -> None:
        """Opens nothing yet.

        Args:
            folder: Where folders for days are made, with the files in them.
            on_commit: Called in the event loop after each batch, before those who wait for it go on.
            file_bytes: From which size on a file is followed by another.
        """
        self._folder = folder
        self._on_commit = on_commit
        self._file_bytes = file_bytes
        self._file: _File | None = None
        # Files that nobody writes any more; a year of them need not be opened each hour.
        self._ended: set[str] = set()
        self._thread = ThreadPoolExecutor(1, "deliveries")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    def prepare(self) -> list[Path]:
        """Makes the folder, and ends the last lines that a killed writer left torn in it.

        Returns:
            The files that had one.

        Raises:
            OSError: Nothing can be written there.
        """
        _make_folder(self._folder)
        with tempfile.TemporaryFile(dir=self._folder):
            return self._seal()

    async def append(self, line: bytes) -> None:
        """Appends a line, and returns when it is on stable storage.

        Args:
            line: With its line end.

        Raises:
            OSError: It could not be written, or nobody knows whether it was.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((line, future))
        if not self._writer:
            self._writer = asyncio.create_task(self._write())
        await future

    async def close(self) -> None:
        """Writes what waits, and gives up the file."""
        if self._writer:
            await self._writer
        self._give_up_file()
        self._thread.shutdown()

    async def _write(self) -> None:
        """Writes batches until nothing waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._write_batch(batch)
        finally:
            self._writer = None

    async def _write_batch(self, batch: list[tuple[bytes, asyncio.Future[None]]]) -> None:
        lines = b"".join(line for line, _ in batch)
        began = time.perf_counter()
        error = await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, lines)
        for _, future in batch:
            # Whoever waited for it may have gone; that is nothing to the others.
            if future.done():
                continue
            if error:
                future.set_exception(error)
            else:
                future.set_result(None)
        # They go on when this task pauses, and so after it.
        self._on_commit(Commit(len(batch), len(lines), time.perf_counter() - began, error))

    def _commit(self, lines: bytes) -> Exception | None:
        """Puts lines on stable storage; after a failure the next ones go to a new file."""
        try:
            at = now()
            if self._file and not self._file.takes(at, self._file_bytes):
                self._give_up_file()
            if not self._file:
                self._seal()
                self._file = _File(self._folder, at)
            self._file.append(lines)
        except Exception as error:
            # Whatever it is, those who wait must hear of it. After a failed fsync the system may take what is lost for
            # written: a second one would succeed.
            self._give_up_file()
            return error
        return None

    def _give_up_file(self) -> None:
        file, self._file = self._file, None
        if file:
            file.close()

    def _seal(self) -> list[Path]:
        """Ends the last lines of files whose writer died in the middle of one, so that a load need not wait for it.

        What the line holds becomes a rejected record. If only its line end was missing, it is a delivery, and the one
        that Calendly sends again is known by the same key.

        Returns:
            The files whose last line had no end.
        """
        sealed = []
        for path in self._folder.glob(_OURS):
            if path.name in self._ended:
                continue
            try:
                was_torn = _end_last_line(path)
            except OSError:
                # Somebody writes it, or it has gone, or the disk is full: it is looked at again the next time.
                continue
            if was_torn is not None:
                self._ended.add(path.name)
            if was_torn:
                sealed.append(path)
        return sealed


class _File:
    """A file that is being written, and locked while it is."""

    def __init__(self, folder: Path, at: datetime) -> None:
        """Makes a new one.

        Raises:
            OSError: That is not possible.
        """
        self._path = folder / f"{at:%Y-%m-%d}" / f"deliveries-{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.jsonl"
        self._hour = f"{at:%Y%m%d%H}"
        self._size = 0
        _make_folder(self._path.parent)
        self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        try:
            # Waits for one who just looks whether its last line is torn, and for nobody else.
            fcntl.flock(self._handle, fcntl.LOCK_EX)
            self._identity = _identity(os.fstat(self._handle))
            # A file is only as safe as its name.
            for parent in (self._path.parent, folder):
                _synchronize_folder(parent)
        except OSError:
            self.close()
            raise

    def takes(self, at: datetime, file_bytes: int) -> bool:
        """Whether it is neither of another hour nor full."""
        return self._hour == f"{at:%Y%m%d%H}" and self._size < file_bytes

    def append(self, lines: bytes) -> None:
        """Writes lines and waits until they are on stable storage.

        Raises:
            OSError: They are not, or not all of them; nothing may be appended after that.
        """
        left = memoryview(lines)
        while left:
            # Less than all of it is written where the disk is about to be full; the next attempt then says so.
            written = os.write(self._handle, left)
            self._size += written
            left = left[written:]
        os.fsync(self._handle)
        if _identity(self._path.stat()) != self._identity:
            raise FileNotFoundError(errno.ENOENT, "another file has taken its place", str(self._path))

    def close(self) -> None:
        """Gives it up; without any content it goes."""
        try:
            if not self._size:
                self._path.unlink()
        except OSError:
            pass
        finally:
            # What it may complain of the fsync has told. The descriptor is gone even so, and soon another file's.
            with suppress(OSError):
                os.close(self._handle)


def _identity(found: os.stat_result) -> tuple[int, int]:
    """Tells a file from any other that has its path later."""
    return found.st_dev, found.st_ino


def _make_folder(folder: Path) -> None:
    """Makes a folder and those in which it lies, each safe from a power cut."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o750, exist_ok=True)
    _synchronize_folder(folder.parent)


def _synchronize_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _end_last_line(path: Path) -> bool | None:
    """Ends the last line of a file, if it has no end.

    Returns:
        Whether it had none; None if the file is empty, so that whoever made it may be about to lock and write it.

    Raises:
        OSError: Somebody writes the file, or it cannot be written.
    """
    handle = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = os.fstat(handle).st_size
        if not size:
            return None
        if os.pread(handle, 1, size - 1) == b"\n":
            return False
        os.write(handle, b"\n")
        os.fsync(handle)
        return True
    finally:
        os.close(handle)
