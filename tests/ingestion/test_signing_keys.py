"""The signing keys: where they may stand, and how a new one comes without harm to what else stands there."""

import stat
import tomllib

import pytest

from ingestion import signing_keys
from ingestion.errors import ThroughlineError
from ingestion.signing_keys import SETTING, KeyRing, add_signing_key, remove_signing_key


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """Be the file of secrets of a project of its own, which is not there yet."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    return tmp_path / ".dlt" / "secrets.toml"


def write(path, text):
    """Write a file into its folder."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_without_any_there_are_none(secrets):
    """A file need not be there."""
    assert signing_keys.signing_keys() == []
    write(secrets, "[sources]\ncalendly_webhooks = 7\n")
    assert signing_keys.signing_keys() == []


@pytest.mark.parametrize("value", ['"one, two"', '"one\\ntwo"', '["one", " two ", ""]'])
@pytest.mark.parametrize("name", ["secrets.toml", "config.toml"])
def test_a_file_holds_text_or_a_list(secrets, name, value):
    """In the order in which they stand."""
    write(secrets.with_name(name), f"[sources.calendly_webhooks]\nsigning_keys = {value}\n")
    assert signing_keys.signing_keys() == ["one", "two"]


def test_the_environment_wins_and_secrets_win_over_the_configuration(secrets, monkeypatch):
    """As with all settings."""
    for name in ("secrets", "config"):
        write(secrets.with_name(f"{name}.toml"), f'[sources.calendly_webhooks]\nsigning_keys = "{name}"\n')
    assert signing_keys.signing_keys() == ["secrets"]
    monkeypatch.setenv(SETTING, " a,b\tc ")
    assert signing_keys.signing_keys() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[sources.calendly_webhooks\n", "secrets.toml is no TOML"),
        ("[sources.calendly_webhooks]\nsigning_keys = 7\n", "secrets.toml is neither text nor a list of texts"),
        ("[sources.calendly_webhooks]\nsigning_keys = ['a', 7]\n", "secrets.toml is neither text nor a list of texts"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(secrets, text, words):
    """And where."""
    write(secrets, text)
    with pytest.raises(ThroughlineError, match=words):
        signing_keys.signing_keys()


LAYOUTS = {
    "nothing": "",
    "other tables": '# ours\n[sources.crm]\nbucket_url = "a" # here\n\n[alerts]\nwebhook_url = "https://example.com"\n',
    "its table": '[sources.calendly_webhooks]\nsigning_keys = "old"\nbucket_url = "x"\n\n[sources.crm]\na = 1\n',
    "dotted": 'sources.crm.bucket_url = "a"\nsources.calendly_webhooks.signing_keys = ["old", "older"]\n[b]\na = 1\n',
    "inline": 'sources = { crm = { bucket_url = "a" }, calendly_webhooks = { signing_keys = "old" } }\n[b]\na = 1\n',
    "out of order": '[sources.crm]\nbucket_url = "a"\n[alerts]\na = 1\n[sources.calendly_webhooks]\nbucket_url = "x"\n',
    "without its own": '[sources]\nname = "a"\n[alerts]\na = 1\n[sources.zoom]\nbucket_url = "x"\n',
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_new_key_is_the_first_and_the_rest_of_the_file_stays(secrets, layout):
    """Comments, order, other secrets, and the keys of before."""
    write(secrets, LAYOUTS[layout])
    before = tomllib.loads(LAYOUTS[layout])
    known = signing_keys.signing_keys()
    add_signing_key("new")
    assert signing_keys.signing_keys() == ["new", *known]
    text = secrets.read_text(encoding="utf-8")
    after = tomllib.loads(text)
    assert after["sources"]["calendly_webhooks"].pop("signing_keys") == ["new", *known]
    ours = before.setdefault("sources", {}).setdefault("calendly_webhooks", {})
    ours.pop("signing_keys", None)
    assert after == before
    kept = [line for line in LAYOUTS[layout].splitlines() if "signing_keys" not in line]
    assert [line for line in text.splitlines() if line in kept] == kept


def test_a_key_is_kept_for_its_owner_alone(secrets):
    """Whoever could read the file before, and with nothing left beside it."""
    add_signing_key("first")
    secrets.chmod(0o644)
    add_signing_key("second")
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert list(secrets.parent.iterdir()) == [secrets]


def test_the_newest_five_are_accepted(secrets):
    """One that comes again is not there twice, and one that is taken out leaves the others."""
    for key in ("one", "two", "three", "four", "five", "six", "six"):
        add_signing_key(key)
    assert signing_keys.signing_keys() == ["six", "five", "four", "three", "two"]
    remove_signing_key("seven")
    remove_signing_key("six")
    assert signing_keys.signing_keys() == ["five", "four", "three", "two"]


def test_a_key_of_the_configuration_stays_accepted(secrets):
    """The file of secrets wins over it, and so must hold it."""
    write(secrets.with_name("config.toml"), "[sources.calendly_webhooks]\nsigning_keys = ['old']\n")
    add_signing_key("new")
    assert signing_keys.signing_keys() == ["new", "old"]


def test_a_link_stays_a_link(secrets, tmp_path):
    """Secrets often lie elsewhere."""
    write(elsewhere := tmp_path / "vault" / "secrets.toml", "a = 1\n")
    secrets.parent.mkdir()
    secrets.symlink_to(elsewhere)
    add_signing_key("new")
    assert secrets.is_symlink()
    assert tomllib.loads(elsewhere.read_text())["a"] == 1
    assert signing_keys.signing_keys() == ["new"]


@pytest.mark.parametrize("change", [add_signing_key, remove_signing_key])
def test_keys_of_the_environment_are_not_overruled_silently(secrets, monkeypatch, change):
    """A new key in the file would count for nothing."""
    monkeypatch.setenv(SETTING, "secret-of-the-environment")
    with pytest.raises(ThroughlineError, match=SETTING) as refusal:
        change("new")
    assert "secret-of" not in str(refusal.value)
    assert not secrets.exists()


@pytest.mark.parametrize("text", ["sources = 7\n", "[sources]\ncalendly_webhooks = 'a'\n", "[sources\n"])
def test_a_file_without_a_place_for_keys_is_left_alone(secrets, text):
    """With a sentence."""
    write(secrets, text)
    with pytest.raises(ThroughlineError, match=r"secrets\.toml"):
        add_signing_key("new")
    assert secrets.read_text() == text


def test_a_folder_that_cannot_be_written_is_named(secrets):
    """A file lies where the folder should be."""
    secrets.parent.write_text("")
    with pytest.raises(ThroughlineError, match=r"secrets\.toml cannot be"):
        add_signing_key("new")


def test_a_ring_follows_its_file(secrets):
    """A key that comes is accepted, one that goes is not, and a mistake of an hour locks nobody out."""
    add_signing_key("one")
    ring = KeyRing()
    assert ring.keys() == ["one"]
    add_signing_key("two")
    assert ring.keys() == ["two", "one"]
    remove_signing_key("one")
    assert ring.keys() == ["two"]
    for text in ("[sources\n", "", "a = 1\n"):
        write(secrets, text)
        with pytest.raises(ThroughlineError, match=r"secrets\.toml"):
            ring.keys()
        assert ring.keys() == ["two"]
    add_signing_key("three")
    assert ring.keys() == ["three"]
