"""The receiver and loads of what it keeps, killed by SIGKILL while deliveries come: none that was answered is lost."""

import json
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from receiving import KEY
from support import query

from ingestion import calendly_webhooks, receiver
from ingestion.declarations import OUTCOMES
from ingestion.signatures import HEADER, sign
from ingestion.signing_keys import SETTING

KILLS = 12
SENDERS = 4
# Of the time that a load needs.
FRACTIONS = (0.1, 0.3, 0.5, 0.7, 0.9)
# A process that has imported everything is forked for each life of a receiver, instead of two seconds of imports.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["ingestion.receiver", "ingestion.calendly_webhooks", "requests", "pytest"])


def live(port: int, settings: dict[str, str], stderr: Path) -> None:
    """Receive until killed."""
    os.environ |= settings
    with stderr.open("a") as stream:
        os.dup2(stream.fileno(), 2)
        receiver.serve("127.0.0.1", port)


def load(folder: str, warehouse: Path) -> None:
    """Load what is there, in silence."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    calendly_webhooks.load(folder, warehouse)


class World:
    """A receiver that may die, those who send to it, and the warehouse that its deliveries are loaded into.

    Attributes:
        folder: Where deliveries are written.
        warehouse: The DuckDB file.
        stderr: What the receivers said.
        sent: The number of each delivery that was sent at least once.
        answered: Of these, those that were answered 200.
    """

    def __init__(self, place: Path) -> None:
        """Takes a port."""
        self.folder = place / "dumps"
        self.warehouse = place / "w.duckdb"
        self.stderr = place / "stderr"
        self.sent: set[int] = set()
        self.answered: set[int] = set()
        self._settings = {"SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL": str(self.folder), SETTING: KEY}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._receiver = None
        self._is_over = threading.Event()

    def start(self) -> None:
        """Start the receiver, and wait until it has answered somebody."""
        known = len(self.answered)
        self._receiver = PROCESSES.Process(target=live, args=(self._port, self._settings, self.stderr), daemon=True)
        self._receiver.start()
        while len(self.answered) == known:
            assert self._receiver.is_alive(), self.stderr.read_text()
            time.sleep(0.001)

    def kill(self) -> None:
        """Kill it."""
        self._receiver.kill()
        self._receiver.join()
        assert self._receiver.exitcode == -signal.SIGKILL

    @contextmanager
    def senders(self):
        """Have deliveries sent all the time; one that is not answered is sent again, every second one at least."""
        threads = [threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(SENDERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def _send(self, number: int) -> None:
        with requests.Session() as session:
            while not self._is_over.is_set():
                status = self._post(session, number)
                if status == 200:
                    self.answered.add(number)
                # Senders as busy as they can be would leave the receiver little of a small machine.
                time.sleep(0.002 if status == 200 else 0.02)
                if status == 200 or number % 2:
                    number += SENDERS

    def _post(self, session: requests.Session, number: int) -> int | None:
        body = document(number)
        headers = {HEADER: sign(body, KEY, datetime.now(UTC))}
        self.sent.add(number)
        try:
            url = f"http://127.0.0.1:{self._port}/webhooks/calendly"
            return session.post(url, data=body, headers=headers, timeout=10).status_code
        except requests.RequestException:
            return None

    def deliver(self, number: int) -> None:
        """Send one delivery, which is answered."""
        with requests.Session() as session:
            assert self._post(session, number) == 200
        self.answered.add(number)

    def check(self) -> None:
        """Load, and make sure that what was answered is there once, and nothing that was not sent."""
        answered = set(self.answered)
        calendly_webhooks.load(str(self.folder), self.warehouse)
        rows = query(self.warehouse, "select document ->> '$.payload.number' from raw_calendly_webhooks.deliveries")
        landed = Counter(int(number) for (number,) in rows)
        assert answered - landed.keys() == set()
        assert landed.keys() - self.sent == set()
        assert landed.total() == len(landed)
        outcomes = " + ".join(f"records_{outcome}" for outcome in OUTCOMES)
        assert query(self.warehouse, f"select * from raw_meta.loads where records_read != {outcomes}") == []


def document(number: int) -> bytes:
    """A delivery that no other one is equal to."""
    payload = {"uri": f"https://api.calendly.com/invitees/{number}", "number": number, "name": "Zoë Example"}
    event = {"event": "invitee.created", "created_at": "2026-06-30T12:00:00.000000Z", "payload": payload}
    return json.dumps(event, ensure_ascii=False).encode()


@pytest.fixture
def world(tmp_path):
    """Be it, with nobody left alive at the end."""
    world = World(tmp_path)
    try:
        yield world
    finally:
        world.kill()


def tear(folder: Path, text: str) -> None:
    """Leave text without a line end in the file that was begun last."""
    path = max(folder.glob("*/*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def test_a_killed_receiver_loses_nothing_that_it_answered(world):
    """Killed twelve times under load, with loads in between, and with lines torn by hand where no kill tore one."""
    torn, whole = [], []
    with world.senders():
        for number in range(KILLS):
            world.start()
            while whole:
                world.deliver(whole.pop())
            time.sleep(0.05 * (number % 5))
            world.kill()
            if number % 3 == 0:
                torn.append(f'{{"received_at": "2026-06-30T12:00:00.000000Z", "headers": {{}}, "body": "{number}')
                tear(world.folder, torn[-1])
            if number % 3 == 1:
                # Whole but for its end: it is a delivery, and the same that comes again, as nobody answered it.
                body = document(-number).decode()
                tear(world.folder, json.dumps({"received_at": "2026-06-30T12:00:00Z", "headers": {}, "body": body}))
                world.sent.add(-number)
                whole.append(-number)
            if number % 6 == 0:
                world.check()
        world.start()
    world.check()
    records = query(world.warehouse, "select record_text from raw_calendly_webhooks.rejected_records")
    rejected = "\n".join(text for (text,) in records)
    assert [text for text in torn if text not in rejected] == []
    assert world.stderr.read_text().count("had a torn last line") >= len(torn)
    # Nothing is written to a file but by the process that made it, or it would hold a line within another.
    assert len(list(world.folder.glob("*/*.jsonl"))) >= KILLS


def test_a_killed_load_loses_nothing_that_was_answered(world):
    """Killed at points spread over a load, while the receiver writes into the files that it reads."""
    killed = Counter()
    with world.senders():
        world.start()
        undisturbed = PROCESSES.Process(
            target=load, args=(str(world.folder), world.warehouse.with_name("other.duckdb"))
        )
        began = time.monotonic()
        undisturbed.start()
        undisturbed.join()
        seconds = time.monotonic() - began
        assert undisturbed.exitcode == 0
        for number, fraction in enumerate(FRACTIONS):
            process = PROCESSES.Process(target=load, args=(str(world.folder), world.warehouse))
            process.start()
            time.sleep(fraction * seconds)
            process.kill()
            process.join()
            killed[process.exitcode] += 1
            if number % 3 == 2:
                world.check()
    world.check()
    # How many depends on how busy the machine is; without any the test would show nothing.
    assert killed[-signal.SIGKILL] >= 3, killed
