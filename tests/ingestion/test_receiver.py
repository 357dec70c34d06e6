"""The receiver: what it keeps and what it refuses, whatever is sent, and what it says of itself."""

import fcntl
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from receiving import KEY, Service, body, lines, receiving, receiving_signed, signature
from support import BIN

from ingestion import receiver
from ingestion.errors import ThroughlineError
from ingestion.receiver import BODY_BYTES, Receiver
from ingestion.receiver_figures import Figures
from ingestion.signatures import HEADER
from ingestion.signing_keys import SETTING, KeyRing, add_signing_key, remove_signing_key

DELIVERY = b'{"event": "invitee.created", "payload": {"uri": "https://api.calendly.com/x", "name": "Zo\xc3\xab"}}'
BUCKET_URL = "SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL"
TOLERANCE = "SOURCES__CALENDLY_WEBHOOKS__SIGNATURE_TOLERANCE_SECONDS"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Be a receiver with one signing key."""
    with receiving_signed(tmp_path_factory.mktemp("received")) as service:
        yield service


@pytest.fixture
def service(shared):
    """Be it, with what other tests sent out of the way."""
    shared.kept()
    return shared


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Be the folder of a project of its own, in which settings stand."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "working"))
    return tmp_path


def test_a_delivery_is_kept_as_it_came(service):
    """With its headers, and with the instant at which it came."""
    header = signature(DELIVERY)
    answer = service.post(DELIVERY, **{HEADER: header}, Content_Type="application/json", X_Other="not kept")
    assert (answer.status_code, answer.json()) == (200, {"status": "stored"})
    line = lines(service.folder)[-1]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("received_at"))
    assert line == {
        "headers": {HEADER.lower(): header, "content-type": "application/json"},
        "body": DELIVERY.decode(),
    }


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"not json", {"Content_Type": "text/plain"}),
        (b'{"event": "what.nobody.knows"}', {"Content_Type": "application/json"}),
        (DELIVERY, {"Content_Type": "image/png; \xe9"}),
        (gzip.compress(DELIVERY, mtime=0), {"Content_Encoding": "gzip"}),
        (b"\xff\xfe\x00", {}),
        (b"a\0b", {}),
        (b'\xef\xbb\xbf"\\\r\n\x0b\xe2\x80\xa8"\x7f\x01', {}),
    ],
)
def test_content_that_it_dislikes_is_kept(service, body, headers):
    """Byte for byte, whatever the headers say of it."""
    assert service.deliver(body, **headers).status_code == 200
    ((kept, content),) = service.kept()
    assert content == body
    # A warehouse's text can hold neither.
    assert ("body" in lines(service.folder)[-1]) == (b"\0" not in body and b"\x8b" not in body)
    for name, value in headers.items():
        assert kept[name.replace("_", "-").lower()] == value


def test_a_chunked_body_is_kept_whole(service):
    """However it is parted."""
    assert service.post(iter([DELIVERY[:7], DELIVERY[7:]]), **{HEADER: signature(DELIVERY)}).status_code == 200
    assert [content for _, content in service.kept()] == [DELIVERY]


# Each made when it is sent, as signatures age.
REFUSED = {
    "without": (lambda: None, "unsigned"),
    "empty": (lambda: "", "bad_signature"),
    "of another key": (lambda: signature(DELIVERY, "another-key"), "bad_signature"),
    "of another body": (lambda: signature(DELIVERY + b" "), "bad_signature"),
    "altered": (lambda: signature(DELIVERY).replace("v1=", "v1=0"), "bad_signature"),
    "of two instants": (lambda: signature(DELIVERY) + ",t=1", "bad_signature"),
    "replayed": (lambda: signature(DELIVERY, seconds_ago=400), "stale_signature"),
    "from the future": (lambda: signature(DELIVERY, seconds_ago=-100_000), "stale_signature"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_to_be_trusted_is_refused(service, kind):
    """With a sentence, and nothing of it is kept."""
    made, outcome = REFUSED[kind]
    header = made()
    before = service.figure("deliveries_total", outcome=outcome)
    answer = service.post(DELIVERY, **({} if header is None else {HEADER: header}))
    assert answer.status_code == 401
    assert answer.json()["message"]
    assert service.kept() == []
    assert service.figure("deliveries_total", outcome=outcome) == before + 1


def test_an_altered_body_is_refused(service):
    """Unpacked, in another layout, or longer."""
    header = signature(DELIVERY)
    for altered in (gzip.compress(DELIVERY), json.dumps(json.loads(DELIVERY)).encode() + b"\n", DELIVERY + b" "):
        assert service.post(altered, **{HEADER: header}).status_code == 401
    assert service.kept() == []


def test_a_header_in_two_lines_is_one(service):
    """As HTTP has it; and the pairs may come in any order."""
    instant, digest = signature(DELIVERY).split(",")
    head = f"POST /webhooks/calendly HTTP/1.1\r\nHost: a\r\n{HEADER}: {digest}\r\n{HEADER.upper()}: {instant}\r\n"
    answer = service.talk(head.encode(), b"Content-Length: %d\r\n\r\n" % len(DELIVERY), DELIVERY)
    assert answer.startswith(b"HTTP/1.1 200")
    assert service.kept() == [({HEADER.lower(): f"{digest}, {instant}"}, DELIVERY)]


def test_a_body_that_breaks_off_is_not_kept(service):
    """Whether its length was told or not."""
    before = service.figure("deliveries_total", outcome="broken_off")
    head = f"POST /webhooks/calendly HTTP/1.1\r\nHost: a\r\n{HEADER}: {signature(DELIVERY)}\r\n".encode()
    service.talk(head, b"Content-Length: %d\r\n\r\n" % (len(DELIVERY) + 1), DELIVERY, closes=True)
    chunk = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(DELIVERY), DELIVERY)
    service.talk(head, chunk, closes=True)
    while service.figure("deliveries_total", outcome="broken_off") < before + 2:
        pass
    assert service.kept() == []


def test_a_body_may_have_one_mebibyte(service):
    """And not a byte more, whether its length was told or is counted."""
    longest = b"x" * BODY_BYTES
    assert service.deliver(longest).status_code == 200
    too_long = longest + b"y"
    for sent in (too_long, iter([longest, b"y"])):
        answer = service.post(sent, **{HEADER: signature(too_long)})
        assert answer.status_code == 413
        assert answer.json()["message"]
    assert [content for _, content in service.kept()] == [longest]


def test_a_length_that_is_too_much_is_refused_at_once(service):
    """Before any of it has come."""
    answer = service.talk(b"POST /webhooks/calendly HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_come_is_not_waited_for(service, monkeypatch):
    """Nobody may hold a connection for ever."""
    monkeypatch.setattr(receiver, "_BODY_SECONDS", 0.05)
    answer = service.talk(b"POST /webhooks/calendly HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_refused(service, method):
    """With the one that is allowed."""
    answer = requests.request(method, service.url + "/webhooks/calendly", timeout=30)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/", "/webhooks/calendly/", "/webhooks", "/WEBHOOKS/CALENDLY", "/docs"])
def test_another_address_is_not_there(service, path):
    """Nor does it lead anywhere: a redirection is a failure to Calendly."""
    answer = requests.post(service.url + path, data=DELIVERY, allow_redirects=False, timeout=30)
    assert answer.status_code == 404
    assert answer.json() == {"message": "There is nothing at this address."}


def test_beyond_the_number_of_connections_it_says_so(service):
    """Those that are there are served nevertheless."""
    with ExitStack() as idle:
        for _ in range(receiver._CONNECTIONS):
            idle.enter_context(socket.create_connection(("127.0.0.1", service.port)))
        assert service.deliver(DELIVERY).status_code == 503
    deadline = time.monotonic() + 60
    while service.deliver(DELIVERY).status_code == 503:
        assert time.monotonic() < deadline
    assert len(service.kept()) == 1


def test_figures_say_what_happened(service):
    """In a format that Prometheus reads."""
    before = {name: service.figure(name) for name in ("stored_bytes_total", "commit_seconds_count")}
    assert service.deliver(DELIVERY).status_code == 200
    families = {family.name for family in text_string_to_metric_families(service.get("/metrics").text)}
    assert {"throughline_receiver_deliveries", "throughline_receiver_commit_deliveries"} <= families
    (line,) = lines(service.folder)[-1:]
    written = len(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()) + 1
    assert service.figure("stored_bytes_total") == before["stored_bytes_total"] + written
    assert service.figure("commit_seconds_count") == before["commit_seconds_count"] + 1
    assert 0 <= service.figure("signature_skew_seconds") < 60
    assert service.figure("free_bytes") > 0
    assert service.figure("last_write_succeeded") == 1
    assert service.get("/healthz").json() == {"status": "ok", "last_stored_at": line["received_at"]}


def test_new_keys_are_accepted_without_a_restart(project, capsys):
    """And those that are taken away are not, from the next delivery on."""
    add_signing_key("old")
    with receiving(Receiver(project / "dumps", KeyRing()), project / "dumps") as service:

        def statuses():
            return [service.post(b"x", **{HEADER: signature(b"x", key)}).status_code for key in ("old", "new")]

        assert statuses() == [200, 401]
        add_signing_key("new")
        assert statuses() == [200, 200]
        remove_signing_key("old")
        assert statuses() == [401, 200]
        (project / ".dlt" / "secrets.toml").write_text("[sources")
        assert statuses() == [401, 200]
    assert capsys.readouterr().err.count("secrets.toml is no TOML") == 1


def test_without_keys_everything_is_taken(tmp_path):
    """What is said to be a signature is kept with it."""
    with receiving(Receiver(tmp_path, None), tmp_path) as service:
        assert service.post(b"x", **{HEADER: "t=1,v1=2"}).status_code == 200
        assert service.post(b"y").status_code == 200
        assert service.kept() == [({HEADER.lower(): "t=1,v1=2"}, b"x"), ({}, b"y")]
        assert "401" not in service.get("/openapi.json").json()["paths"]["/webhooks/calendly"]["post"]["responses"]
    # Whoever looks for torn lines may have the file now.
    (path,) = tmp_path.glob("*/*")
    with path.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_an_unwritable_disk_is_said_and_survived(tmp_path, capsys):
    """Deliveries are to be sent again; when the disk is well, the first question after its health finds out."""
    folder = tmp_path / "dumps"
    with receiving(Receiver(folder, None), folder) as service:
        assert service.post(b"one").status_code == 200
        folder.rename(tmp_path / "aside")
        folder.write_text("a file in its place")
        for _ in range(2):
            answer = service.post(b"two")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
            assert answer.json()["message"]
            assert service.get("/healthz").status_code == 503
        assert service.figure("last_write_succeeded") == 0
        assert service.figure("deliveries_total", outcome="not_written") == 2
        folder.unlink()
        assert service.get("/healthz").json()["status"] == "ok"
        assert service.figure("last_write_succeeded") == 1
        assert service.post(b"three").status_code == 200
    assert [body(line) for line in lines(folder)] == [b"three"]
    told = capsys.readouterr().err.splitlines()
    assert [line.split(" (")[0].split(";")[0] for line in told] == [
        f"Deliveries cannot be written into {folder}",
        "Deliveries are written again.",
        "in the last minute: 2 stored, 2 refused",
    ]


def test_what_is_said_is_little_and_quotes_nothing(tmp_path, monkeypatch, capsys):
    """The first refusal of a kind at once, the others in one line; nothing of a body or a key."""
    monkeypatch.setenv(SETTING, KEY)
    with receiving(Receiver(tmp_path, KeyRing()), tmp_path) as service:
        for _ in range(3):
            service.post(b"secret-body", **{HEADER: signature(b"secret-body", "forged-key")})
            service.post(b"secret-body", **{HEADER: signature(b"secret-body", seconds_ago=1000)})
            service.deliver(b"secret-body")
    told = capsys.readouterr().err
    first, second, minute = told.splitlines()
    assert first.startswith("A delivery was refused. The signature was made with none of the keys. ")
    assert first.endswith("`throughline subscribe --url … --replace`.")
    assert re.search(r"The signature was made 100\d s ago, and 180 s are tolerated\. ", second)
    counts = "3 stored, 3 refused (bad signature), 3 refused (stale signature)"
    assert re.fullmatch(re.escape(f"in the last minute: {counts}, largest skew 100") + r"\d s", minute)
    assert "secret" not in told
    assert KEY not in told


def test_it_goes_on_when_nobody_listens_any_more(tmp_path, monkeypatch):
    """A log that was closed must not cost a delivery."""

    def gone(_):
        raise BrokenPipeError

    folder = tmp_path / "dumps"
    with receiving(Receiver(folder, None), folder) as service:
        folder.write_text("a file in its place")
        monkeypatch.setattr(sys.stderr, "write", gone)
        assert service.post(b"one").status_code == 503
        monkeypatch.undo()
        folder.unlink()
        assert service.post(b"two").status_code == 200


def test_a_minute_in_which_nothing_happened_is_not_told(tmp_path, capsys):
    """And what was told is not told again; a skew may be negative."""
    figures = Figures(tmp_path)
    figures.tell_minute()
    figures.count("stale_signature", 200.0)
    figures.count("stale_signature", -900.0)
    figures.tell_minute()
    figures.tell_minute()
    assert capsys.readouterr().err == "in the last minute: 2 refused (stale signature), largest skew -900 s\n"


@pytest.mark.parametrize(
    ("settings", "options", "words"),
    [
        ({BUCKET_URL: ""}, {}, rf"{BUCKET_URL} to the folder"),
        ({BUCKET_URL: "s3://dumps"}, {}, "writes into a folder of this machine"),
        ({BUCKET_URL: "/dev/null/dumps"}, {}, "/dev/null/dumps cannot be written"),
        ({SETTING: ""}, {}, "throughline subscribe.*--insecure"),
        ({}, {"insecure": True}, "leave it out"),
        ({TOLERANCE: "soon"}, {}, f"{TOLERANCE} is 'soon'"),
        ({TOLERANCE: "0"}, {}, f"{TOLERANCE} is '0'"),
        ({TOLERANCE: "nan"}, {}, f"{TOLERANCE} is 'nan'"),
        ({TOLERANCE: "inf"}, {}, f"{TOLERANCE} is 'inf'"),
        ({"THROUGHLINE_NOW": "soon"}, {}, "THROUGHLINE_NOW is 'soon'"),
        ({}, {"host": "203.0.113.1"}, r"203\.0\.113\.1:0 cannot be listened on"),
        ({}, {"port": 70000}, "cannot be listened on"),
    ],
)
def test_what_keeps_it_from_starting_is_a_sentence(project, monkeypatch, settings, options, words):
    """With the setting that is to be mended."""
    for name, value in ({BUCKET_URL: str(project / "dumps"), SETTING: KEY} | settings).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ThroughlineError, match=words) as refusal:
        receiver.serve(**{"host": "127.0.0.1", "port": 0} | options)
    assert KEY not in str(refusal.value)


def test_a_port_that_is_taken_is_a_sentence(project, service, monkeypatch):
    """The other one goes on."""
    monkeypatch.setenv(BUCKET_URL, str(project / "dumps"))
    with pytest.raises(ThroughlineError, match=f":{service.port} cannot be listened on"):
        receiver.serve("127.0.0.1", service.port, insecure=True)


def test_the_tolerance_may_stand_in_a_file(project):
    """As a number."""
    (project / ".dlt").mkdir()
    (project / ".dlt" / "config.toml").write_text("[sources.calendly_webhooks]\nsignature_tolerance_seconds = 7\n")
    script = "from ingestion.receiver import _tolerance; print(_tolerance())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "7.0\n"


def test_a_process_that_is_asked_to_end_answers_what_is_under_way(project):
    """A delivery of which half has come is kept, and answered."""
    settings = {BUCKET_URL: str(project / "dumps"), SETTING: f"{KEY} another"}
    command = [BIN / "throughline", "receive", "--port", "0"]
    process = subprocess.Popen(command, env=os.environ | settings, stderr=subprocess.PIPE, text=True)
    announced = process.stderr.readline()
    assert re.match(
        r"Receiving at http://127\.0\.0\.1:\d+/webhooks/calendly into .*/dumps, signed with one of 2 ", announced
    )
    assert KEY not in announced
    service = Service(re.search(r"http://[^/]*", announced)[0], project / "dumps")
    header = signature(DELIVERY)
    head = f"POST /webhooks/calendly HTTP/1.1\r\nHost: a\r\n{HEADER}: {header}\r\n".encode()
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(DELIVERY) + DELIVERY[:5])
        assert service.get("/healthz").status_code == 200
        process.send_signal(signal.SIGTERM)
        while listens(service.port):
            pass
        connection.sendall(DELIVERY[5:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert process.wait() == -signal.SIGTERM
    assert service.kept() == [({HEADER.lower(): header}, DELIVERY)]
    assert re.fullmatch(r"in the last minute: 1 stored, largest skew \d s\n", process.stderr.read())


def listens(port):
    """Whether somebody takes connections."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
