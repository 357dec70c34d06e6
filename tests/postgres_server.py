"""A PostgreSQL server of the tests' own: from a machine's binaries, on loopback, without a care for what crashes."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwall
from uuid import uuid4

import psycopg
from psycopg import sql

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        port: Where it listens on 127.0.0.1.
        password: Of the user `throughline`, who may do everything.
    """

    port: int
    password: str

    def address(self, database: str = "postgres", *, user: str = "throughline", password: str | None = None) -> str:
        """A connection string."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements: str) -> None:
        """Runs statements that concern the whole server, each by itself."""
        with psycopg.connect(self.address(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def emptied(self) -> str:
        """Drops what tests made in the database that is always there, and returns its connection string.

        A database for each test would take longer than most of them.
        """
        with psycopg.connect(self.address()) as connection:
            names = connection.execute(
                "select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"
            )
            for (name,) in names.fetchall():
                connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(name)))
        return self.address()

    def new_database(self) -> str:
        """Makes a database, and returns its connection string."""
        name = f"test_{uuid4().hex}"
        self.execute(f"create database {name}")
        return self.address(name)


def binaries() -> Path | None:
    """The folder with a server's programs: that on the PATH, else the newest of Debian's; None if none can run here."""
    if os.geteuid() == 0 and "postgres" not in {user.pw_name for user in getpwall()}:
        return None
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(installed, key=lambda path: int(path.parts[-3]), default=None)
    return newest and newest.parent


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    """A server that is gone with its files at the end, and with the process that started it if that is killed."""
    folder = Path(tempfile.mkdtemp(prefix="throughline-postgres-"))
    # PostgreSQL refuses to run as root; whoever installed it made a user for it.
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "postgres", "postgres")
    password = uuid4().hex
    (folder / "password").write_text(password)
    (folder / "password").chmod(0o644)
    options = ("--username=throughline", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", *options, f"--pwfile={folder / 'password'}"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **user,
    )
    try:
        with _started(programs, folder, user) as port:
            yield Server(port, password)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(programs: Path, folder: Path, user: dict) -> Iterator[int]:
    """The port of a server on this folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "fsync": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "max_connections": 30,
    }
    watched = [setpriv, "--pdeathsig", "QUIT", "--"] if (setpriv := shutil.which("setpriv")) else []
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*watched, programs / "postgres", "-D", folder / "data", *(f"--{k}={v}" for k, v in settings.items())],
            stdout=log,
            stderr=log,
            cwd=folder,
            **user,
        )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while b"ready to accept connections" not in (folder / "log").read_bytes():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield port
    finally:
        # At once, without waiting for clients or writing a checkpoint.
        process.send_signal(signal.SIGQUIT)
        process.wait(PATIENCE_SECONDS)
