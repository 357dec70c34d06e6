"""What deploy/ says must hold: its commands are this version's, and both schedulers keep the same rhythms."""

import os
import re
import subprocess
from collections import defaultdict
from configparser import ConfigParser
from pathlib import Path

import pytest
import typer
from support import BIN, PROJECT_ROOT

from ingestion import cli
from ingestion.sources import SOURCES, checked_sources

DEPLOY = PROJECT_ROOT / "deploy"
UNITS = DEPLOY / "systemd"
INSTALLED = "/opt/throughline/"
COMMAND = INSTALLED + ".venv/bin/throughline"
WRAPPER = INSTALLED + "deploy/throughline"

# By the line of a crontab, the same of a timer.
RHYTHMS = {
    "15 6 * * *": "*-*-* 06:15:00",
    "40 6 * * *": "*-*-* 06:40:00",
    "45 6 * * *": "*-*-* 06:45:00",
    "0 */4 * * *": "*-*-* 00/4:00:00",
    "* * * * *": "*-*-* *:*:00",
}


def unit(path: Path) -> dict[str, dict[str, str]]:
    """The sections of a unit file; each key that is read here stands there once."""
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    parser.read_string(path.read_text())
    return {section: dict(parser[section]) for section in parser.sections()}


def service_of(timer: Path) -> Path:
    """The service that a timer starts: that of its name, or of the template before the @."""
    name = re.sub(r"@.*", "@", timer.stem)
    return UNITS / f"{name}.service"


def arguments_of(service: Path, instance: str = "") -> list[str]:
    """What the command is called with by a service."""
    command, *arguments = unit(service)["Service"]["ExecStart"].split()
    assert command == COMMAND
    return [argument.replace("%i", instance) for argument in arguments]


def timed() -> list[tuple[str, list[str]]]:
    """By systemd: when, and with which arguments."""
    return [
        (unit(path)["Timer"]["OnCalendar"], arguments_of(service_of(path), path.stem.partition("@")[2]))
        for path in sorted(UNITS.glob("*.timer"))
    ]


def scheduled() -> list[tuple[str, list[str]]]:
    """By cron: when, and with which arguments; also what is commented out until somebody wants it."""
    written = [line.removeprefix("# ") for line in (DEPLOY / "crontab").read_text().splitlines()]
    lines = [line.split() for line in written if re.match(r"[\d*]", line)]
    assert {line[5] for line in lines} == {WRAPPER}
    assert {tuple(line[line.index("2>&1") :]) for line in lines} == {("2>&1", "|", "logger", "-t", "throughline")}
    return [(" ".join(line[:5]), line[6 : line.index("2>&1")]) for line in lines]


def services() -> list[list[str]]:
    """The arguments of the services that no timer starts."""
    started = {service_of(timer) for timer in UNITS.glob("*.timer")}
    return [arguments_of(path) for path in sorted(UNITS.glob("*.service")) if path not in started]


def by_rhythm(runs: list[tuple[str, list[str]]]) -> dict[str, set[str]]:
    """What is done when, each source of a refresh by itself."""
    done = defaultdict(set)
    for when, (command, *rest) in runs:
        done[when] |= {f"refresh {name}" for name in rest} if command == "refresh" else {" ".join([command, *rest])}
    return done


def test_every_command_is_one_that_this_version_takes() -> None:
    """A renamed option would stop a service in the night after an upgrade."""
    every = services() + [arguments for _, arguments in timed() + scheduled()]
    assert {arguments[0] for arguments in every} == {"receive", "refresh", "publish", "site"}
    commands = typer.main.get_command(cli.app).commands
    for name, *rest in every:
        # Parsed as when it runs, without running.
        parsed = commands[name].make_context(name, rest).params
        checked_sources(parsed.get("sources"))


def test_cron_and_systemd_keep_the_same_rhythms() -> None:
    """Whichever a machine has, each source is as fresh."""
    mornings = ("ad_spend", "crm", "calendly_export", "zoom", "bigmarker", "stream")
    expected = {
        "15 6 * * *": {f"refresh {name}" for name in mornings},
        "40 6 * * *": {"publish --to postgres"},
        "45 6 * * *": {"site"},
        "0 */4 * * *": {"refresh calendly"},
        "* * * * *": {"refresh calendly_webhooks"},
    }
    assert by_rhythm(scheduled()) == expected
    assert by_rhythm(timed()) == {RHYTHMS[when]: done for when, done in expected.items()}
    assert {name for name in SOURCES if f"refresh {name}" not in set().union(*expected.values())} == set()


