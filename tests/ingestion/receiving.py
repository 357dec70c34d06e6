"""A receiver in a thread of the test, what it keeps, and what can be sent to it."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from ingestion import receiver
from ingestion.signatures import HEADER, sign
from ingestion.signing_keys import SETTING, KeyRing

KEY = "a-key-for-tests"


def signature(body: bytes, key: str = KEY, seconds_ago: float = 0.0) -> str:
    """The header that Calendly would send with a body."""
    return sign(body, key, datetime.now(UTC) - timedelta(seconds=seconds_ago))


@dataclass
class Service:
    """A receiver that runs.

    Attributes:
        url: Its address.
        folder: Where it writes.
        read: How many lines `kept` has returned.
    """

    url: str
    folder: Path
    read: int = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def post(self, body: object, **headers: str) -> requests.Response:
        """Send a delivery; underscores in the headers' names are hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(self.url + "/webhooks/calendly", data=body, headers=named, timeout=30)

    def deliver(self, body: bytes, **headers: str) -> requests.Response:
        """Send a delivery with its signature."""
        return self.post(body, **{HEADER: signature(body)} | headers)

    def get(self, path: str) -> requests.Response:
        """Ask for something."""
        return requests.get(self.url + path, timeout=30)

    def figure(self, name: str, **labels: str) -> float:
        """One of the figures for Prometheus."""
        text = ",".join(f'{key}="{value}"' for key, value in labels.items())
        begin = f"throughline_receiver_{name}" + (f"{{{text}}}" if text else "") + " "
        (line,) = (line for line in self.get("/metrics").text.splitlines() if line.startswith(begin))
        return float(line.removeprefix(begin))

    def talk(self, *parts: bytes, closes: bool = False) -> bytes:
        """Send bytes as they are, and return the first answer; or hang up, and return nothing."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            for part in parts:
                connection.sendall(part)
            if closes:
                return b""
            answer = b""
            while b"\r\n\r\n" not in answer and (chunk := connection.recv(65536)):
                answer += chunk
            return answer

    def kept(self) -> list[tuple[dict[str, str], bytes]]:
        """The headers and bodies of the lines since the last call."""
        found = lines(self.folder)[self.read :]
        self.read += len(found)
        return [(line["headers"], body(line)) for line in found]


def lines(folder: Path) -> list[dict]:
    """All lines of a folder, each as the object that it is, in the order of time."""
    files = sorted(folder.glob("*/deliveries-*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_bytes().split(b"\n") if line.strip()]


def body(line: dict) -> bytes:
    """The body's bytes of a line."""
    return line["body"].encode() if "body" in line else base64.b64decode(line["body_base64"], validate=True)


@contextmanager
def receiving(service: receiver.Receiver, folder: Path) -> Iterator[Service]:
    """Serve a receiver from a thread, as `throughline receive` does."""
    server = receiver.server(service.app)
    with receiver.listener("127.0.0.1", 0) as bound:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        try:
            yield Service(f"http://127.0.0.1:{bound.getsockname()[1]}", folder)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def receiving_signed(folder: Path) -> Iterator[Service]:
    """Serve a receiver that takes what is signed with KEY."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SETTING, KEY)
        ring = KeyRing()
    with receiving(receiver.Receiver(folder, ring), folder) as service:
        yield service
