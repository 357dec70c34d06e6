"""What dbt does before it opens the warehouse: the same as the loaders do."""

from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin

from ingestion.warehouse import connect


class Plugin(BasePlugin):
    """Named in profiles.yml; dbt-duckdb's own retries can neither say what they wait for nor make a folder."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Makes the warehouse's folder, and waits while another process holds the file."""
        connect(Path(creds.path)).close()
