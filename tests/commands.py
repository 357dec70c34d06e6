"""Runs `throughline` and `dbt` without waiting each time until all that they import is imported.

Both commands spend seconds on imports, and dbt as long again on compiling what every run of it needs. So there is for
each a process that has done that once, and every run is forked from it: a process of its own as ever, with its own
environment, memory and connections, which ends as any other and leaves nothing behind for the next one.
"""

import faulthandler
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from unittest import mock

from ingestion.settings import PROJECT_ROOT

# A run that takes longer hangs; it ends then, and says where it was.
LONGEST_RUN_SECONDS = 1800


class Command:
    """One of the two commands, with the process that its runs are forked from."""

    def __init__(self, name: str) -> None:
        """Starts the process; it ends with this one, when its standard input does."""
        self._name = name
        # -P as for an installed script, which cannot import what lies here.
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, name],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, cwd: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess:
        """What `subprocess.run` would give for the installed command."""
        with tempfile.TemporaryDirectory() as folder:
            outputs = [Path(folder) / name for name in ("stdout", "stderr")]
            wanted = {
                "arguments": arguments,
                "cwd": str(cwd),
                "environment": dict(environment),
                "outputs": [str(output) for output in outputs],
            }
            self._process.stdin.write(json.dumps(wanted) + "\n")
            self._process.stdin.flush()
            returncode = self._process.stdout.readline()
            assert returncode, f"The process that runs of {self._name} are forked from has ended."
            printed = (output.read_text(encoding="utf-8") for output in outputs)
            return subprocess.CompletedProcess([self._name, *arguments], int(returncode), *printed)


@cache
def _command(name: str) -> Command:
    """The command of this name, started when it is first needed."""
    return Command(name)


def run_command(
    name: str, *arguments: str, cwd: Path = PROJECT_ROOT, **settings: object
) -> subprocess.CompletedProcess:
    """Runs `throughline` or `dbt` as a user does, and returns its exit code and what it printed; one run at a time.

    Args:
        name: The command.
        *arguments: Its words.
        cwd: Where it is run.
        **settings: What is added to the environment.
    """
    environment = os.environ | {name: str(value) for name, value in settings.items()}
    return _command(name).run(*map(str, arguments), cwd=cwd, environment=environment)


# --- The process that runs are forked from ------------------------------------------------------------------------


def referred_to(expression: str) -> dict[str, list[dict[str, str]]]:
    """What dbt's static parser makes of a plain reference to a model."""
    (model,) = re.findall(r"""ref\(["'](\w+)["']\)""", expression)
    return {"refs": [{"name": model}], "sources": []}


def warm_up(name: str) -> None:
    """Does what every run of a command does first, and starts no thread, as threads do not survive a fork."""
    if name == "dbt":
        from dbt.cli.main import dbtRunner
        from dbt_common.tests import enable_test_caching

        # Every run reads the same templates, and finds them here as they were parsed.
        enable_test_caching()
        # The static parser has threads. The other one does the same, and imports and compiles what both need; only
        # what a foreign key refers to is always read by the former.
        without_threads = mock.patch("dbt.clients.jinja_static.py_extract_from_source", referred_to)
        with tempfile.TemporaryDirectory() as folder, without_threads:
            options = ("--quiet", "--no-static-parser", "--target-path", folder, "--log-path", folder)
            dbtRunner().invoke(["parse", *options])
    else:
        # Not the loaders themselves: pyarrow, which they need, starts a thread. dbt is what a refresh builds with.
        for module in ("dlt.destinations.impl.duckdb.sql_client", "ingestion.cli", "dbt.cli.main"):
            import_module(module)
    import duckdb

    # Importing it opens a connection that has threads otherwise.
    duckdb.execute("set threads = 1")
    # A run that needs one of them would wait for it forever.
    tasks = Path("/proc/self/task")
    assert not tasks.exists() or len(list(tasks.iterdir())) == 1, f"Warming up {name} has started threads."
    # What is there now stays in every run, which need not look through it for garbage.
    gc.freeze()


def serve(name: str) -> None:
    """Forks a run for each line of the standard input and answers with its exit code."""
    # Nothing but exit codes may come out here.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warm_up(name)
    (script,) = entry_points(group="console_scripts", name=name)
    for line in sys.stdin:
        if not (pid := os.fork()):
            answers.close()
            run(script, **json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def run(script: EntryPoint, arguments: list[str], cwd: str, environment: dict[str, str], outputs: list[str]) -> None:
    """Becomes a run of the command, by the function that the installed script calls, and ends with it."""
    for number, path in enumerate((os.devnull, *outputs)):
        with Path(path).open("wb" if number else "rb") as stream:
            os.dup2(stream.fileno(), number)
    faulthandler.dump_traceback_later(LONGEST_RUN_SECONDS, exit=True)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [script.name, *arguments]
    sys.exit(script.load()())


if __name__ == "__main__":
    serve(*sys.argv[1:])
