"""The receiver under whatever can be sent: what is answered 200 can be read back, the rest is refused as it says."""

import http.client

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from receiving import receiving_signed, signature
from schemathesis.specs.openapi.checks import missing_required_header, negative_data_rejection

from ingestion.receiver import BODY_BYTES
from ingestion.receiver_openapi import WEBHOOK_PATH, openapi
from ingestion.signatures import HEADER

DESCRIPTION = openapi(is_signed=True, body_bytes=BODY_BYTES)
schema = schemathesis.openapi.from_dict(DESCRIPTION)

# HTTP allows no control characters in a header's value, and strips the spaces around it.
VALUES = st.binary(max_size=40).map(lambda value: bytes(sign for sign in value if sign > 31 and sign != 127).strip())
# What the disk takes does not depend on the example; health checks are about tests that do nothing else.
UNHURRIED = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Be a receiver with a signing key."""
    with receiving_signed(tmp_path_factory.mktemp("received")) as service:
        yield service


@pytest.fixture
def service(shared):
    """Be it, with what other tests sent out of the way."""
    shared.kept()
    return shared


@pytest.fixture(scope="module")
def session():
    """Be a connection that stays open."""
    with requests.Session() as session:
        yield session


def test_it_describes_itself(service):
    """With what the next tests hold it to."""
    assert service.get("/openapi.json").json() == DESCRIPTION


@schema.parametrize()
@settings(max_examples=100, **UNHURRIED)
def test_it_answers_as_its_description_says(case, service, session):
    """Every status, content type, header and body to requests of all kinds, none of them with a right signature."""
    case.validate_response(case.call(base_url=service.url, session=session))
    assert service.kept() == []


@schema.include(path=WEBHOOK_PATH, method="POST").parametrize()
@settings(max_examples=200, **UNHURRIED)
def test_whatever_is_signed_is_kept(case, service, session):
    """And answered as the description says, whatever the content is said to be."""
    request = session.prepare_request(requests.Request(**case.as_transport_kwargs(base_url=service.url)))
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    request.headers[HEADER] = signature(body)
    answer = session.send(request)
    # What the description does not foresee, such as another content type, is to be taken; and no signature is missing.
    case.validate_response(answer, excluded_checks=[negative_data_rejection, missing_required_header])
    expected = [body] if case.method == "POST" else []
    assert [content for _, content in service.kept()] == expected


@settings(max_examples=200, **UNHURRIED)
@given(
    body=st.one_of(st.binary(max_size=2000), st.text().map(str.encode)),
    kept=st.dictionaries(st.sampled_from(["content-type", "content-encoding"]), VALUES),
    others=st.lists(
        st.tuples(st.sampled_from(["x-other", "accept", "x-calendly-webhook-signature"]), VALUES), max_size=3
    ),
    is_chunked=st.booleans(),
)
def test_any_bytes_can_be_read_back(service, body, kept, others, is_chunked):
    """Body and kept headers, byte for byte, whatever else was sent."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    header = signature(body)
    connection.putrequest("POST", WEBHOOK_PATH)
    for name, value in [(HEADER, header.encode()), *kept.items(), *others]:
        connection.putheader(name, value)
    connection.putheader(*(("Transfer-Encoding", "chunked") if is_chunked else ("Content-Length", str(len(body)))))
    connection.endheaders(iter([body[:9], body[9:]]) if is_chunked else body, encode_chunked=is_chunked)
    assert connection.getresponse().status == 200
    connection.close()
    told = {name: value.decode("latin-1") for name, value in kept.items()}
    assert service.kept() == [({HEADER.lower(): header} | told, body)]


@settings(max_examples=100, **UNHURRIED)
@given(begin=st.sampled_from([b"", b"POST /webhooks/calendly HTTP/1.1\r\nHost: a\r\n"]), rest=st.binary())
def test_what_is_no_request_does_no_harm(service, begin, rest):
    """Nothing of it is kept, and the next one is served."""
    service.talk(begin, rest, closes=True)
    assert service.get("/healthz").status_code == 200
    assert service.kept() == []
