"""What the repository itself must keep: locks without hosts, seeds with headers only, nobody's data on pages."""

import json
import re
import subprocess

from support import PROJECT_ROOT

from ingestion.settings import COMPANY_SEEDS


def tracked():
    """The files that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    return [PROJECT_ROOT / name for name in listed.stdout.split("\0") if name]


def test_lock_files_pin_exactly_and_name_no_host():
    """Whoever installs from a mirror of their own must not be sent elsewhere."""
    requirements = (PROJECT_ROOT / "requirements.lock").read_text()
    assert "://" not in requirements
    assert not re.search(r"^(-i|--(extra-)?index-url|--find-links)", requirements, re.MULTILINE)
    pins = [line for line in requirements.splitlines() if re.match(r"[a-z]", line)]
    assert pins
    assert [line for line in pins if "==" not in line] == []
    packages = json.loads((PROJECT_ROOT / "reports" / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and not package.get("version")] == []


def test_what_is_asked_for_is_pinned_exactly():
    """A range would let the next lock change what nobody looked at."""
    asked = json.loads((PROJECT_ROOT / "reports" / "package.json").read_text())
    versions = asked["dependencies"] | asked["overrides"]
    assert {name for name, version in versions.items() if not re.fullmatch(r"[\d.]+(-[\w.]+)?", version)} == set()
    quoted = re.findall(r'^    "([^"]+)",$', (PROJECT_ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert [requirement for requirement in quoted if "==" not in requirement] == []


def test_company_seeds_ship_with_headers_only():
    """The demo's seeds have the same columns, and no rows of a company are shipped."""
    shipped = {path.stem: path.read_text().splitlines() for path in (PROJECT_ROOT / "seeds" / "company").glob("*.csv")}
    assert set(shipped) == set(COMPANY_SEEDS)
    assert {name for name, lines in shipped.items() if len(lines) != 1} == set()
    demo = {path.stem: path.read_text().splitlines() for path in (PROJECT_ROOT / "ingestion/demo/seeds").glob("*.csv")}
    assert {name: lines[0] for name, lines in demo.items()} == {name: lines[0] for name, lines in shipped.items()}


def test_no_query_of_the_site_asks_for_people():
    """A site ships each query's whole result: it reads aggregated marts, and no column about a person."""
    queries = list((PROJECT_ROOT / "reports" / "sources").rglob("*.sql"))
    assert queries
    asked = {
        path.name for path in queries if re.search(r"mail|phone|first_name|last_name|contact_id", path.read_text())
    }
    assert asked == set()
    assert {path.name for path in queries if not re.search(r"\bmarts\.", path.read_text())} == set()


def test_every_e_mail_address_in_the_repository_is_invented():
    """Addresses in fixtures and documents belong to nobody."""
    addresses = {
        (path.name, address)
        for path in tracked()
        if path.suffix not in (".png", ".lock", ".svg") and path.name != "package-lock.json" and path.is_file()
        for address in re.findall(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", path.read_text(encoding="utf-8", errors="ignore"))
    }
    # Instances of systemd's units have an @ in their names, too.
    harmless = ("example.com", "example.org", ".timer", ".service")
    assert {item for item in addresses if not item[1].lower().endswith(harmless)} == set()
