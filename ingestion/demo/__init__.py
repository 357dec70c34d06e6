"""The demo company: one fictional world, and a writer for each source system that exports a part of it."""

from pathlib import Path

from ingestion.demo import (
    ad_spend,
    bigmarker,
    calendly,
    calendly_export,
    calendly_webhooks,
    crm,
    stream,
    zoom_api,
    zoom_reports,
)
from ingestion.demo.world import World

DEFAULT_SIZE = 400
DEFAULT_SEED = 42

WRITERS = {
    "crm": crm.write,
    "calendly": calendly.write,
    "calendly_webhooks": calendly_webhooks.write,
    "calendly_export": calendly_export.write,
    "ad_spend": ad_spend.write,
    "zoom": zoom_reports.write,
    "zoom_api": zoom_api.write,
    "bigmarker": bigmarker.write,
    "stream": stream.write,
}


def write_demo(folder: Path, size: int = DEFAULT_SIZE, seed: int = DEFAULT_SEED) -> None:
    """Write the demo company's exports; files that would not change are left alone.

    Args:
        folder: Where the files go, in a folder for each source (a key of WRITERS); made if it is missing.
        size: Number of accounts, at least 1. A larger world holds every smaller one unchanged.
        seed: Chooses the world; the same size and seed give the same bytes.
    """
    world = World(size, seed)
    for source, writer in WRITERS.items():
        place = folder / source
        place.mkdir(parents=True, exist_ok=True)
        writer(world, place)
