"""What the end-to-end tests share: the commands, run as a user runs them, on a warehouse of a module's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import run_command
from support import PROJECT_ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder for what a module writes."""
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="module")
def command(folder: Path) -> Callable[..., str]:
    """Runs `throughline` or `dbt` with the given settings, from the project's root if not told otherwise.

    A command that fails fails the test, with what it printed.
    """
    own = {"DBT_TARGET_PATH": folder / "target", "DBT_LOG_PATH": folder / "logs"}

    def run(*words: str, cwd: Path = PROJECT_ROOT, **settings: object) -> str:
        done = run_command(*words, cwd=cwd, **(own | settings))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run
