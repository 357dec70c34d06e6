"""The keys with which Calendly signs its webhooks: where they stand, and how a new one takes the place of another."""

import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ingestion.errors import ThroughlineError
from ingestion.settings import PROJECT_ROOT

SETTING = "SOURCES__CALENDLY_WEBHOOKS__SIGNING_KEYS"

_PLACE = ("sources", "calendly_webhooks", "signing_keys")
# The new one, those before it for what was signed with them and is still under way, and those of other subscriptions.
_KEPT = 5


def secrets_path() -> Path:
    """The file of secrets, `.dlt/secrets.toml` in DLT_PROJECT_DIR, else in the project's root."""
    return Path(os.environ.get("DLT_PROJECT_DIR") or PROJECT_ROOT) / ".dlt" / "secrets.toml"


def signing_keys() -> list[str]:
    """The keys that are accepted, the newest first, as they stand at this moment.

    They come by dlt's rules, but without dlt, which reads its files once: from the environment, where white space or
    commas part them, else from secrets.toml or config.toml, where they may be a list, too.

    Raises:
        ThroughlineError: A file cannot be read, or what stands there is neither text nor a list of texts.
    """
    if os.environ.get(SETTING):
        return _parted(os.environ[SETTING])
    for path in (secrets_path(), secrets_path().with_name("config.toml")):
        if keys := _keys_in(path):
            return keys
    return []


def _keys_in(path: Path) -> list[str]:
    try:
        value: Any = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ThroughlineError(f"{path} is no TOML: {error}; correct it.") from None
    for name in _PLACE:
        value = value.get(name) if isinstance(value, Mapping) else None
    if value is None:
        return []
    if isinstance(value, str):
        return _parted(value)
    if isinstance(value, list) and all(isinstance(key, str) for key in value):
        return [key.strip() for key in value if key.strip()]
    raise ThroughlineError(f"{'.'.join(_PLACE)} in {path} is neither text nor a list of texts; correct it.")


def _parted(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ThroughlineError(f"{path} cannot be read: {error}.") from None


def add_signing_key(key: str) -> None:
    """Writes a key into secrets.toml as the first; of those that were there, the newest stay accepted.

    What else stands in the file stays as it is, and only its owner may read it. It is replaced as a whole: a receiver
    that reads it meanwhile finds the keys of before or those of after.

    Raises:
        ThroughlineError: The environment sets the keys, so that the new one would not count; or the file cannot be
            read or written.
    """
    _refuse_environment()
    _write([key, *(known for known in signing_keys() if known != key)][:_KEPT])


def remove_signing_key(key: str) -> None:
    """Takes a key out of secrets.toml again, if it is there.

    Raises:
        ThroughlineError: The environment sets the keys; or the file cannot be read or written.
    """
    _refuse_environment()
    known = _keys_in(secrets_path())
    if key in known:
        _write([other for other in known if other != key])


def _refuse_environment() -> None:
    if os.environ.get(SETTING):
        raise ThroughlineError(
            f"{SETTING} is set in the environment and wins over {secrets_path()}, where a new key is kept; move its"
            " keys into that file, if they are still needed, and unset the variable."
        )


def _write(keys: list[str]) -> None:
    # Through a link to where the file really is, which renaming would put a file in place of.
    path = secrets_path().resolve()
    try:
        table: Any = (document := tomlkit.parse(_text(path)))
        for name in _PLACE[:-1]:
            table = table.setdefault(name, tomlkit.table(is_super_table=name == _PLACE[0]))
        table[_PLACE[-1]] = keys
    except (TOMLKitError, AttributeError, TypeError) as error:
        raise ThroughlineError(f"{path} takes no {'.'.join(_PLACE)}: {error}; correct it.") from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, tomlkit.dumps(document))
    except OSError as error:
        raise ThroughlineError(f"{path} cannot be written: {error.strerror}.") from None


def _replace(path: Path, text: str) -> None:
    """Puts a new file in place of one, readable by its owner alone, safe from a power cut."""
    # Made with mode 600, so that nobody can open it before it would be restricted.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class KeyRing:
    """The accepted keys for a process that lives long: a change of their file counts from the next delivery on."""

    def __init__(self) -> None:
        """Reads them.

        Raises:
            ThroughlineError: As `signing_keys` does.
        """
        self._version = _version()
        self._keys = signing_keys()

    def keys(self) -> list[str]:
        """The keys; read again where a file has changed.

        Raises:
            ThroughlineError: The file cannot be read any more or holds no key. It is raised once for each change; after
                that the keys of before stay accepted until the file is mended.
        """
        version = _version()
        if version != self._version:
            self._version = version
            if not (keys := signing_keys()):
                raise ThroughlineError(
                    f"{secrets_path()} holds no signing key any more; those of before stay accepted until"
                    " `throughline receive` is restarted."
                )
            self._keys = keys
        return self._keys


def _version() -> tuple[tuple[int, ...] | None, ...]:
    """Changes whenever a file that may hold the keys has changed."""
    return tuple(_file_version(path) for path in (secrets_path(), secrets_path().with_name("config.toml")))


def _file_version(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
