"""A third-party parser decodes each encoded event to exactly its data."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from httpx_sse import ServerSentEvent
from httpx_sse._decoders import SSEDecoder, SSELineDecoder
from hypothesis import example, given
from hypothesis import strategies as st

from toasts.realtime.sse import Event, is_event_id, json_event

# Characters that are known to break parsers, mixed with any others.
AWKWARD = ["\r", "\n", "\r\n", "\0", "\ud800", "\udfff", "\U0001f600", "\u2028", "\u2029", "\x85"]
AWKWARD += ["\ufeff", ":", " ", "data: x", "\n\n", "id: 1\n", "\x0b", "\x0c", "\x1c", ""]
any_text = st.lists(st.one_of(st.sampled_from(AWKWARD), st.text(max_size=5))).map("".join)
names = st.from_regex(r"[A-Za-z0-9._\-]{1,64}", fullmatch=True)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), any_text),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(any_text, inner, max_size=3)
    ),
    max_leaves=8,
)


def decode(stream: bytes) -> list[ServerSentEvent]:
    lines, events = SSELineDecoder(), SSEDecoder()
    found = [events.decode(line) for line in lines.decode(stream.decode("utf-8"))]
    return [event for event in found if event is not None]


def as_received(text: str) -> str:
    """Return the text as a parser returns it: with one kind of newline, and without half pairs."""
    return re.sub("\r\n|\r|\n", "\n", text).encode("utf-8", "replace").decode()


@given(names, any_text, st.none() | names, st.none() | st.integers(1000, 60_000))
@example("toast", "", None, None)
@example("toast", "\ufeff", None, None)
@example("toast", " two spaces stay two", "1", 1000)
@example("toast", "a\r\rb\n\rc\r", None, None)
def test_any_text_arrives_as_one_event_with_exactly_that_data(
    type: str, data: str, id: str | None, retry: int | None
) -> None:
    (event,) = decode(Event(type, data, id, retry).encode())
    assert (event.event, event.data, event.id, event.retry) == (
        type,
        as_received(data),
        id or "",
        retry,
    )


@given(st.lists(st.tuples(names, any_text), min_size=1, max_size=5))
def test_no_event_changes_the_next_one(pairs: list[tuple[str, str]]) -> None:
    stream = b"".join(Event(type, data).encode() for type, data in pairs)
    assert [(event.event, event.data) for event in decode(stream)] == [
        (type, as_received(data)) for type, data in pairs
    ]


@given(names, any_text)
def test_only_the_line_feed_ends_a_line(type: str, data: str) -> None:
    encoded = Event(type, data).encode()
    assert b"\r" not in encoded
    assert encoded.endswith(b"\n\n")
    assert encoded.count(b"\n\n") == 1


@given(names, json_values)
def test_a_json_event_is_one_line_of_ascii_and_loses_nothing(type: str, value: Any) -> None:
    encoded = json_event(type, value)
    first, second, *rest = encoded.split(b"\n")
    assert first == f"event: {type}".encode()
    assert second.startswith(b"data: ")
    assert rest == [b"", b""]
    assert encoded.isascii()
    (event,) = decode(encoded)
    # JSON joins two halves of a surrogate pair that are next to each other.
    assert json.loads(event.data) == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        # The streams of WHATWG HTML, 9.2.5 and 9.2.6, as this encoder writes them.
        (
            Event("stock", "YHOO\n+2\n10"),
            b"event: stock\ndata: YHOO\ndata: +2\ndata: 10\n\n",
        ),
        (Event("add", "73857293"), b"event: add\ndata: 73857293\n\n"),
        (
            Event("message", "first event", id="1"),
            b"event: message\ndata: first event\nid: 1\n\n",
        ),
        (Event("message", " third event"), b"event: message\ndata:  third event\n\n"),
        # An event needs a data line in a browser, even an empty one.
        (Event("message", ""), b"event: message\ndata: \n\n"),
        (Event("message", "\n"), b"event: message\ndata: \ndata: \n\n"),
        (
            Event("a.b_C-9", "x", "v1.-_", 1000),
            b"event: a.b_C-9\ndata: x\nid: v1.-_\nretry: 1000\n\n",
        ),
    ],
)
def test_the_exact_bytes(event: Event, expected: bytes) -> None:
    assert event.encode() == expected


def test_the_exact_bytes_of_json() -> None:
    assert json_event("dismiss", {"ids": [1, 2], "é": "\u2028\n"}, id="9", retry=2000) == (
        b'event: dismiss\ndata: {"ids":[1,2],"\\u00e9":"\\u2028\\n"}\nid: 9\nretry: 2000\n\n'
    )


BAD_NAMES = ["", "a b", "a\nb", "a\rb", "a\n", "a\0", "é", "\u0661", "a:b", "x" * 65, "\ud800"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_type_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"^type: .* must be 1 to 64 of"):
        Event(name, "x")


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_id_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"^id: .* must be 1 to 64 of"):
        Event("toast", "x", id=name)


@pytest.mark.parametrize("retry", [0, 999, 60_001, -1, 1500.0, float("nan"), True, "2000"])
def test_a_bad_retry_is_refused_by_name(retry: Any) -> None:
    with pytest.raises(ValueError, match=r"^retry: must be 1000 to 60000 ms, not "):
        Event("toast", "x", retry=retry)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_no_browser_could_parse_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_event("toast", {"data": number})


@pytest.mark.parametrize("id", ["1", "deadBEEF", "a.b-c_d", "x" * 64])
def test_an_event_id_of_ours_is_accepted(id: str) -> None:
    assert is_event_id(id)


@pytest.mark.parametrize("id", BAD_NAMES)
def test_an_event_id_that_cannot_be_ours_is_refused(id: str) -> None:
    assert not is_event_id(id)
