"""What the tests of loads from APIs share, whose modules say what their `load` and `loaded` are; and buckets on S3."""

import os
import shutil

import pytest
from api_loading import serving_in_turn


@pytest.fixture(scope="module")
def serve():
    """Be a function that puts a simulator in the place of the one before, and returns the address."""
    with serving_in_turn() as put:
        yield put


@pytest.fixture
def reload(load, loaded, warehouse):
    """Be a function that loads again what was loaded at noon."""
    warehouse.parent.mkdir()
    shutil.copy(loaded, warehouse)
    return load


@pytest.fixture(scope="session")
def s3_endpoint():
    """Be the address of an S3 server, started when the first test needs it."""
    # A second to import, which only two modules need.
    from s3_server import serving

    with serving() as address:
        yield address


@pytest.fixture
def bucket(s3_endpoint, monkeypatch):
    """Be a bucket of this test's own, which the machine's own keys do not open."""
    from s3_server import Bucket

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, os.devnull)
    return Bucket(s3_endpoint)
