"""BigMarker's API v1 over one invented account: lists in pages, the key in a header, a rate limit, faults on demand."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingestion.demo.simulator import Asked, Headers, Simulator
from ingestion.settings import now

API_KEY = "simulated-key"
# Below the host; a white-label account has another host, and the same path.
PATH = "/api/v1"

_PAGE_ROWS = 20
_MOST_PAGE_ROWS = 100

Document = dict[str, Any]


class BigMarkerSimulator(Simulator):
    """An ASGI app; what it does may be changed while it serves. Its base URL is that of the server with `PATH`.

    Attributes:
        account: The documents, as BigMarker's API returns them: `conferences` is a list, `registrations` and
            `attendees` are lists by the id of their conference.
        api_key: The one that is accepted.
        requests_per_minute: How many it answers.
        window_seconds: How long such a minute lasts here.
        most_page_rows: How many elements a page has at most, whatever is asked for.
        page_parameters: The parameters that say which page; others are ignored.
        page_fields: What each page says of the whole list; without a count of pages only an empty one is the end.
    """

    def __init__(
        self,
        account: Document,
        *,
        api_key: str = API_KEY,
        requests_per_minute: int = 1_000_000,
        window_seconds: float = 60.0,
        latency: float = 0.0,
        most_page_rows: int = _MOST_PAGE_ROWS,
        page_parameters: tuple[str, ...] = ("page", "current_page"),
        page_fields: tuple[str, ...] = ("current_page", "per_page", "total_pages", "total_entries"),
    ) -> None:
        """Serves an account; the arguments are the attributes of these names."""
        self.account = account
        self.api_key = api_key
        self.requests_per_minute = requests_per_minute
        self.window_seconds = window_seconds
        self.most_page_rows = most_page_rows
        self.page_parameters = page_parameters
        self.page_fields = page_fields
        self._window = (0.0, 0)
        app = Starlette(
            routes=[
                Route(f"{PATH}/conferences/", self._conferences),
                Route(f"{PATH}/conferences/registrations/{{conference}}", self._list("registrations")),
                Route(f"{PATH}/conferences/{{conference}}/attendees", self._list("attendees")),
            ],
            exception_handlers={404: lambda *_: _refusal(404, "The page does not exist.")},
        )
        super().__init__(app, latency=latency)

    def count(self, asked: Asked) -> Headers:
        """Counts a request in its window; BigMarker says nothing of its limit."""
        instant = time.monotonic()
        began, count = self._window
        self._window = (instant, 1) if instant >= began + self.window_seconds else (began, count + 1)
        return []

    def refusal(self, asked: Asked, request: Request) -> Response | None:
        """Refuses a request without the key, and what is beyond the limit."""
        key = asked.headers.get("api-key")
        if key is None:
            return _refusal(401, "The header API-KEY is missing.")
        if key != self.api_key:
            return _refusal(403, "The API key is invalid.")
        if self._window[1] > self.requests_per_minute:
            return _refusal(429, "Too many requests.")
        return None

    async def _conferences(self, request: Request) -> Response:
        kind = request.query_params.get("type", "future")
        if kind not in ("all", "future"):
            return _refusal(422, f"There is no type {kind}.")
        documents = self.account.get("conferences", [])
        if kind == "future":
            documents = [one for one in documents if datetime.fromisoformat(one["end_time"]) > now()]
        return self._page(request, "conferences", documents)

    def _list(self, name: str) -> Callable:
        async def answer(request: Request) -> Response:
            conference = request.path_params["conference"]
            if conference not in {str(one.get("id")) for one in self.account.get("conferences", ())}:
                return _refusal(404, "The conference does not exist.")
            return self._page(request, name, self.account.get(name, {}).get(conference, ()))

        return answer

    def _page(self, request: Request, name: str, documents: list[Document]) -> Response:
        numbers = [request.query_params[one] for one in self.page_parameters if one in request.query_params]
        texts = [*numbers, request.query_params.get("per_page", str(_PAGE_ROWS))]
        if not all(re.fullmatch(r"[1-9]\d{0,5}", text) for text in texts):
            return _refusal(422, "page and per_page are numbers from 1 on.")
        number = int(numbers[0]) if numbers else 1
        rows = min(int(texts[-1]), self.most_page_rows)
        fields = {
            "current_page": number,
            "per_page": rows,
            "total_pages": -(-len(documents) // rows),
            "total_entries": len(documents),
        }
        page = {name: documents[(number - 1) * rows : number * rows]}
        return JSONResponse(page | {field: fields[field] for field in self.page_fields})


def _refusal(status: int, words: str) -> Response:
    return JSONResponse({"error": words}, status)
