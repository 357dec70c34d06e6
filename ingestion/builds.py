"""What dbt is to build for what has changed, decided from the warehouse alone, and having dbt build it."""

import gc
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from ingestion.settings import PROJECT_ROOT, seeds_folder
from ingestion.warehouse import connect, console, has_table, working_folder

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunner, dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

# A booking that was to come is held, and a day without one is over, with the time alone.
_EVERYTHING_EVERY = timedelta(hours=4)
_CODE = ("dbt_project.yml", "profiles.yml", "models/**/*", "macros/**/*", "tests/**/*.sql", "seeds/common/*")
_NAMED_FAILURES = 5
_BY_HAND = "the newest build was made by hand"


@dataclass(frozen=True)
class Project:
    """What marts are made by besides raw tables, as digests: where one differs, all of them are to be built again.

    Attributes:
        code: Of models, macros, tests, settings and the seeds that are everybody's.
        seeds: Of the company's seeds.
    """

    code: str
    seeds: str

    @classmethod
    def digested(cls) -> "Project":
        """Reads the files."""
        return cls(_digest(PROJECT_ROOT, *_CODE), _digest(seeds_folder(), "*.csv"))


def _digest(folder: Path, *patterns: str) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)} {len(content)} ".encode() + content)
    return digest.hexdigest()


@dataclass(frozen=True)
class Plan:
    """What to build.

    Attributes:
        reason: Why, for people.
        tables: The raw tables with whose descendants it is done; None if it takes everything.
        is_anew: Whether incremental models are to be made from the beginning, too.
        raw_states: What each raw table was like when this was decided.
        everything_at: When everything was built last (UTC); None if that is to be now.
    """

    reason: str
    tables: list[str] | None
    is_anew: bool
    raw_states: dict[str, str]
    everything_at: datetime | None

    @classmethod
    def of(cls, warehouse: Path, project: Project) -> "Plan":
        """Compares the warehouse and the project with what the newest build was made of."""
        with connect(warehouse, read_only=True) as connection:
            states = _raw_states(connection)
            build = _newest_build(connection)
            if reason := _reason_for_everything(connection, build, project):
                # One that failed may not have come to the incremental models, and one by hand may be of any code.
                noted = _newest_build(connection, "code_digest is not null") if "code_digest" in build else {}
                is_anew = reason == _BY_HAND or noted.get("code_digest") != project.code
                return cls(f"everything, because {reason}", None, is_anew, states, None)
        known = json.loads(build["raw_states"])
        changed = sorted(name for name in states | known if states.get(name) != known.get(name))
        return cls(f"what depends on {', '.join(changed)}", changed, False, states, build["everything_at"])

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to build."""
        return self.tables is None or bool(self.tables)

    @property
    def selection(self) -> list[str]:
        """The arguments of dbt: with a raw table all that comes of it, so that no key refers to a table of before."""
        if self.tables is None:
            return ["--full-refresh"] if self.is_anew else []
        # Notes on loads are news beside others, but none by themselves. What ages with the time goes with the rest, as
        # the pages say one instant for all their figures.
        names = [name.removeprefix("raw_") for name in [*self.tables, "raw_meta.loads"]]
        return ["--select", *(f"source:{name}+" for name in names), "tag:ages+"]

    def note(self, warehouse: Path, project: Project) -> None:
        """Notes on the newest build, if it is clean, what it was made of."""
        with connect(warehouse) as connection:
            connection.execute(
                "update raw_meta.builds set code_digest = ?, seeds_digest = ?, raw_states = ?,"
                " everything_at = coalesce(?, started_at)"
                " where rowid = (select max(rowid) from raw_meta.builds where target = 'prod') and error_count = 0",
                [project.code, project.seeds, json.dumps(self.raw_states), self.everything_at],
            )


def _raw_states(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Of each raw table that has rows, what changes with any change of them, whoever made it."""
    tables = connection.execute(
        "select schema_name || '.' || table_name from duckdb_columns() where database_name = current_database()"
        " and column_name = '_loaded_at' and schema_name like 'raw\\_%' escape '\\'"
        " and schema_name not like '%\\_staging' escape '\\' order by all"
    ).fetchall()
    states = " union all ".join(
        f"select '{name}', count(*) || ' rows, ' || sum(epoch_us(_loaded_at)) from {name} having count(*) > 0"
        for (name,) in tables
    )
    return dict(connection.execute(states).fetchall()) if states else {}


def _newest_build(connection: duckdb.DuckDBPyConnection, condition: str = "true") -> dict[str, Any]:
    """The note on it; empty if there is none."""
    if not has_table(connection, "raw_meta", "builds"):
        return {}
    builds = connection.execute(
        f"from raw_meta.builds where target = 'prod' and {condition} order by rowid desc limit 1"
    )
    names = [name for name, *_ in builds.description]
    return dict(zip(names, builds.fetchone() or (), strict=False))


