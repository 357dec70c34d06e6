"""What all tests share: a clean environment, a warehouse of their own, and a runner for the two commands."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import BIN, PROJECT_ROOT

# One's own settings must not reach a test, nor what a test does one's own warehouse.
for name in [name for name in os.environ if name.startswith(("THROUGHLINE_", "SOURCES__", "DBT_", "DLT_"))]:
    if name != "THROUGHLINE_REQUIRE_ALL":
        del os.environ[name]


# Begun first, so that at the end no worker is left alone with one of them.
LONGEST_FILES = (
    "test_publish.py",
    "test_site.py",
    "test_crm.py",
    "test_calendly.py",
    "test_random_bookings.py",
    "test_random_worlds.py",
    "test_incremental_bookings.py",
    "test_landing_kills.py",
    "test_calendly_kills.py",
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

    def run_command(*command: str, check: bool = True, **environment: object) -> subprocess.CompletedProcess:
        settings = {name: str(value) for name, value in environment.items()}
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=PROJECT_ROOT,
            env=os.environ | {"DBT_TARGET_PATH": str(tmp_path / "target"), "DBT_LOG_PATH": str(tmp_path)} | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run_command
