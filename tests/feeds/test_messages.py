"""Answers to the messages that come over a WebSocket."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse

from toasts import feeds
from toasts.feeds.messages import answer_message, answer_post


class Repeat(feeds.Feed):
    """Answers each message with its own data."""

    async def receive(self, request: HttpRequest, topic: str, data: Any) -> Any:
        return data


@pytest.mark.parametrize("ref", ["NaN", "-Infinity", "1e999", "[1]", "{}", "1.5", "true"])
async def test_a_message_with_an_invalid_ref_is_answered_with_an_error(ref: str) -> None:
    answer = await answer_message(Repeat(), HttpRequest(), "1", f'{{"data": 1, "ref": {ref}}}')
    assert json.loads(answer) == {
        "event": "error",
        "data": {"detail": ["ref: must be a text or a whole number."]},
    }


HALVES = [
    '"\\ud800"', '"a\\uDFFFb"', '{"\\udc00": 1}', '[["\\ud83d\\u0041"]]', '"\\udc00\\ud83d"',
]  # fmt: skip
"""JSON with half of a surrogate pair, which no database stores."""


@pytest.mark.parametrize("text", HALVES)
async def test_half_a_surrogate_pair_in_a_message_is_refused(text: str) -> None:
    for value in (text, json.dumps(json.loads(text), ensure_ascii=False)):
        answer = await answer_message(Repeat(), HttpRequest(), "1", f'{{"data": {value}}}')
        detail = ["Not Unicode: it has half of a surrogate pair."]
        assert json.loads(answer) == {"event": "error", "data": {"detail": detail}}


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", HALVES)
async def test_half_a_surrogate_pair_in_a_post_is_a_400(text: str, encoding: str) -> None:
    raw = text if encoding == "ascii" else json.dumps(json.loads(text), ensure_ascii=False)
    answer = await posted(raw.encode(encoding, "surrogatepass"))
    assert answer.status_code == 400
    assert json.loads(answer.content)["detail"] == ["Not Unicode: it has half of a surrogate pair."]


@pytest.mark.parametrize("text", ['"\\ud83d\\ude00"', '"\\\\ud800"', '"\U0001f600 \\uD7FF"'])
async def test_whole_pairs_and_what_only_looks_like_half_of_one_are_taken(text: str) -> None:
    answer = await posted(text.encode())
    assert (answer.status_code, json.loads(answer.content)) == (200, json.loads(text))


async def posted(body: bytes) -> HttpResponse:
    request = HttpRequest()
    request._body = body
    return await sync_to_async(answer_post)(Repeat(), request, "1")


@pytest.mark.parametrize("ref", ['"a"', "7"])
async def test_an_answer_repeats_the_ref_of_its_message(ref: str) -> None:
    answer = await answer_message(Repeat(), HttpRequest(), "1", f'{{"data": 1, "ref": {ref}}}')
    assert answer == f'{{"event":"reply","data":1,"ref":{ref}}}'


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (nested(100_000), "Not JSON."),
        ("[" * 100_000, "Not JSON."),
        (nested(101), "Nested more than 100 deep."),
        ('{"a":' * 101 + "1" + "}" * 101, "Nested more than 100 deep."),
        (f"[{nested(5)}, {nested(100)}, {nested(5)}]", "Nested more than 100 deep."),
    ],
)
async def test_json_that_is_nested_too_deeply_is_refused(text: str, problem: str) -> None:
    answer = await answer_message(Repeat(), HttpRequest(), "1", text)
    assert json.loads(answer)["data"] == {"detail": [problem]}
    response = await posted(text.encode())
    assert (response.status_code, json.loads(response.content)) == (400, {"detail": [problem]})


@pytest.mark.parametrize(
    "text", [nested(100), f"[{','.join(['[{}]'] * 500)}]", '"' + "[" * 500 + '"']
)
async def test_json_of_a_hundred_levels_and_any_width_is_taken(text: str) -> None:
    response = await posted(text.encode())
    assert (response.status_code, json.loads(response.content)) == (200, json.loads(text))
