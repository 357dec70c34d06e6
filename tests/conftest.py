"""What all tests share: a clean environment, a warehouse of their own, and a runner for the two commands."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import run_command
from postgres_server import Server, binaries, running
from support import require

# One's own settings must not reach a test, nor what a test does one's own warehouse.
OWN = ("THROUGHLINE_", "SOURCES__", "DESTINATION__", "ALERTS__", "DBT_", "DLT_")
for name in [name for name in os.environ if name.startswith(OWN) and name != "THROUGHLINE_REQUIRE_ALL"]:
    del os.environ[name]
# Where no .dlt/secrets.toml is.
os.environ["DLT_PROJECT_DIR"] = str(Path(__file__).parent)


# Begun first, so that at the end no worker is left alone with one of them.
LONGEST_FILES = (
    "test_refresh.py",
    "test_site.py",
    "test_zoom.py",
    "test_crm.py",
    "test_empty_warehouse.py",
    "test_demo_people.py",
    "test_random_identity.py",
    "test_publish.py",
    "test_publish_postgres.py",
    "test_landing_kills.py",
    "test_calendly.py",
    "test_settings.py",
    "test_random_worlds.py",
    "test_random_bookings.py",
    "test_incremental_bookings.py",
    "test_calendly_kills.py",
    "test_random_revenue.py",
    "test_demo_revenue.py",
    "test_demo_webinars.py",
    "test_stream.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of the longest files first; the order within a file stays."""
    place = {name: number for number, name in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """The path of a warehouse that is not there yet."""
    return tmp_path / "warehouse" / "test.duckdb"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs `throughline` or `dbt` as a user does, from the project's root, with the given environment added."""
    own = {"DBT_TARGET_PATH": tmp_path / "target", "DBT_LOG_PATH": tmp_path}

    def run_it(*command: str, check: bool = True, **environment: object) -> subprocess.CompletedProcess:
        done = run_command(*command, **(own | environment))
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run_it


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server, started when the first test needs it."""
    programs = binaries()
    require(programs, "a PostgreSQL server")
    with running(programs) as server:
        yield server


@pytest.fixture
def postgres(postgres_server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a database without schemas, which the settings name, too."""
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", postgres_server.emptied())
    return postgres_server.address()
