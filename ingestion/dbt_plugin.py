"""What dbt does before it opens the warehouse: the same as the loaders do."""

from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from ingestion.errors import ThroughlineError
from ingestion.settings import from_root
from ingestion.warehouse import connect, working_folder


class Plugin(BasePlugin):
    """Named in profiles.yml; dbt-duckdb's own retries can neither say what they wait for nor make a folder."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Takes the warehouse's path from the project's root, makes its folder, and waits while it is in use.

        Raises:
            DbtRuntimeError: There can be no warehouse at that path, or another process kept it.
        """
        try:
            warehouse = from_root(creds.path)
            working_folder(warehouse)
            connect(warehouse).close()
        except ThroughlineError as error:
            raise DbtRuntimeError(str(error)) from None
        creds.path = str(warehouse)
