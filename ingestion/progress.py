"""The bar that a publication into another store shows while somebody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ingestion.warehouse import console


@contextmanager
def bar(description: str, total: int, noun: str) -> Iterator[Callable[..., None]]:
    """Shows a bar on a terminal, and nothing elsewhere; yields what updates it.

    Args:
        description: What stands before it at first.
        total: How many things there are to do.
        noun: What they are called.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(noun))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield partial(progress.update, progress.add_task(description, total=total))
