"""Who is looked up together, and who need not wait for others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from toasts.auth import batch as admission
from toasts.auth.batch import SessionBatcher


class Looks:
    """In the hub's place: nobody is let in, but it is known who was looked up with whom."""

    def __init__(self) -> None:
        self.looks: list[list[str]] = []

    def start(self) -> None:
        """It runs."""

    async def run(self, admit: Any, keys: list[str]) -> dict[str, Any]:
        self.looks.append(keys)
        await asyncio.sleep(0)
        return {}


def door(
    monkeypatch: pytest.MonkeyPatch, gather: float, crowd: float = admission.CROWD
) -> tuple[SessionBatcher, list[list[str]]]:
    """A doorkeeper with these bounds, and its looks."""
    monkeypatch.setattr(admission, "GATHER", gather)
    monkeypatch.setattr(admission, "CROWD", crowd)
    hub: Any = Looks()
    return SessionBatcher(lambda: hub), hub.looks


async def test_who_comes_alone_is_looked_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper, looks = door(monkeypatch, gather=3600)
    await asyncio.wait_for(keeper.ask("a"), 5)
    assert looks == [["a"]]


async def test_who_comes_after_the_crowd_has_passed_is_alone_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeper, looks = door(monkeypatch, gather=3600, crowd=0)
    for key in "ab":
        await asyncio.wait_for(keeper.ask(key), 5)
    assert looks == [["a"], ["b"]]


async def test_those_who_come_one_after_the_other_are_looked_up_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeper, looks = door(monkeypatch, gather=0.2, crowd=3600)
    asking = []
    for number in range(10):
        asking.append(asyncio.create_task(keeper.ask(str(number))))
        for _ in range(5):  # so that the first look is over before the last has come
            await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*asking), 5)
    assert looks[0] == ["0"]
    assert [key for look in looks for key in look] == [str(number) for number in range(10)]
    assert len(looks) == 2
