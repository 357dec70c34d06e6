"""How the demo's writers put a file in place."""

import filecmp
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 text file that takes the place of `path` once it is complete, and only if it differs.

    A reader never sees half a file, a failure leaves the old one, and equal content keeps its modification time.

    Args:
        path: The file to replace or to make; its folder exists.

    Yields:
        The handle to write to; line ends are kept as written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as handle:
            yield handle
        if not (path.exists() and filecmp.cmp(partial, path, shallow=False)):
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_account(folder: Path, account: dict[str, Any]) -> None:
    """Write `account.json`, from which a simulator serves an API.

    Args:
        folder: Where the file goes; it exists.
        account: What the API has.
    """
    with replacing(folder / "account.json") as handle:
        json.dump(account, handle, separators=(",", ":"))
        handle.write("\n")
