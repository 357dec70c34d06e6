"""What the clients of all APIs say of an answer that is an error."""

import json

import pytest
import requests

from ingestion.apis import RefusalError


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"message": "This address is not known."},
            "api.example.com answered /v2/users with 404 This address is not known.",
        ),
        ({"message": "The user ann@example.com, or <bob@example.com>, is gone"}, "404 The user …, or <…>, is gone."),
        ({"message": "The key s3cret is not known"}, "404 The key … is not known."),
        ({}, "with 404."),
    ],
    ids=["one full stop", "addresses", "a secret", "without words"],
)
def test_a_refusal_says_no_more_than_it_may(body: dict, sentence: str) -> None:
    """An API may repeat in its words what nobody should read in a log."""
    response = requests.Response()
    response.status_code, response.url = 404, "https://api.example.com/v2/users?key=s3cret"
    response._content = json.dumps(body).encode()
    assert str(RefusalError(response, "s3cret")).endswith(sentence)
