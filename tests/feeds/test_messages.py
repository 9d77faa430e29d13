"""Answers to the messages that come over a WebSocket."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpRequest

from toasts import feeds
from toasts.feeds.messages import answer_message


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


@pytest.mark.parametrize("ref", ['"a"', "7"])
async def test_an_answer_repeats_the_ref_of_its_message(ref: str) -> None:
    answer = await answer_message(Repeat(), HttpRequest(), "1", f'{{"data": 1, "ref": {ref}}}')
    assert answer == f'{{"event":"reply","data":1,"ref":{ref}}}'
