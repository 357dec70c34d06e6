"""What tests import from one another: where the project is, and skips that name what is missing."""

import os
import shutil
import sys
from pathlib import Path

import duckdb
import pytest

PROJECT_ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def require(is_there: object, need: str) -> None:
    """Skips the test where a tool is missing; with THROUGHLINE_REQUIRE_ALL=1 that is a failure."""
    if is_there:
        return
    if os.environ.get("THROUGHLINE_REQUIRE_ALL") == "1":
        pytest.fail(f"needs {need}, and THROUGHLINE_REQUIRE_ALL=1 allows no skip")
    pytest.skip(f"needs {need}")


def ship_seeds(folder: Path) -> Path:
    """Makes a folder of company seeds as they ship, with headers only, for a test to fill those that it speaks of."""
    return shutil.copytree(PROJECT_ROOT / "seeds" / "company", folder, dirs_exist_ok=True)


def query(warehouse: Path, sql: str, *values: object) -> list[tuple]:
    """The rows of a query on a warehouse."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        return connection.execute(sql, list(values)).fetchall()
