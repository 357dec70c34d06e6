"""Times `throughline receive`: deliveries a second at saturation, and how long one takes at a fixed rate.

    .venv/bin/python benchmarks/receiver.py --seconds 10 --connections 64 --rate 200

Each delivery is signed, written and fsynced before it is answered. Beside it, in the same run and with the same load
from a process of its own, stands the same service with a handler that reads the body and answers. Folders that share a
disk with other work show that work's fsyncs, too: --folder names another.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import socket
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

KEY = "a-key-for-the-benchmark"
SERVICES = ("empty handler", "receive")


def delivery() -> bytes:
    """Return a delivery as long as real ones are, some 3 kB, that no other one is equal to."""
    uri = f"https://api.calendly.com/scheduled_events/e/invitees/{random.getrandbits(64):016x}"
    answers = [{"question": "What would you like to talk about?", "answer": "A few words. " * 200, "position": 0}]
    payload = {"uri": uri, "email": "guest@example.com", "questions_and_answers": answers}
    return json.dumps({"event": "invitee.created", "created_at": "2026-06-30T12:00:00Z", "payload": payload}).encode()


def request() -> bytes:
    """Return the whole HTTP request of a delivery."""
    from ingestion.signatures import HEADER, sign

    body = delivery()
    lines = (
        "POST /webhooks/calendly HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"{HEADER}: {sign(body, KEY, datetime.now(UTC))}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def serve(name: str, bound: socket.socket, folder: Path) -> None:
    """Run one of the services on a socket that listens, until terminated."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    from ingestion import receiver
    from ingestion.signing_keys import SETTING, KeyRing

    async def empty(request):
        await request.body()
        return JSONResponse({"status": "stored"})

    os.environ[SETTING] = KEY
    bare = Starlette(routes=[Route("/webhooks/calendly", empty, methods=["POST"])])
    app = receiver.Receiver(folder, KeyRing()).app if name == "receive" else bare
    # What it says of the last minute would stand in the table.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    receiver.server(app).run(sockets=[bound])


class Connection:
    """A connection that stays open, with one request at a time."""

    def __init__(self, port: int) -> None:
        """Connects later."""
        self._port = port

    async def __aenter__(self) -> "Connection":
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        self._writer.close()

    async def send(self, content: bytes) -> None:
        """Send a request, and wait for its answer, which must be 200."""
        self._writer.write(content)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"answered {head.splitlines()[0].decode()}")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await self._reader.readexactly(int(length.partition(b":")[2]))


async def saturate(port: int, seconds: float, connections: int) -> float:
    """Send as fast as is answered, and return the deliveries a second."""
    requests = [request() for _ in range(2_000)]
    answered = 0
    began = time.perf_counter()

    async def send_on() -> None:
        nonlocal answered
        async with Connection(port) as connection:
            while time.perf_counter() - began < seconds:
                await connection.send(requests[answered % len(requests)])
                answered += 1

    await asyncio.gather(*(send_on() for _ in range(connections)))
    return answered / (time.perf_counter() - began)


async def keep_pace(port: int, seconds: float, connections: int, rate: float) -> list[float]:
    """Send at a rate, and return how many seconds each delivery took from when it was due, in order."""
    due = [number / rate for number in range(int(seconds * rate))]
    requests = [request() for _ in due]
    waiting = iter(list(zip(due, requests, strict=True)))
    took = []
    began = time.perf_counter()

    async def send_on() -> None:
        async with Connection(port) as connection:
            for instant, content in waiting:
                await asyncio.sleep(max(0.0, began + instant - time.perf_counter()))
                await connection.send(content)
                # From when it was due: one that waits for a connection waits for the service.
                took.append(time.perf_counter() - began - instant)

    await asyncio.gather(*(send_on() for _ in range(connections)))
    return sorted(took)


def measure(port: int, arguments: argparse.Namespace, results: "multiprocessing.SimpleQueue[tuple]") -> None:
    """Put what was measured into a queue: deliveries a second, the median and the 99th percentile of their seconds."""
    per_second = asyncio.run(saturate(port, arguments.seconds, arguments.connections))
    took = asyncio.run(keep_pace(port, arguments.seconds, arguments.connections, arguments.rate))
    results.put((per_second, took[len(took) // 2], took[int(len(took) * 0.99)]))


def measured(name: str, arguments: argparse.Namespace) -> tuple[float, float, float]:
    """Start a service, measure it from another process, and stop it."""
    from ingestion.receiver import listener

    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder, listener("127.0.0.1", 0) as bound:
        service = context.Process(target=serve, args=(name, bound, Path(folder)))
        service.start()
        client = context.Process(target=measure, args=(bound.getsockname()[1], arguments, results))
        client.start()
        client.join()
        service.terminate()
        service.join()
        if client.exitcode:
            raise SystemExit("The measurement failed; its error stands above.")
        return results.get()


def main() -> None:
    """Measure both services in turn, several times, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--connections", type=int, default=64, help="that stay open, each with a delivery at a time")
    parser.add_argument("--rate", type=float, default=200.0, help="deliveries a second for the percentiles")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument(
        "--folder", default=None, help="on whose disk is written; the system's temporary one if left out"
    )
    arguments = parser.parse_args()

    rounds = {name: [] for name in SERVICES}
    for _ in range(arguments.rounds):
        for name in SERVICES:
            rounds[name].append(measured(name, arguments))
    empty, received = ([statistics.median(figures) for figures in zip(*rounds[name], strict=True)] for name in SERVICES)
    print(f"{'':<36}{SERVICES[0]:>15}{SERVICES[1]:>15}{'ratio':>8}")
    rows = [
        (f"deliveries/s, {arguments.connections} connections", 1, "/s"),
        (f"median at {arguments.rate:g}/s", 1_000, "ms"),
        (f"99th percentile at {arguments.rate:g}/s", 1_000, "ms"),
    ]
    for (title, factor, unit), bare, full in zip(rows, empty, received, strict=True):
        print(f"{title:<36}{bare * factor:>12,.1f} {unit}{full * factor:>12,.1f} {unit}{full / bare:>8.2f}")


if __name__ == "__main__":
    main()
