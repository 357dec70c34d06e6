"""The union of sessions in SQL against a count of each second in which somebody was there."""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

MODEL = "int_webinar_attendance__merged"
BEGIN = datetime(2026, 1, 1, 23, 58)

PEOPLE = {"email:a": "a", "email:b": "b", "email:b at work": "b"}

# Few seconds, so that sessions touch, overlap and contain each other often.
SECONDS = st.integers(0, 40)
SESSIONS = st.lists(
    st.fixed_dictionaries(
        {
            "webinar_id": st.sampled_from(["w1", "w2"]),
            "person_key": st.sampled_from(sorted(PEOPLE)),
            "is_staff": st.sampled_from([False, False, False, True]),
            "joined": SECONDS | st.none(),
            "lasted": SECONDS,
        }
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def merged(folder: Path, command: Callable[..., str]) -> Callable[[list[dict]], dict]:
    """Runs the model's SQL, as dbt compiles it, on the given sessions."""
    command("dbt", "compile", "--quiet", "--select", MODEL, THROUGHLINE_WAREHOUSE=folder / "empty.duckdb")
    (compiled,) = folder.glob(f"target/compiled/**/{MODEL}.sql")
    query = compiled.read_text()
    for model, table in (("int_webinar_sessions__unioned", "sessions"), ("int_people__resolved", "people")):
        query, replaced = re.subn(rf'"\w+"\."\w+"\."{model}"', table, query)
        assert replaced == 1
    connection = duckdb.connect()
    connection.execute("create table people (identifier_key varchar, person_id varchar)")
    connection.executemany("insert into people values (?, ?)", PEOPLE.items())
    connection.execute(
        "create table sessions (webinar_id varchar, person_key varchar, is_staff boolean, session_kind varchar,"
        " session_key varchar, email varchar, joined_at timestamp, left_at timestamp, unplaced_seconds bigint)"
    )

    def run(sessions: list[dict]) -> dict:
        connection.execute("delete from sessions")
        for number, session in enumerate(sessions):
            joined_at, left_at = interval(session)
            connection.execute(
                "insert into sessions values (?, ?, ?, 'participant', ?, null, ?, ?, ?)",
                [
                    *(session[name] for name in ("webinar_id", "person_key", "is_staff")),
                    str(number),
                    joined_at,
                    left_at,
                    session["lasted"] if joined_at is None else None,
                ],
            )
        columns = "webinar_id, person_id, session_count, attended_seconds, attended_minutes, joined_at, left_at"
        rows = connection.execute(f"select {columns} from ({query})").fetchall()
        people = {row[:2]: row[2:] for row in rows}
        assert len(people) == len(rows)
        return people

    return run


def interval(session: dict) -> tuple[datetime | None, datetime | None]:
    """When a session began and ended; nothing where only its length is known."""
    if session["joined"] is None:
        return None, None
    joined_at = BEGIN + timedelta(seconds=session["joined"])
    return joined_at, joined_at + timedelta(seconds=session["lasted"])


def counted(sessions: list[dict]) -> dict:
    """Second by second, who was there."""
    of_people = defaultdict(list)
    for session in sessions:
        if not session["is_staff"]:
            of_people[session["webinar_id"], PEOPLE[session["person_key"]]].append(session)
    people = {}
    for person, own in of_people.items():
        placed = [session for session in own if session["joined"] is not None]
        there = {
            second for session in placed for second in range(session["joined"], session["joined"] + session["lasted"])
        }
        lengths = [session["lasted"] for session in own if session["joined"] is None]
        seconds = max([len(there), *lengths])
        begins, ends = zip(*map(interval, placed), strict=True) if placed else ([None], [None])
        people[person] = (len(own), seconds, seconds / 60, min(begins), max(ends))
    return people


@settings(max_examples=300, deadline=None)
@given(sessions=SESSIONS)
def test_each_second_counts_once(merged: Callable[[list[dict]], dict], sessions: list[dict]):
    """However sessions overlap, touch, contain or repeat each other, and over midnight."""
    assert merged(sessions) == counted(sessions)
