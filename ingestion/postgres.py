"""A PostgreSQL database: its address by dlt's rules, a transaction in it, and a sentence for whatever it refuses."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import psycopg
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.configuration.providers.toml import TomlProviderReadException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration, configspec
from dlt.common.configuration.specs.exceptions import InvalidConnectionString
from dlt.destinations.impl.postgres.configuration import PostgresCredentials

from ingestion.errors import ThroughlineError

# It warns of what the sentence says that follows.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)

SETTING = "DESTINATION__POSTGRES__CREDENTIALS"
# How long a statement waits for a table that others use; those who come later wait behind it.
LOCK_SECONDS = 30

_LIMITS = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"]

_EXAMPLE = "postgresql://user:password@host:5432/database"
_REMEDY = f"set {SETTING}, like {_EXAMPLE}, in .dlt/secrets.toml or the environment"

# By what the library that connects says, what that means.
_OBSTACLES = (
    ("authentication failed|password", f"refuses the user or the password; correct them in {SETTING}"),
    (
        "resolve|translate host|Name or service|nodename",
        f"has a host that nobody knows; correct it in {SETTING}, or see whether the name server answers",
    ),
    (
        "refused|No such file",
        f"takes no connections; see whether PostgreSQL runs there, and whether host and port of {SETTING} are right",
    ),
    ("timeout|timed out|unreachable", f"gave no answer; see whether the host of {SETTING} can be reached from here"),
    (
        "SSL|certificate",
        f"cannot be spoken to by TLS as {SETTING} demands; see its sslmode and sslrootcert, and what the server offers",
    ),
    ("invalid connection option|is bad", f"is named with an option that makes no sense; correct {SETTING}"),
    ("pg_hba.conf", "lets nobody in from this machine as this user; add a line to its pg_hba.conf"),
    ("database .* does not exist", f"is not there; create the database, or correct {SETTING}"),
    ("too many (clients|connections)|slots are reserved", "has no connection left; try again later"),
    ("starting up|shutting down", "is starting up or shutting down; try again in a minute"),
)


class NotSetError(ThroughlineError):
    """No setting names a database."""


@configspec(init=False)
class _Credentials(PostgresCredentials):
    """As dlt reads them, but for slips that it takes for another address."""

    def parse_native_representation(self, native_value: Any) -> None:
        """Reads an address.

        Raises:
            InvalidConnectionString: It is of another kind of database, or an @ ends the password too early: what
                follows would count as host or database, which messages name.
        """
        scheme, _, rest = str(native_value).partition("://")
        if scheme.partition("+")[0] not in ("postgresql", "postgres") or rest.partition(":")[2].count("@") > 1:
            raise InvalidConnectionString(type(self), native_value, self.drivername)
        super().parse_native_representation(native_value)


@configspec
class _Destination(BaseConfiguration):
    """What dlt looks for under DESTINATION__POSTGRES."""

    credentials: _Credentials = None


class Database:
    """The database that the settings name.

    Attributes:
        place: How messages name it: without user and password.
    """

    def __init__(self) -> None:
        """Reads the settings.

        Raises:
            NotSetError: There are none.
            ThroughlineError: They make no sense; the text shows nothing of them.
        """
        self._credentials = _credentials()
        self.place = f"{self._credentials.database} at {self._host}:{self._credentials.port}"

    @contextmanager
    def transaction(self, *, seconds: int | None = None) -> Iterator[psycopg.Connection]:
        """A connection whose one transaction is committed at the end, and undone by an exception.

        Args:
            seconds: How long to wait for the server's answer, if not as long as the settings say.

        Raises:
            ThroughlineError: The database cannot be reached, or refuses what is done in the transaction.
        """
        try:
            with self._connect(seconds) as connection:
                yield connection
        except psycopg.Error as error:
            if seconds and error.sqlstate == "57014":
                raise ThroughlineError(
                    f"{self.place} did not answer within {seconds} seconds; see in pg_stat_activity what it waits for."
                ) from None
            # Without a number it comes from the library that connects, and not from the server's answer to a statement.
            raise ThroughlineError(
                _refusal(error, self.place) if error.sqlstate else self._unreachable(str(error))
            ) from None

    @property
    def _host(self) -> str:
        # The folder of a socket has its slashes as %2F in an address.
        return unquote(self._credentials.host)

    def _connect(self, seconds: int | None) -> psycopg.Connection:
        settings = self._credentials
        options = settings.get_query() | {"client_encoding": "utf8", "application_name": "throughline publish"}
        if seconds:
            options["connect_timeout"] = seconds
        connection = psycopg.connect(
            **options,
            host=self._host,
            port=settings.port,
            dbname=settings.database,
            user=settings.username,
            password=settings.password,
        )
        # Each statement sees what the publication before it has written, which was waited for.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        # A publication takes as long as it takes, whatever the server allows to people. Not every server knows each.
        connection.execute("select set_config(name, '0', true) from pg_settings where name = any(%s)", [_LIMITS])
        # A server that lost sight of this machine must not keep the locks for hours.
        connection.execute("set local tcp_keepalives_idle = 60")
        if seconds:
            connection.execute(f"set local statement_timeout = '{seconds}s'")
        return connection

    def _unreachable(self, text: str) -> str:
        """Why there is no connection, or no longer one."""
        for pattern, sentence in _OBSTACLES:
            if re.search(pattern, text, re.IGNORECASE):
                return f"{self.place} {sentence}."
        reason = (text.strip().splitlines() or ["without a word"])[0]
        if self._credentials.password:
            reason = reason.replace(self._credentials.password, "…")
        return f"{self.place} broke off ({reason}); what is not whole changes nothing there. Try again."


def _credentials() -> PostgresCredentials:
    try:
        credentials = resolve_configuration(_Destination(), sections=("destination", "postgres")).credentials
    except ConfigFieldMissingException as error:
        tried = {name for traces in error.traces.values() for trace in traces for name in getattr(trace, "traces", ())}
        missing = [name for name in ("host", "database", "username", "password") if name in tried]
        if len(missing) == 4 or not missing:
            raise NotSetError(f"No PostgreSQL database is named; {_REMEDY}.") from None
        raise _lacking(missing) from None
    except TomlProviderReadException as error:
        # Its own words quote the line, which may hold a secret.
        raise ThroughlineError(f"{error.file_name} in .dlt is no TOML; correct it.") from None
    except (ConfigurationException, ValueError):
        raise _no_address() from None
    if missing := [name for name in ("host", "database", "username") if not getattr(credentials, name)]:
        raise _lacking(missing)
    # An address where only a host belongs.
    if "@" in credentials.host:
        raise _no_address()
    return credentials


def _lacking(names: list[str]) -> ThroughlineError:
    return ThroughlineError(f"{SETTING} lacks its {' and '.join(names)}; {_REMEDY}.")


def _no_address() -> ThroughlineError:
    return ThroughlineError(
        f"{SETTING} is no address of a PostgreSQL database; write it like {_EXAMPLE}, with %40 for an @ in the"
        " password, %25 for a %."
    )


def _refusal(error: psycopg.Error, place: str) -> str:
    """Why the database did not take a statement."""
    diagnosis = error.diag
    # Quoted after a colon are values, and a detail may have some: neither is shown.
    reason = re.sub(r":? \".*", "", diagnosis.message_primary or type(error).__name__, flags=re.DOTALL)
    table = f"{diagnosis.schema_name}.{diagnosis.table_name}" if diagnosis.table_name else "a table"
    kept = f"Nothing was changed in {place}"
    match error.sqlstate or "":
        case "42501":
            denied = diagnosis.message_primary
            return (
                f"{kept}: {denied}. Let the user of {SETTING} create the schema marts and own what is in it"
                " (docs/operations.md has the statements)."
            )
        case "2BP01":
            return (
                f"{kept}: others rely on what the marts no longer have ({_dependents(diagnosis.message_detail)}). Drop"
                " these, publish again, and make them anew."
            )
        case "55P03":
            return (
                f"{kept}: another query kept a table that publishing needs, as it does one by itself whose columns have"
                f" changed, for {LOCK_SECONDS} seconds. Publish again when it has ended."
            )
        case "40P01" | "40001" | "57014" | "57P01":
            return f"{kept}: the server ended the publication ({reason}). Publish again."
        case "53100" | "53200":
            return f"{kept}: the server has no room left ({reason}). Make some, then publish again."
        case "25006":
            return f"{kept}: it can only be read. Name the primary server in {SETTING}."
        case "23505" | "23503" | "23502" | "23514" | "23P01" | "23001":
            constraint = diagnosis.constraint_name or diagnosis.column_name
            return (
                f"{kept}: rows of {table} break {constraint}. If somebody added that in PostgreSQL, drop it, or make a"
                " foreign key `on delete no action deferrable`; else report it, as the marts' own keys hold in the"
                " warehouse."
            )
        case "22P05":
            return f"{kept}: it cannot hold every character. Create a database with the encoding UTF8."
    where = re.search(r"COPY (\w+), line \d+(, column \w+)?", diagnosis.context or "")
    in_table = f" in {where[1]}{where[2] or ''}" if where else ""
    return f"{kept}: PostgreSQL does not take what it was given{in_table} ({reason})."


def _dependents(detail: str | None) -> str:
    """What depends on something, of PostgreSQL's lines `view a.b depends on column c of table d`."""
    lines = [line.split(" depends on ")[0] for line in (detail or "").splitlines() if " depends on " in line]
    return ", ".join(dict.fromkeys(lines)) or "see pg_depend"