def _reason_for_everything(
    connection: duckdb.DuckDBPyConnection, build: dict[str, Any], project: Project
) -> str | None:
    """Why a part would not do; None if it does."""
    if not build:
        return "nothing was built yet"
    if build["finished_at"] is None:
        return "the newest build did not end"
    if build["error_count"]:
        return "the newest build failed"
    if build.get("raw_states") is None:
        return _BY_HAND
    if build["code_digest"] != project.code:
        return "the project's code has changed"
    if build["seeds_digest"] != project.seeds:
        return "a company seed has changed"
    (is_another_day, is_old) = connection.execute(
        """
        select
            timezone(reporting_timezone, now())::date != timezone(reporting_timezone, timezone('UTC', $built_at))::date,
            now() - timezone('UTC', $built_at) >= $limit
        from marts.report_settings
        """,
        {"built_at": build["everything_at"], "limit": _EVERYTHING_EVERY},
    ).fetchone()
    if is_another_day:
        return "a new day has begun"
    return "the last time was hours ago" if is_old else None


def _foreign_key_references(manifest: "Manifest") -> list[tuple[Any, str]]:
    """The foreign keys of a project with what each refers to, as `ref(…)`.

    A build puts the table's name in its place, and the next one with the same manifest would not take that for a `ref`.
    """
    constraints = [
        constraint for node in manifest.nodes.values() for constraint in getattr(node, "all_constraints", ())
    ]
    return [(constraint, constraint.to) for constraint in constraints if constraint.to]


class Builder:
    """dbt in this process, on one warehouse; the project as it was read is kept from one build to the next."""

    def __init__(self, warehouse: Path) -> None:
        """Names the warehouse; nothing is read before the first build."""
        self._warehouse = warehouse
        # dbt's own folders would be shared with whoever runs it in the same checkout.
        folder = working_folder(warehouse) / "dbt"
        self._log = folder / "log" / "dbt.log"
        self._arguments = [
            *("--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT)),
            *("--target-path", str(folder / "target"), "--log-path", str(self._log.parent)),
            *("--log-level", "none", "--log-level-file", "warn", "--no-write-json", "--target", "prod"),
        ]
        self._runner: dbtRunner | None = None
        self._project: Project | None = None
        self._references: list[tuple[Any, str]] = []
        self._nodes_done = 0

    def build(self, plan: Plan, project: Project) -> list[str]:
        """Builds and tests what a plan says.

        Unit tests are left out: they test the code, and read no data.

        Args:
            plan: What to build.
            project: What the project is now; if it is another than last time, it is read anew.

        Returns:
            What failed, in words that hold no data; empty if nothing did.
        """
        with console.status("refresh: reading the project") as status:
            if failures := self.read(project):
                return failures
            self._nodes_done = 0

            def count(event: Any) -> None:
                if event.info.name == "NodeFinished":
                    self._nodes_done += 1
                    status.update(f"refresh: {self._nodes_done} models and tests done")

            self._runner.callbacks = [count]
            done = self._invoke(
                self._runner, ["build", *self._arguments, "--exclude-resource-type", "unit_test", *plan.selection]
            )
        failures = self._failures(done)
        if not failures:
            console.print(f"refresh: {self._nodes_done} models and tests done")
        return failures

    def read(self, project: Project) -> list[str]:
        """Reads the project if it is not known yet as it is now, and returns what failed, as `build` does."""
        if self._runner and self._project == project:
            return []
        # Only now, as it takes two seconds, and a refresh with nothing new should be quick.
        from dbt.cli.main import dbtRunner

        done = self._invoke(dbtRunner(), ["parse", *self._arguments])
        self._runner = dbtRunner(manifest=done.result) if done.success else None
        self._references = _foreign_key_references(done.result) if done.success else []
        self._project = project
        # The project as it was read stays to the end: looking through it for garbage took a third of each build.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        return self._failures(done)

    def _invoke(self, runner: "dbtRunner", arguments: list[str]) -> "dbtRunnerResult":
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        # What the profile goes by.
        os.environ["THROUGHLINE_WAREHOUSE"] = str(self._warehouse)
        for constraint, reference in self._references:
            constraint.to = reference
        try:
            return runner.invoke(arguments)
        finally:
            # dbt keeps the warehouse open until its process ends, and here that goes on.
            DuckDBConnectionManager.close_all_connections()

    def _failures(self, done: "dbtRunnerResult") -> list[str]:
        if done.success:
            return []
        if not hasattr(done.result, "results"):
            return [f"dbt stopped: {' '.join(str(done.exception).split())}"]
        failed = [result for result in done.result.results if result.status in ("error", "fail", "runtime error")]
        named = [
            f"the {result.node.resource_type} {result.node.name} failed"
            + (f" ({result.failures:,} row{'s' * (result.failures > 1)})" if result.status == "fail" else "")
            for result in failed[:_NAMED_FAILURES]
        ]
        if len(failed) > _NAMED_FAILURES:
            named.append(f"and so did {len(failed) - _NAMED_FAILURES} more")
        return [*named[:-1], f"{named[-1]}; {self._log} says why"] if named else ["dbt failed without a word"]
