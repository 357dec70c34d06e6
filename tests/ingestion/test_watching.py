"""Watching: what is refreshed when, and how long a failure is waited for; refreshes themselves are pretended."""

import itertools

import pytest

from ingestion import refresh
from ingestion.errors import ThroughlineError

EVERY_TIME = itertools.repeat(None)
SOURCES = ["crm", "calendly_webhooks"]


class Pretended:
    """Be a warehouse whose refreshes end as they are told, and note what was refreshed and waited for."""

    def __init__(self, *outcomes: bool) -> None:
        """Each outcome is that of one refresh; after the last one the watch is interrupted."""
        self.outcomes = iter(outcomes)
        self.refreshed: list[list[str]] = []
        self.pauses: list[float] = []

    def run(self, names: list[str]) -> None:
        """Refresh."""
        outcome = next(self.outcomes, None)
        if outcome is None:
            raise KeyboardInterrupt
        self.refreshed.append(names)
        if not outcome:
            raise ThroughlineError("the load of crm failed.")


@pytest.fixture
def watch(warehouse, monkeypatch, tmp_path):
    """Return a function that watches with given outcomes, something arriving again and again."""
    monkeypatch.setenv("SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL", str(tmp_path / "deliveries"))
    monkeypatch.setattr(refresh._Refresh, "prepare", lambda _: None)

    def watched(*outcomes, arrivals=EVERY_TIME):
        pretended = Pretended(*outcomes)
        monkeypatch.setattr(refresh._Refresh, "run", pretended.run)
        monkeypatch.setattr(refresh.time, "sleep", pretended.pauses.append)
        monkeypatch.setattr(refresh, "_arrivals", lambda _: arrivals)
        with pytest.raises(KeyboardInterrupt):
            refresh.watch_deliveries(SOURCES, warehouse)
        return pretended

    return watched


def test_all_sources_come_first_and_then_the_deliveries(watch):
    """What has rhythms of its own is not loaded with each delivery."""
    assert watch(True, True, True).refreshed == [SOURCES, ["calendly_webhooks"], ["calendly_webhooks"]]


def test_a_failure_is_tried_again_after_longer_and_longer_pauses(watch, capsys):
    """Nothing has to arrive for that; a success makes the next pause short again."""
    pretended = watch(*[False] * 12, True, True, False, True)
    assert pretended.pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 1]
    # A source that is broken must not hold up the deliveries, so that it is tried once.
    assert pretended.refreshed == [SOURCES] + [["calendly_webhooks"]] * 15
    assert "the load of crm failed. Trying again in 900 s." in capsys.readouterr().err


def test_the_first_success_ends_the_trying(watch):
    """Then something must arrive."""
    arrivals = itertools.chain([None], iter(lambda: pytest.fail("nothing arrived"), None))
    with pytest.raises(pytest.fail.Exception):
        watch(False, True, True, arrivals=arrivals)


@pytest.mark.parametrize(("names", "folder"), [(["crm"], "deliveries"), (SOURCES, None)])
def test_without_deliveries_there_is_nothing_to_watch(warehouse, monkeypatch, tmp_path, names, folder):
    """The sentence names what to add."""
    if folder:
        monkeypatch.setenv("SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL", str(tmp_path / folder))
    with pytest.raises(ThroughlineError, match="name calendly_webhooks, or no source at all, and set SOURCES__"):
        refresh.watch_deliveries(names, warehouse)


def test_arrivals_are_the_beginning_and_each_change(tmp_path):
    """The watched folder is made if need be, and what is written while nobody asks is not missed."""
    arrivals = refresh._arrivals(str(tmp_path / "deliveries"))
    next(arrivals)
    (tmp_path / "deliveries" / "2026-11-21").mkdir()
    next(arrivals)
    (tmp_path / "deliveries" / "2026-11-21" / "new.jsonl").write_text("{}")
    next(arrivals)
    arrivals.close()
