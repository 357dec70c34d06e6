"""What the end-to-end tests share: the commands, run as a user runs them, on a warehouse of a module's own."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import BIN, PROJECT_ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder for what a module writes."""
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="module")
def command(folder: Path) -> Callable[..., str]:
    """Runs `throughline` or `dbt` with the given settings, from the project's root if not told otherwise.

    A command that fails fails the test, with what it printed.
    """

    def run_command(*words: str, cwd: Path = PROJECT_ROOT, **settings: object) -> str:
        own = {"DBT_TARGET_PATH": folder / "target", "DBT_LOG_PATH": folder / "logs"}
        done = subprocess.run(
            [BIN / words[0], *words[1:]],
            cwd=cwd,
            env=os.environ | {name: str(value) for name, value in (own | settings).items()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run_command