def test_every_file_that_is_named_is_there() -> None:
    """Under the folder of the installation lies this repository."""
    named = set()
    for path in [*DEPLOY.rglob("*"), PROJECT_ROOT / "docs" / "operations.md", PROJECT_ROOT / "README.md"]:
        if path.is_file():
            named |= set(re.findall(rf"{INSTALLED}([\w./@-]*[\w-])", path.read_text()))
    assert {"deploy/crontab", "deploy/throughline", ".venv/bin/throughline", "reports"} <= named
    # Made by an installation, and by `throughline subscribe`.
    made = {".venv/bin/throughline": BIN / "throughline", ".dlt/secrets.toml": PROJECT_ROOT / ".dlt"}
    assert {name for name in named if not made.get(name, PROJECT_ROOT / name).exists()} == set()


def test_every_unit_has_the_settings_and_can_write_where_they_say() -> None:
    """One file of settings for systemd, cron and people; what they name to be written lies in the services' folder."""
    common = unit(UNITS / "throughline-.service.d" / "common.conf")["Service"]
    assert {path.name.startswith("throughline-") for path in UNITS.glob("*.service")} == {True}
    assert f"THROUGHLINE_SETTINGS:-{common['EnvironmentFile']}" in (DEPLOY / "throughline").read_text()
    assert common["EnvironmentFile"] in (DEPLOY / "throughline.env.example").read_text()
    assert common["ProtectSystem"] == "strict"
    settings = dict(re.findall(r"^(\w+)=(.*)$", (DEPLOY / "throughline.env.example").read_text(), re.MULTILINE))
    written = {settings.pop(name) for name in list(settings) if name != "THROUGHLINE_SEEDS"}
    assert len(written) == 3
    assert {path for path in written if not path.startswith("/var/lib/throughline/")} == set()
    folders = {path.stem: unit(path)["Service"].get("StateDirectory") for path in UNITS.glob("*.service")}
    assert folders == {
        "throughline-pages": None,
        "throughline-publish-postgres": "throughline",
        "throughline-receive": "throughline/deliveries",
        "throughline-refresh@": "throughline",
        "throughline-site": "throughline",
        "throughline-watch": "throughline",
    }
    assert "/var/lib/throughline/deliveries" in written


def test_the_example_of_settings_holds_no_secret_and_suits_a_shell_and_systemd() -> None:
    """A value with a space or a $ would mean one thing to systemd and another to the shell of cron."""
    lines = (DEPLOY / "throughline.env.example").read_text().splitlines()
    assignments = [line.removeprefix("# ") for line in lines if re.match(r"(# )?[A-Z_]+=", line)]
    assert len(assignments) > 5
    assert [line for line in assignments if not re.fullmatch(r"[A-Z_]+=[\w./:-]+", line)] == []
    names = {line.partition("=")[0] for line in assignments}
    assert {name for name in names if re.search("TOKEN|KEY|SECRET|PASSWORD|WEBHOOK_URL", name)} == set()
    explained = (PROJECT_ROOT / "README.md").read_text()
    known = {f"SOURCES__{name.upper()}__BUCKET_URL" for name in SOURCES}
    assert {name for name in names - known if f"`{name}`" not in explained} == set()


@pytest.mark.parametrize("is_linked", [False, True], ids=["called", "linked"])
def test_the_wrapper_gives_a_command_the_settings(is_linked: bool, tmp_path: Path) -> None:
    """Called by its path or by a link from a folder of commands, from anywhere."""
    (tmp_path / "install" / "deploy").mkdir(parents=True)
    (tmp_path / "install" / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "install" / ".venv" / "bin" / "throughline").symlink_to(BIN / "throughline")
    wrapper = tmp_path / "install" / "deploy" / "throughline"
    wrapper.write_bytes((DEPLOY / "throughline").read_bytes())
    wrapper.chmod((DEPLOY / "throughline").stat().st_mode)
    if is_linked:
        (tmp_path / "throughline").symlink_to(wrapper)
        wrapper = tmp_path / "throughline"
    (tmp_path / "settings").write_text(f"# a comment\nTHROUGHLINE_WAREHOUSE={tmp_path}/none.duckdb\n")
    done = subprocess.run(
        [wrapper, "publish"],
        env={**os.environ, "THROUGHLINE_SETTINGS": str(tmp_path / "settings")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"There is no warehouse {tmp_path}/none.duckdb" in " ".join(done.stderr.split())
