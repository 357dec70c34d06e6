"""The demo's APIs, simulated: Calendly, Zoom and BigMarker answer on this machine with what the demo's folder holds."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ingestion.demo import bigmarker_simulator, calendly_simulator, zoom_simulator
from ingestion.demo.simulator import Asked, serving
from ingestion.errors import ThroughlineError

# Nobody waits for a demo's rate limits.
_UNLIMITED = 1_000_000


class _Conferences(bigmarker_simulator.BigMarkerSimulator):
    """BigMarker at the end of the demo's world: nobody has come to what is still to come, whatever the clock says."""

    def refusal(self, asked: Asked, request: Request) -> Response | None:
        found = re.fullmatch(rf"{bigmarker_simulator.PATH}/conferences/(.+)/attendees", asked.path)
        if found and found[1] not in self.account["attendees"]:
            return JSONResponse({"error": "The conference has not taken place."}, 404)
        return super().refusal(asked, request)


def _calendly(organization: dict[str, Any], stack: ExitStack) -> dict[str, str]:
    app = calendly_simulator.CalendlySimulator(organization, requests_per_minute=_UNLIMITED)
    return {
        "SOURCES__CALENDLY__BASE_URL": stack.enter_context(serving(app)),
        "SOURCES__CALENDLY__API_TOKEN": calendly_simulator.TOKEN,
    }


def _zoom(account: dict[str, Any], stack: ExitStack) -> dict[str, str]:
    limits = dict.fromkeys(zoom_simulator.PRO_LIMITS, _UNLIMITED)
    url = stack.enter_context(serving(zoom_simulator.ZoomSimulator(account, limits=limits)))
    return {
        "SOURCES__ZOOM__BASE_URL": f"{url}/v2",
        "SOURCES__ZOOM__OAUTH_URL": f"{url}/oauth/token",
        "SOURCES__ZOOM__ACCOUNT_ID": zoom_simulator.ACCOUNT_ID,
        "SOURCES__ZOOM__CLIENT_ID": zoom_simulator.CLIENT_ID,
        "SOURCES__ZOOM__CLIENT_SECRET": zoom_simulator.CLIENT_SECRET,
    }


def _bigmarker(account: dict[str, Any], stack: ExitStack) -> dict[str, str]:
    app = _Conferences(account)
    return {
        "SOURCES__BIGMARKER__BASE_URL": stack.enter_context(serving(app)) + bigmarker_simulator.PATH,
        "SOURCES__BIGMARKER__API_KEY": bigmarker_simulator.API_KEY,
        "SOURCES__BIGMARKER__MAX_REQUESTS_PER_MINUTE": str(_UNLIMITED),
    }


# By the file in a demo's folder that says what each has to tell.
_SIMULATIONS = {
    "calendly/organization.json": _calendly,
    "zoom_api/account.json": _zoom,
    "bigmarker/account.json": _bigmarker,
}


@contextmanager
def simulated(folder: Path) -> Iterator[dict[str, str]]:
    """Serves the accounts in a demo's folder and yields the settings by which a load finds them.

    Args:
        folder: Where `throughline demo` wrote its files; an API without its file there is not simulated.

    Raises:
        ThroughlineError: None of the files is there.
    """
    found = {path: simulate for path, simulate in _SIMULATIONS.items() if (folder / path).exists()}
    if not found:
        raise ThroughlineError(f"{folder} holds no account to simulate; write it with: throughline demo {folder}")
    # A company's proxy would not find this machine.
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1")))
    settings = {"NO_PROXY": direct, "no_proxy": direct}
    with ExitStack() as stack:
        for path, simulate in found.items():
            settings |= simulate(json.loads((folder / path).read_text(encoding="utf-8")), stack)
        yield settings
