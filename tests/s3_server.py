"""An S3 server of the tests' own, on loopback, and buckets in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from uuid import uuid4

from botocore.client import BaseClient
from botocore.session import get_session
from moto.server import ThreadedMotoServer

SECRET = "s3cr3t-that-nobody-may-read"


@dataclass(frozen=True)
class Bucket:
    """A bucket that nobody else uses.

    Attributes:
        endpoint: The server's address.
        name: The bucket's.
        secret: The key that opens it, and that no message may show.
    """

    endpoint: str
    name: str = field(default_factory=lambda: f"bucket-{uuid4().hex}")
    secret: str = SECRET

    def __post_init__(self) -> None:
        """Makes it."""
        _client(self.endpoint).create_bucket(Bucket=self.name)

    def settings(self, prefix: str) -> dict[str, str]:
        """What a user sets to open it.

        Args:
            prefix: Of the settings' names, to its last underscore.
        """
        given = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": self.secret, "ENDPOINT_URL": self.endpoint}
        return {f"{prefix}{name}": value for name, value in given.items()}

    def put(self, key: str, body: bytes) -> None:
        """Writes an object."""
        _client(self.endpoint).put_object(Bucket=self.name, Key=key, Body=body)

    def objects(self) -> dict[str, bytes]:
        """All objects by their keys."""
        client = _client(self.endpoint)
        return {
            entry["Key"]: client.get_object(Bucket=self.name, Key=entry["Key"])["Body"].read()
            for entry in client.list_objects_v2(Bucket=self.name).get("Contents", [])
        }


@cache
def _client(endpoint: str) -> BaseClient:
    """A client, of which it takes a third of a second to make one."""
    return get_session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="key",
        aws_secret_access_key=SECRET,
    )


@contextmanager
def serving() -> Iterator[str]:
    """The address of a server on a free port."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
