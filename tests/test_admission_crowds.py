"""Who is looked up together, and who need not wait for others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from toasts import admission
from toasts.admission import Doorkeeper


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


async def test_who_comes_alone_is_looked_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "GATHER", 3600)
    looks: Any = Looks()
    await asyncio.wait_for(Doorkeeper(lambda: looks).ask("a"), 5)
    assert looks.looks == [["a"]]


async def test_who_comes_after_the_crowd_has_passed_is_alone_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "GATHER", 3600)
    monkeypatch.setattr(admission, "CROWD", 0)
    looks: Any = Looks()
    keeper = Doorkeeper(lambda: looks)
    for key in "ab":
        await asyncio.wait_for(keeper.ask(key), 5)
    assert looks.looks == [["a"], ["b"]]


async def test_those_who_come_one_after_the_other_are_looked_up_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "GATHER", 0.2)
    monkeypatch.setattr(admission, "CROWD", 3600)
    looks: Any = Looks()
    keeper = Doorkeeper(lambda: looks)
    asking = []
    for number in range(10):
        asking.append(asyncio.create_task(keeper.ask(str(number))))
        for _ in range(5):  # so that the first look is over before the last has come
            await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*asking), 5)
    assert looks.looks[0] == ["0"]
    assert [key for look in looks.looks for key in look] == [str(number) for number in range(10)]
    assert len(looks.looks) == 2
